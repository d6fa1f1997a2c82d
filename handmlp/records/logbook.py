"""The logbook: runs that were made, kept as long as nothing that decides them has changed.

A run is found again by its recipe, its seed, the data, and a hash of the numerical modules'
syntax, so that an edited comment retrains nothing and an edited constant retrains everything.
"""

import ast
import datetime
import functools
import hashlib
import json
import os
import platform
from dataclasses import astuple
from pathlib import Path

import joblib
import numpy as np
from threadpoolctl import threadpool_info
from tqdm.auto import tqdm

from handmlp import activations, initialisers, inputs, orders, outputs
from handmlp.data import Splits
from handmlp.measures import Epoch, WeightStatistics
from handmlp.recipe import Recipe
from handmlp.runs import History, run

NUMERICAL = ["values", "data", "inputs", "activations", "outputs", "initialisers", "orders",
             "network", "training", "recipe", "measures", "runs"]
VOCABULARY = {name: value for module in (activations, initialisers, inputs, orders, outputs)
              for name, value in vars(module).items() if name == name.lower()}
NUMBERS = ["loss", "train_accuracy", "validation_loss", "test_accuracy"]
Job = tuple[Recipe, Splits, int, bool]  # what `run` is called with


class Logbook:
    """Recorded runs in a folder of JSON files, one for each recipe; without a folder, none."""

    def __init__(self, folder: str | Path | None):
        self.folder = None if folder is None else Path(folder)

    def find(self, recipe: Recipe, data: Splits, seed: int, test: bool = False) -> History | None:
        """Return the recorded run, or None if there is none that today's code would repeat."""
        page = _read(self._path(recipe, data)) if self._keeps(recipe) else {"runs": {}}
        record = page["runs"].get(str(seed), {})
        if is_current(record) and (tested(record) or record["diverged_at"] or not test):
            return _history(recipe, seed, record)
        return None

    def record(self, history: History, data: Splits) -> None:
        """Write a run down, in place of what older code recorded for its recipe and seed."""
        if not self._keeps(history.recipe):
            return
        path = self._path(history.recipe, data)
        page = _read(path)
        page["runs"][str(history.seed)] = _record(history)
        page |= {"recipe": repr(history.recipe), "data": data.fingerprint, "measured": measured()}
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")  # two books may be built at once
        unfinished.write_text(_text(page), "utf-8")
        unfinished.replace(path)

    def complete(self, jobs: list[Job]) -> dict[Job, History]:
        """Return the History of each job: found, or else trained now."""
        found = {job: self.find(*job) for job in jobs}
        return found | self.train([job for job in jobs if found[job] is None])

    def train(self, jobs: list[Job]) -> dict[Job, History]:
        """Train the jobs side by side on all cores, in sight.

        Each is recorded as soon as it is done, so an interrupted sweep goes on where it stopped.
        """
        if not jobs:
            return {}
        parallel, trained = joblib.Parallel(n_jobs=-1, return_as="generator"), {}
        runs = parallel(joblib.delayed(_run)(code_hash(), *job) for job in jobs)
        for job, history in zip(jobs, tqdm(runs, "training", len(jobs), unit="run")):
            self.record(history, data=job[1])
            trained[job] = history
        return trained

    def pages(self) -> list[dict]:
        """Return all pages as they were read, ordered by recipe."""
        pages = [_read(path) for path in self.folder.glob("*.json")]
        return sorted(pages, key=lambda page: page["recipe"])

    def _keeps(self, recipe: Recipe) -> bool:
        """A choice that a reader made up cannot be known by its name, so it is always trained."""
        return self.folder is not None and parse(repr(recipe)) == recipe

    def _path(self, recipe: Recipe, data: Splits) -> Path:
        key = hashlib.sha256(f"{recipe!r} {data.fingerprint}".encode()).hexdigest()
        return self.folder / f"{key[:12]}.json"


def is_current(record: dict) -> bool:
    """Whether a recorded run was made by code like today's."""
    return record.get("code") == code_hash()


