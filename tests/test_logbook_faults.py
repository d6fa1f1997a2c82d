"""The logbook where something is wrong with the disk, a line, or another process."""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import filelock
import numpy as np
import pytest

from handmlp import Recipe, fan_in, run, softmax_cross_entropy
from handmlp.activations import Activation
from handmlp.records import Logbook, compare
from handmlp.records.__main__ import disagreement
from handmlp.records.logbook import Job

QUICK = Recipe(units=(8,), output=softmax_cross_entropy, init=fan_in, epochs=1, learning_rate=0.1)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "runs.jsonl"


@pytest.fixture
def record(path, tiny) -> Path:
    """A record of one run, seed 0."""
    Logbook(path).record(Job(QUICK, tiny, 0), run(QUICK, tiny, 0)[1])
    return path


def sweep(path, data, **options):
    return compare(QUICK, data=data, seeds=range(3), logbook=path, n_jobs=1, progress=False,
                   **options).final(QUICK)


def elsewhere(code: str, *arguments) -> list[str]:
    """The lines that `code` prints in a process of its own.

    What it limits or lays down, the size of files or its user, holds for all that a process does,
    and in this one pytest writes files too.
    """
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], text=True,
                          capture_output=True, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_no_room_for_a_line_leaves_none_of_it(record):
    before = record.read_bytes()
    warned, *found = elsewhere(LIMITED + SWEPT, record, len(before) + 100)
    assert re.match("these runs are not kept, since .*runs.jsonl cannot be written", warned)
    assert np.isfinite([float(one) for one in found]).all()
    assert len(found) == 3
    assert record.read_bytes() == before


def test_no_room_to_compact_leaves_the_record_and_nothing_else(record):
    before = record.read_bytes()
    [error] = elsewhere(LIMITED + """
from handmlp.records import Logbook
become()
try:
    Logbook(sys.argv[1]).compact()
except OSError as error:
    print(error)
""", record, 100)
    assert "too large" in error
    assert record.read_bytes() == before
    assert {file.name for file in record.parent.iterdir()} <= {"runs.jsonl", "runs.jsonl.lock"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_the_record_of_another_user_is_read_and_one_warning_says_that_it_is_not_written(
        record, tiny):
    before = record.read_bytes()
    with tempfile.TemporaryDirectory() as folder:  # in a folder that others may enter
        os.chmod(folder, 0o755)
        record = record.rename(Path(folder, "runs.jsonl"))
        warned, *found = elsewhere("import os, sys\nbecome = lambda: os.seteuid(65534)" + SWEPT,
                                   record)
        assert record.read_bytes() == before
    assert "cannot be written" in warned
    assert len(found) == 3  # and not one warning more
    assert float(found[0]) == run(QUICK, tiny, 0)[1].last.validation_accuracy


# A disk with room for files of so many bytes only.
LIMITED = """
import resource, sys
become = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
"""

# Compares as `sweep` does, and prints each warning and each result on a line.
SWEPT = """
import warnings
from conftest import few
from handmlp.data import load_mnist
from test_logbook_faults import sweep
data = few(load_mnist())
become()
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    found = sweep(sys.argv[1], data)
print(*[one.message for one in warned], *found.tolist(), sep="\\n")
"""


def test_a_record_that_another_holds_for_too_long_is_not_waited_for(path, tiny, monkeypatch):
    from handmlp.records import logbook
    asked = []

    class Held(filelock.FileLock):
        def acquire(self, *_, **__):
            asked.append(self.timeout)
            raise filelock.Timeout(self.lock_file)

    monkeypatch.setattr(logbook, "FileLock", Held)
    with pytest.warns(UserWarning, match=r"not kept.*runs.jsonl.lock"):
        sweep(path, tiny)
    assert 0 < asked[0] < 600


@pytest.mark.parametrize("left", [["name"], ["name", "probe"], ["name", "probe", "recipe", "seed"]])
def test_a_line_that_lacks_something_is_named_with_its_file(record, tiny, left):
    line = json.loads(record.read_text("utf-8"))
    record.write_text(json.dumps({name: line[name] for name in left}) + "\n", "utf-8")
    with pytest.raises(ValueError, match="is not whole: remove it, or restore the file") as caught:
        sweep(record, tiny)
    assert str(record) in str(caught.value)
    assert line["name"] in str(caught.value)


def test_compacting_waits_for_who_is_writing(record):
    """It reads what it rewrites under the lock, so that no line is lost between."""
    line = record.read_bytes()
    other = line.replace(b"seed 0", b"seed 7")
    writer = subprocess.Popen([sys.executable, "-c", COMPACT, record], stdout=subprocess.PIPE)
    with filelock.FileLock(f"{record}.lock"):
        assert writer.stdout.read(1) == b"."  # it is about to
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(0.3)
        record.write_bytes(line + other)
    assert writer.wait(60) == 0
    writer.stdout.close()
    assert record.read_bytes() == line + other


COMPACT = """
import sys
from handmlp.records import Logbook
book = Logbook(sys.argv[1])
book.lines()
print(".", end="", flush=True)
book.compact()
"""


def test_an_activation_that_draws_random_numbers_is_trained_in_other_processes_too(tiny):
    class Noisy(Activation):
        def __call__(self, z, out=None):
            noise = np.random.default_rng().normal(0, 0.1, z.shape).astype(z.dtype)
            return np.add(np.tanh(z), noise, out=out)

        def slope(self, a):
            return 1 - a * a

    noisy = QUICK.but(hidden=Noisy())
    results = compare(noisy, data=tiny, seeds=range(2), n_jobs=2, progress=False)
    assert np.isfinite(results.final(noisy)).all()


def test_check_finds_a_confusion_matrix_on_its_side(tiny):
    """No probe and no accuracy tells it."""
    true = run(QUICK, tiny, 0)[1]
    turned = [replace(epoch, confusion=epoch.confusion.T) for epoch in true.epochs]
    assert disagreement(true, true, []) is None
    assert "begins otherwise" in disagreement(replace(true, epochs=tuple(turned)), true, [])


def test_no_process_is_refused(tiny):
    with pytest.raises(ValueError, match="n_jobs == 0"):
        compare(QUICK, data=tiny, seeds=[0], n_jobs=0, progress=False)


SWEEP = """
from handmlp import Recipe, load_mnist
from handmlp.records import compare
compare(Recipe(epochs=1), data=load_mnist(), seeds=range(2), n_jobs=2, progress=False)
"""


def test_a_full_folder_for_temporary_files_is_one_sentence_that_names_the_remedy(tmp_path):
    """The 50,000 images are handed to other processes through a file of 39 MB."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**24, 2**24))\n{SWEEP}"
    told = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True,
                          env=os.environ | {"JOBLIB_TEMP_FOLDER": str(tmp_path)}, timeout=120)
    assert told.returncode == 1
    last = told.stderr.strip().splitlines()[-1]
    assert last.startswith("RuntimeError: the images could not be handed to other processes")
    assert "set JOBLIB_TEMP_FOLDER to another one" in last
    assert not list(tmp_path.rglob("*.pkl"))
