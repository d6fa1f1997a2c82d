"""The logbook: a file with one line a run, kept as long as today's code would repeat the run.

Lines are appended under a lock, and the last one of a name counts. So two processes lose nothing to
each other, a merge keeps what both sides have, and a kill costs at most the run in hand.
"""

import contextlib
import datetime
import errno
import functools
import json
import os
import platform
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from pickle import PicklingError
from typing import Any, NamedTuple

import joblib
import numpy as np
from filelock import FileLock
from joblib.parallel import get_active_backend
from threadpoolctl import threadpool_info
from tqdm.auto import tqdm

from handmlp.data import Splits
from handmlp.network import whole_or_not
from handmlp.recipe import Recipe
from handmlp.records.probe import agree, probe
from handmlp.runs import History, run


class Job(NamedTuple):
    """A run to be made or found: what `run` is called with.

    Any tuple with these methods can be a job, of which the logbook knows no more than its name.
    """

    recipe: Recipe
    data: Splits
    seed: int
    test: bool = False
    images: bool = False

    @property
    def name(self) -> str | None:
        """What decides the run; None if that cannot be told by names, as with choices of yours."""
        if not self.recipe.is_handmlps:
            return None
        return f"{self.recipe} seed {self.seed} data {self.data.fingerprint}"

    def probe(self) -> tuple:
        """Return numbers that change if what decides the run does; they cost little."""
        return probe(self.recipe, self.data)

    def train(self) -> History:
        """Make the run."""
        return run(*self[:4])[1]

    def told(self, history: History) -> dict:
        """Return what of a run is written down."""
        return history.to_dict()

    def read(self, line: dict) -> History | None:
        """Return the run that a line tells, or None if it does not tell all that is asked for."""
        asked = ["test_accuracy"] * self.test + ["right"] * self.images
        if self.test and self.images:
            asked.append("test_right")
        whole = line["diverged_at"] or all(_ends_known(line.get(name)) for name in asked)
        return History.from_dict(line) if whole else None


def _ends_known(numbers: list | None) -> bool:
    return numbers is not None and numbers[-1] is not None


class Logbook:
    """Recorded runs in a file of JSON lines, such as book/runs.jsonl; without a file, none.

    Raises
    ------
    ValueError
        If the file is a folder, or holds what is not a run.
    """

    def __init__(self, path: str | os.PathLike | None):
        self.path = None if path is None else Path(path)
        if self.path and self.path.is_dir():
            raise ValueError(f"logbook must be a file such as runs.jsonl, got the folder {path}")

    def lines(self) -> dict[str, dict]:
        """Return the line that counts of each name."""
        if self.path is None or not self.path.exists():
            return {}
        about = self.path.stat()
        return _lines(self.path, about.st_size, about.st_mtime_ns)

    def find(self, job: Job) -> Any | None:
        """Return the recorded run, or None if there is none that today's code would repeat."""
        return self._found(job, self.lines())

    def _found(self, job: Job, lines: dict[str, dict]) -> Any | None:
        line = lines.get(job.name) if job.name else None
        if line is None:
            return None
        today = job.probe()
        try:
            return job.read(line) if agree(line["probe"], today) else None
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{self.path}: the line of {job.name} is not whole: remove it, or "
                             f"restore the file ({error!r})") from error

    def record(self, job: Job, result: Any) -> None:
        """Add a line for a run, whole or not at all."""
        if self.path is None or not job.name:
            return
        text = _text({"name": job.name, "measured": measured(), "probe": job.probe(),
                      **job.told(result)})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone(), self.path.open("ab+", buffering=0) as file:
            file.seek(0)
            end = file.read().rfind(b"\n") + 1  # some 15 MB are read in milliseconds
            file.truncate(end)  # what a kill left of a line
            try:
                if file.write(text) < len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(end)
                raise

    def complete(self, jobs: Sequence[Job], n_jobs: int | None = None,
                 progress: bool = True) -> dict[Job, Any]:
        """Return the run of each job: found, or else trained now; the rest is as in `compare`."""
        lines = self.lines()  # once, since another process may add to them all the time
        found = {job: self._found(job, lines) for job in jobs}
        due = [job for job in found if found[job] is None]
        return found | self.train(due, n_jobs, progress)

    def train(self, jobs: Sequence[Job], n_jobs: int | None = None,
              progress: bool = True) -> dict[Job, Any]:
        """Train the jobs side by side, in sight, and record each as soon as it is done."""
        trained, lost = {}, None
        asked = get_active_backend()[1] or -1 if n_jobs is None else n_jobs
        workers = joblib.effective_n_jobs(asked)
        parallel = joblib.Parallel(max(1, min(workers, len(jobs))), return_as="generator")
        with _orderly():
            runs = parallel(joblib.delayed(_train)(job.name and job.probe(), type(job), *job)
                            for job in jobs)
            bar = tqdm(runs, "training", len(jobs), unit="run", disable=not (progress and jobs))
            for result, job in zip(bar, jobs):  # the bar first, or it would not reach its end
                trained[job] = result
                try:
                    self.record(job, result)
                except OSError as error:
                    lost = error
        if lost:
            warnings.warn(f"these runs are not kept, since {self.path} cannot be written: {lost}",
                          stacklevel=3)
        return trained

    def compact(self) -> None:
        """Rewrite the file in the order of its names, without the lines that no longer count."""
        with self._alone(), whole_or_not(self.path) as file:
            lines = self.lines()
            file.write_bytes(b"".join(_text(lines[name]) for name in sorted(lines)))

    def _alone(self) -> FileLock:
        return FileLock(f"{self.path}.lock", timeout=60)  # then it is an OSError, as a full disk


