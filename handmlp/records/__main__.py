"""Keep the logbook true: `python -m handmlp.records update|measure|check FOLDER`.

update      train what was recorded by older code, and nothing else
measure     train everything again
check       train some seeds of every recipe again and compare with the record
"""

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np

from handmlp.data import load_mnist
from handmlp.records.logbook import NUMBERS, Job, Logbook, is_current, parse, tested
from handmlp.runs import History


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return 0 if the logbook holds."""
    parser = argparse.ArgumentParser("python -m handmlp.records", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["update", "measure", "check"])
    parser.add_argument("folder", help="folder of recorded runs, such as book/runs")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of each recipe to check")
    options = parser.parse_args(arguments)
    if not Path(options.folder).is_dir():
        parser.error(f"there is no folder {options.folder}")
    book = Logbook(options.folder)
    data = {splits.fingerprint: splits for splits in (load_mnist(), load_mnist(validation=0))}
    pages = [page for page in book.pages() if page["data"] in data]
    unknown = [page["recipe"] for page in pages if parse(page["recipe"]) is None]
    if unknown:
        print(f"these recipes have words that handmlp no longer knows: {unknown}; "
              f"remove their files from {options.folder}")
        return 1
    jobs = {(parse(page["recipe"]), data[page["data"]], int(seed), tested(run)): is_current(run)
            for page in pages for seed, run in page["runs"].items()}
    if options.command == "check":
        return check(book, jobs, options.seeds)
    due = [job for job in jobs if options.command == "measure" or not jobs[job]]
    print(f"logbook: {len(pages)} recipes on record, {len(due)} runs to train")
    book.train(due)
    return 0


def check(book: Logbook, jobs: dict[Job, bool], seeds: int) -> int:
    """Train the first `seeds` seeds of each recipe again; return how many are stale or differ."""
    stale = sum(not current for current in jobs.values())
    if stale or not jobs:
        print(f"{book.folder}: {len(jobs)} runs on these images, {stale} of them recorded by older "
              f"code: python -m handmlp.records update {book.folder}")
        return max(1, stale)
    recorded = {page: {job: book.find(*job) for job in group}
                for page, group in itertools.groupby(jobs, key=lambda job: job[:2])}
    again = Logbook(None).train([job for page in recorded.values() for job in [*page][:seeds]])
    wrong = 0
    for job, fresh in again.items():
        page = recorded[job[:2]]
        problem = disagreement(fresh, page[job], [page[other] for other in page if other != job])
        wrong += problem is not None
        print("differs" if problem else "agrees ", fresh.recipe, "seed", fresh.seed, problem or "")
    print(f"{len(again) - wrong} passed, {wrong} failed")
    return wrong


def disagreement(fresh: History, recorded: History | None, others: list[History]) -> str | None:
    """Say where a fresh run leaves the record by more than the spread over seeds allows.

    None if nowhere. First weights must be the same. Later, other machines round otherwise, and a
    run wanders like one with another seed: half a point and three standard deviations of the
    `others` are allowed, for a loss above 1 in proportion. Where they are fewer than three, the
    deviation is taken to be two points.
    """
    if recorded is None:
        return "is in a file with the name of another recipe"
    if fresh.diverged_at and recorded.diverged_at:
        return None  # on another machine it may do so some steps sooner or later
    if fresh.diverged_at or recorded.diverged_at or len(fresh.epochs) != len(recorded.epochs):
        return f"ends otherwise: {fresh}, on record {recorded}"
    first = [[matrix.std for matrix in run.epochs[0].weights] for run in (fresh, recorded)]
    if not np.allclose(*first, rtol=1e-4, atol=0):
        return f"first weights have standard deviations {first[0]}, on record {first[1]}"
    others = [other for other in others if not other.diverged_at]
    for name in ["validation_accuracy", *NUMBERS]:
        new, old, *curves = (np.nan_to_num(run.curve(name)) for run in (fresh, recorded, *others))
        spread = np.std(curves, axis=0, ddof=1) if len(curves) > 2 else np.full(len(old), 0.02)
        spread = np.maximum.accumulate(spread[::-1])[::-1]  # at this epoch or a later one
        gap = np.abs(new - old)
        if (gap > 0.005 * max(1, old.max()) + 3 * spread).any():
            return f"{name.replace('_', ' ')} is off by {gap.max():.4f}"
    return None


if __name__ == "__main__":
    sys.exit(min(1, main()))
