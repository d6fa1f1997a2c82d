"""Keep the logbook true: `python -m handmlp update|measure|check FOLDER`.

update      train what was recorded by older code, and nothing else
measure     train everything again
check       train some seeds of every recipe again and compare with the record
"""

import argparse
import itertools
import sys

import numpy as np

from handmlp.data import load_mnist
from handmlp.logbook import NUMBERS, Logbook, is_current, parse, tested
from handmlp.recipe import History, Recipe


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return 0 if the logbook holds."""
    parser = argparse.ArgumentParser("python -m handmlp", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["update", "measure", "check"])
    parser.add_argument("folder", help="folder of recorded runs, such as book/runs")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of each recipe to check")
    options = parser.parse_args(arguments)
    book, mnist = Logbook(options.folder), load_mnist()
    pages = [page for page in book.pages() if page["data"] == mnist.fingerprint]
    unknown = [page["recipe"] for page in pages if parse(page["recipe"]) is None]
    if unknown:
        print(f"these recipes have words that handmlp no longer knows: {unknown}; "
              f"remove their files from {options.folder}")
        return 1
    if options.command == "check":
        return check(book, pages, mnist, options.seeds)
    everything = options.command == "measure"
    due = [_jobs(pages, lambda run: everything or not is_current(run), test)
           for test in (False, True)]
    print(f"logbook: {len(pages)} recipes on record, {len(due[0]) + len(due[1])} runs to train")
    for test in (False, True):
        book.train(due[test], mnist, test)
    return 0


def _jobs(pages: list[dict], wanted, test: bool) -> list[tuple[Recipe, int]]:
    return [(parse(page["recipe"]), int(seed)) for page in pages
            for seed, run in page["runs"].items() if wanted(run) and tested(run) == test]


def check(book: Logbook, pages: list[dict], data, seeds: int) -> int:
    """Train the first `seeds` seeds of each recipe again; return how many runs disagree."""
    stale = sum(not is_current(run) for page in pages for run in page["runs"].values())
    if stale or not pages:
        print(f"{stale} runs were recorded by older code: run `make measure`" if stale else
              f"{book.folder} holds no runs on these images")
        return max(1, stale)
    sample = [page | {"runs": dict(itertools.islice(page["runs"].items(), seeds))}
              for page in pages]
    trained, wrong = 0, 0
    for test in (False, True):
        again = Logbook(None).train(_jobs(sample, is_current, test), data, test)
        on_record = _jobs(pages, is_current, test)
        for (recipe, seed), fresh in again.items():
            recorded = book.find(recipe, seed, data)
            others = [book.find(one, other, data) for one, other in on_record
                      if one == recipe and other != seed]
            problem = (disagreement(fresh, recorded, others) if recorded else
                       "is in a file with the name of another recipe")
            trained, wrong = trained + 1, wrong + (problem is not None)
            print(f"{'differs' if problem else 'agrees '}  {recipe} seed {seed} {problem or ''}")
    print(f"{trained - wrong} passed, {wrong} failed")
    return wrong


def disagreement(fresh: History, recorded: History, others: list[History]) -> str | None:
    """Say where a fresh run leaves the record by more than the spread over seeds allows.

    None if nowhere. First weights must be the same. Later, other machines round otherwise, and a
    run wanders like one with another seed: half a point and three standard deviations of the
    `others` are allowed, for a loss above 1 in proportion.
    """
    if bool(fresh.diverged_at) != bool(recorded.diverged_at):
        return f"diverged at {fresh.diverged_at}, recorded {recorded.diverged_at}"
    if fresh.diverged_at:
        return None  # on another machine it may do so some steps sooner or later
    for new, old in zip(fresh.epochs[0].weights, recorded.epochs[0].weights):
        if not np.isclose(new.std, old.std, rtol=1e-4):
            return f"first weights have standard deviation {new.std}, recorded {old.std}"
    for name in ["validation_accuracy", *NUMBERS]:
        new, old, *curves = (np.nan_to_num(run.curve(name)) for run in (fresh, recorded, *others)
                             if not run.diverged_at)
        if len(new) != len(old):
            return f"has {len(new) - 1} epochs, recorded {len(old) - 1}"
        spread = np.std(curves, axis=0, ddof=1) if len(curves) > 2 else np.full(len(old), 0.02)
        spread = np.maximum.accumulate(spread[::-1])[::-1]  # at this epoch or a later one
        gap = np.abs(new - old)
        if (gap > 0.005 * max(1, old.max()) + 3 * spread).any():
            return f"{name.replace('_', ' ')} is off by {gap.max():.4f}"
    return None


if __name__ == "__main__":
    sys.exit(min(1, main()))