def _text(line: dict) -> bytes:
    text = json.dumps(line, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


@functools.lru_cache(maxsize=4)
def _lines(path: Path, size: int, changed: int) -> dict[str, dict]:
    """Read a file once, as long as it does not change."""
    found = {}
    *whole, _ = path.read_bytes()[:size].split(b"\n")  # after the last one, what a kill left
    for number, text in enumerate(whole, 1):
        try:
            line = json.loads(text)
            found[line["name"]] = line
        except (ValueError, KeyError, TypeError) as error:
            merge = text[:7] in (b"<<<<<<<", b"=======", b">>>>>>>")
            raise ValueError(
                f"{path}, line {number} is " + ("the mark of a merge: remove it, and keep the "
                "lines of both sides" if merge else f"not a run: remove it, or restore the file "
                f"({error!r})")) from error
    return found


def _train(expected: tuple, kind: type, *parts) -> Any:
    """Train in a process of its own, perhaps on another machine, if it computes as it should."""
    job = kind(*parts)
    if expected and not agree(job.probe(), expected):  # none of a choice of yours: it may be random
        raise RuntimeError(f"a worker on {platform.node()} has another handmlp than this process. "
                           "Was it edited since? Then restart this process, or the kernel")
    return job.train()


@contextlib.contextmanager
def _orderly() -> Iterator[None]:
    """End as after any error when asked to terminate, so that workers and their files go too."""
    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _leave) if here else None
    try:
        yield
    except PicklingError as error:
        raise RuntimeError("the images could not be handed to other processes; if the folder for "
                           "temporary files is full, set JOBLIB_TEMP_FOLDER to another one, or "
                           "n_jobs=1") from error
    finally:
        if here:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _leave(*_):
    raise SystemExit(128 + signal.SIGTERM)


@functools.cache
def measured() -> dict[str, str]:
    """Return what a number can depend on besides the code: versions, CPU kernel, and the date."""
    kernels = {info.get("architecture") or "unknown" for info in threadpool_info()
               if info["user_api"] == "blas"}
    return {"numpy": np.__version__, "kernel": ", ".join(sorted(kernels)),
            "python": platform.python_version(), "date": datetime.date.today().isoformat()}