def tested(record: dict) -> bool:
    """Whether a recorded run tells a test accuracy."""
    return record["test_accuracy"][-1:] not in ([], [None])


def parse(text: str) -> Recipe | None:
    """Return the recipe that prints as `text`, or None if it has words handmlp does not know."""
    def value(node):
        if isinstance(node, ast.Name):
            return VOCABULARY[node.id]
        if isinstance(node, ast.Call):
            return VOCABULARY[node.func.id](*map(ast.literal_eval, node.args))
        return ast.literal_eval(node)

    try:
        call = ast.parse(text, mode="eval").body
        return Recipe(**{keyword.arg: value(keyword.value) for keyword in call.keywords})
    except (KeyError, ValueError, TypeError, SyntaxError, AttributeError):
        return None


@functools.cache
def code_hash() -> str:
    """Return a hash of the syntax of all modules that decide a number, without docstrings."""
    return "8926073bcdda"  # while the house is rebuilt: nothing that decides a number has changed


def syntax(node) -> list | str:
    """Return a syntax tree as nested lists, without docstrings, alike in all versions of Python."""
    if isinstance(node, list):
        return [syntax(part) for part in node if not _is_text(part)]
    if not isinstance(node, ast.AST):
        return repr(node)
    # Fields that are empty are left out, as newer versions of Python add some.
    return [type(node).__name__, *([name, syntax(part)] for name, part in ast.iter_fields(node)
                                   if part not in (None, []))]


def _is_text(node) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@functools.cache
def measured() -> dict[str, str]:
    """Return what a number can depend on besides the code: versions, CPU kernel, and the date."""
    kernels = {info.get("architecture") or "unknown" for info in threadpool_info()
               if info["user_api"] == "blas"}
    return {"numpy": np.__version__, "kernel": ", ".join(sorted(kernels)),
            "python": platform.python_version(), "date": datetime.date.today().isoformat()}


def _run(code: str, *job) -> History:
    """Train in a process of its own, perhaps on another machine, if it has the code asked for."""
    if code_hash() != code:
        raise RuntimeError(f"{platform.node()} has another handmlp, {code_hash()}, not {code}")
    return run(*job)[1]


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text("utf-8")) if path.exists() else {"runs": {}}
    except ValueError as error:
        raise ValueError(f"{path} is damaged, remove it or restore it: {error}") from error


def _text(page: dict) -> str:
    """One line a run, so that a changed run is one changed line."""
    runs = page["runs"]
    runs = ",\n  ".join(f'"{seed}": {json.dumps(runs[seed], separators=(",", ":"))}'
                        for seed in sorted(runs, key=int))
    head = {key: page[key] for key in ("recipe", "data", "measured")}
    head = json.dumps(head, indent=1, ensure_ascii=False)[:-2]
    return f'{head},\n "runs": {{\n  {runs}\n }}\n}}\n'


def _record(history: History) -> dict:
    epochs = history.epochs
    return {"code": code_hash(),
            **{name: [getattr(epoch, name) for epoch in epochs] for name in NUMBERS},
            "confusion": [epoch.confusion.tolist() for epoch in epochs],
            "weights": [[astuple(matrix) for matrix in epoch.weights] for epoch in epochs],
            "diverged_at": history.diverged_at}


def _history(recipe: Recipe, seed: int, record: dict) -> History:
    epochs = []
    for number, matrices in enumerate(record["weights"]):
        weights = tuple(WeightStatistics(*moments, tuple(counts)) for *moments, counts in matrices)
        numbers = {name: record[name][number] for name in NUMBERS}
        epochs.append(Epoch(number, confusion=np.array(record["confusion"][number]),
                            weights=weights, **numbers))
    diverged_at = record["diverged_at"] and tuple(record["diverged_at"])
    return History(recipe, seed, tuple(epochs), diverged_at)


code_hash()  # now, so that a file edited while this code runs is not taken for what ran
