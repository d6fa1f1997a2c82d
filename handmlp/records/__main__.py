"""Keep the logbook true: `python -m handmlp.records update|measure|check FILE`.

update      train what today's code would not repeat, and nothing else
measure     train everything again
check       train some seeds of every recipe again and compare with the record: of recipes that take
            a minute or more only with --long, and of an eighth of all others with --part 0/8
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from handmlp.data import load_mnist
from handmlp.network import Parameters
from handmlp.recipe import Recipe
from handmlp.records.logbook import Job, Logbook, measured
from handmlp.runs import NUMBERS, History


def jobs_on_record(logbook: Logbook) -> list[Job]:
    """Return a job for each recorded run of MNIST; ValueError if a choice is no longer known."""
    data = {splits.fingerprint: splits for splits in (load_mnist(), load_mnist(validation=0))}
    jobs = []
    for name, line in sorted(logbook.lines().items()):
        splits = data.get(name.split()[-1])
        if splits and "recipe" in line:
            tested = line["test_accuracy"][-1] is not None
            jobs.append(Job(Recipe.from_dict(line["recipe"]), splits, line["seed"], tested))
    return jobs


def disagreement(fresh: History, recorded: History, others: list[History]) -> str | None:
    """Say where a fresh run leaves the record by more than the spread over seeds allows.

    None if nowhere. Before the first step all must be the same but for rounding. Later, other
    machines round otherwise, and a run wanders like one with another seed: half a point and five
    standard deviations of the `others` are allowed, for a loss above 1 in proportion. Where they
    are fewer than three, the deviation is taken to be two points.
    """
    if fresh.diverged_at and recorded.diverged_at:
        return None  # on another machine it may do so some steps sooner or later
    if fresh.diverged_at or recorded.diverged_at or len(fresh.epochs) != len(recorded.epochs):
        return f"ends otherwise: {fresh}, on record {recorded}"
    first = [[run.epochs[0].loss, *(W.std for W in run.epochs[0].weights)]
             for run in (fresh, recorded)]
    share = [[run.epochs[0].train_accuracy, *run.epochs[0].confusion.sum(axis=1).tolist()]
             for run in (fresh, recorded)]
    if not (np.allclose(*first, rtol=1e-4, atol=0) and np.allclose(*share, rtol=0, atol=1e-3)):
        return ("begins otherwise: loss and weights, accuracy and images of each class "
                f"{first[0], share[0]}, on record {first[1], share[1]}")
    others = [other for other in others if not other.diverged_at]
    for name in ["validation_accuracy", *NUMBERS]:
        new, old, *curves = (np.nan_to_num(run.curve(name)) for run in (fresh, recorded, *others))
        spread = np.std(curves, axis=0, ddof=1) if len(curves) > 2 else np.full(len(old), 0.02)
        spread = np.maximum.accumulate(spread[::-1])[::-1]  # at this epoch or a later one
        gap = np.abs(new - old)
        if (gap > 0.005 * max(1, old.max()) + 5 * spread).any():
            return f"{name.replace('_', ' ')} is off by {gap.max():.4f}"
    return None


LONG = 1e11  # parameters times images times epochs: above it, a run takes a minute or more


def is_long(job: Job) -> bool:
    """Whether a run takes a minute or more: as its recipe says, or another kind of job itself."""
    if not isinstance(job, Job):
        return getattr(job, "is_long", False)
    sizes = job.data.train.images.shape[1], *job.recipe.units, job.data.classes
    images = job.recipe.images or len(job.data.train)
    return Parameters.count(sizes) * images * job.recipe.epochs > LONG


def check(logbook: Logbook, jobs: list[Job], seeds: int, differs: Callable,
          long: bool = False, part: tuple[int, int] = (0, 1)) -> int:
    """Train the first `seeds` seeds of each recipe again; return how many are stale or differ.

    With `part=(i, k)`, only of the i-th recipe of every k.
    """
    recorded = {job: logbook.find(job) for job in jobs}
    stale = sum(run is None for run in recorded.values())
    if stale or not jobs:
        print(f"{logbook.path}: {len(jobs)} runs, {stale} of them not as today's code would make "
              f"them: make book, or the command update, trains these")
        return max(1, stale)
    groups, left_out = {}, 0
    for job in jobs:
        if is_long(job) and not long:
            left_out += 1
        else:
            groups.setdefault(job._replace(seed=0), []).append(job)  # alike but for the seed
    first, step = part
    groups = dict([*groups.items()][first::step])
    again = Logbook(None).train([job for group in groups.values() for job in group[:seeds]])
    wrong = 0
    for group in groups.values():
        for job in group[:seeds]:
            fresh, then = again[job], recorded[job]
            others = [recorded[other] for other in group if other != job]
            kernel = logbook.lines()[job.name]["measured"]["kernel"]
            if isinstance(then, History) and len(others) < 3 and kernel != measured()["kernel"]:
                # It rounds otherwise, and how far a run may then wander too few others tell.
                fresh, then = (replace(run, epochs=run.epochs[:1], diverged_at=None)
                               for run in (fresh, then))
            problem = differs(fresh, then, others)
            wrong += problem is not None
            print("differs" if problem else "agrees ", job.name, problem or "")
    print(f"{len(again) - wrong} passed, {wrong} failed"
          + (f"; {left_out} runs that take minutes are left to --long" if left_out else ""))
    return wrong


def _part(text: str) -> tuple[int, int]:
    i, k = map(int, text.split("/"))
    if not 0 <= i < k:
        raise ValueError
    return i, k


def main(arguments: list[str] | None = None, jobs_of: Callable = jobs_on_record,
         differs: Callable = disagreement) -> int:
    """Do what the command line says; return 0 if the logbook holds."""
    parser = argparse.ArgumentParser("python -m handmlp.records", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["update", "measure", "check"])
    parser.add_argument("file", help="recorded runs, such as book/runs.jsonl")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of each recipe to check")
    parser.add_argument("--long", action="store_true", help="check runs that take minutes too")
    parser.add_argument("--part", type=_part, default=(0, 1), metavar="I/K",
                        help="check the recipes of part I of K, counted from 0")
    options = parser.parse_args(arguments)
    if not Path(options.file).is_file():
        parser.error(f"there is no file {options.file}")
    try:
        logbook = Logbook(options.file)
        jobs = jobs_of(logbook)
    except ValueError as error:
        print(error)
        return 1
    if options.command == "check":
        return check(logbook, jobs, options.seeds, differs, options.long, options.part)
    due = [job for job in jobs if options.command == "measure" or logbook.find(job) is None]
    print(f"{logbook.path}: {len(jobs)} runs, {len(due)} to train")
    logbook.train(due)
    if due:
        logbook.compact()
    return 0


if __name__ == "__main__":
    sys.exit(min(1, main()))
