"""Where handmlp stands: one run, one table, written to benchmarks/results.json. Run: make bench

A step of training, and the seconds that it takes to reach 97 % on the test images, for handmlp and
its peers (peers.py) and for the bare matrix products. Rounds are interleaved, so that a machine
that slows down slows all of them. Each number of threads has a process of its own, which may use
that many CPU cores and no more.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from peers import PEERS, Setting, products

from handmlp import load_mnist
from handmlp.records.logbook import measured

RESULTS = Path(__file__).with_name("results.json")
ROUNDS, RACES, MOST_EPOCHS, GOAL = 9, 3, 15, 0.97
STEPS = {100: {1: 1000, 10: 500, 32: 200, 128: 60, 1000: 10},
         800: {1: 150, 10: 80, 32: 40, 128: 12, 1000: 2}}
# With momentum a step is up to 1 / (1 - .9) times as long: a tenth of the rate.
RULES = ({"rate": 0.1}, {"rate": 0.01, "momentum": 0.9, "decay": 1e-5})


def main() -> None:
    """Measure in one process for each number of threads, write the results, print the tables."""
    parts = [in_a_process_with(threads) for threads in (1, 2)]
    names = ["numpy", "scikit-learn", "torch", "jax"]
    results = {"date": datetime.date.today().isoformat(), "processor": processor(),
               "versions": measured() | {name: importlib.metadata.version(name) for name in names},
               "steps": [row for steps, _ in parts for row in steps],
               "races": [row for _, races in parts for row in races]}
    lines = {key: ",\n  ".join(map(json.dumps, results.pop(key))) for key in ("steps", "races")}
    head = json.dumps(results, indent=1)[:-2]
    RESULTS.write_text(head + "".join(f',\n "{key}": [\n  {rows}\n ]'
                                      for key, rows in lines.items()) + "\n}\n", "utf-8")
    print_tables(json.loads(RESULTS.read_text("utf-8")))


def in_a_process_with(threads: int) -> tuple[list[dict], list[dict]]:
    """Measure in a new process on so many CPU cores, since libraries count them once, at first."""
    cores = sorted(os.sched_getaffinity(0))[:threads]
    child = subprocess.run([sys.executable, __file__, str(threads)], stdout=subprocess.PIPE,
                           check=True, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return json.loads(child.stdout)


def processor() -> str:
    """Name the CPU."""
    lines = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in lines.splitlines() if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def measure(threads: int, x, labels, test) -> tuple[list[dict], list[dict]]:
    """Return a row for each step that was timed, and one for each peer's race to the goal."""
    steps = []
    settings = [(units, size) for units in STEPS for size in STEPS[units]]
    for (units, size), rule in product(settings, RULES):
        setting, count = Setting(units, size, **rule), STEPS[units][size]
        rows = np.random.default_rng(0).permutation(len(x))[:count * size].reshape(count, size)
        runs = {}
        for name, make in PEERS.items():
            peer = make(setting, x, labels)
            peer.start()
            peer.run(rows)  # compiles
            runs[name] = peer.run
        times = np.array([[seconds(run, rows) for run in runs.values()] for _ in range(ROUNDS)])
        low, middle, high = np.percentile(times / count * 1e6, (25, 50, 75), axis=0).round(1)
        ratios = np.median(times / times[:, :1], axis=0).round(3)
        steps += [{"threads": threads, "units": units, "size": size,
                   "momentum": setting.momentum > 0, "peer": name, "us": middle[i], "low": low[i],
                   "high": high[i], "ratio": ratios[i]} for i, name in enumerate(runs)]
        print(units, size, rule, dict(zip(runs, ratios)), file=sys.stderr)
    return steps, races(threads, x, labels, test)


def races(threads: int, x, labels, test) -> list[dict]:
    """Let each peer learn until it calls 97 % of the test images right; its learning is timed."""
    setting = Setting(size=10)
    peers = {name: make(setting, x, labels) for name, make in PEERS.items() if make != products}
    found = {name: [] for name in peers}
    for peer in peers.values():
        peer.start()
        peer.run(np.arange(len(x)).reshape(-1, setting.size))  # compiles
    for seed, name in product(range(RACES), peers):
        peer, rng, spent, epoch, right = peers[name], np.random.default_rng(seed), 0.0, 0, 0.0
        peer.start()
        while right < GOAL and epoch < MOST_EPOCHS:
            spent += seconds(peer.run, rng.permutation(len(x)).reshape(-1, setting.size))
            epoch, right = epoch + 1, share_right(peer.parameters(), *test)
        found[name].append((spent, epoch))
    return [{"threads": threads, "peer": name, "seconds": [round(s, 2) for s, _ in runs],
             "epochs": [epoch for _, epoch in runs]} for name, runs in found.items()]


def share_right(parameters, x, labels) -> float:
    """Return the share of images that these weights and biases call by their own name."""
    W0, W1, b0, b1 = parameters
    return float(((np.tanh(x @ W0 + b0) @ W1 + b1).argmax(axis=1) == labels).mean())


def seconds(run, batches) -> float:
    """Return the seconds that a run takes."""
    start = time.perf_counter()
    run(batches)
    return time.perf_counter() - start


def print_tables(results: dict) -> None:
    """Print the microseconds of a step, and the races."""
    print(f"{results['processor']}, {results['date']}, {results['versions']}\n")
    print(f"microseconds a step, median of {ROUNDS} interleaved rounds (times the bare products)")
    for threads, units, momentum in product((1, 2), STEPS, (False, True)):
        rule = "momentum and weight decay" if momentum else "plain SGD"
        print(f"\n784-{units}-10, {rule}, {threads} thread{'s' * (threads > 1)}")
        for name in PEERS:
            row = [one for one in results["steps"] if (one["threads"], one["units"],
                   one["momentum"], one["peer"]) == (threads, units, momentum, name)]
            print(f"{name:18s}" + "".join(f"{one['size']:5d}: {one['us']:7.0f} "
                                          f"({one['ratio']:5.2f})" for one in row))
    print(f"\nseconds of learning until {GOAL:.0%} of the test images are right, {RACES} races")
    for row in results["races"]:
        print(f"{row['threads']} threads  {row['peer']:18s}{row['seconds']} after {row['epochs']}")


def child(threads: int) -> None:
    """Measure with so many cores, and print the rows as JSON."""
    mnist = load_mnist(validation=0)
    x, test = ((part.images / 255).astype(np.float32) for part in (mnist.train, mnist.test))
    rows = measure(threads, x, mnist.train.labels.copy(), (test, mnist.test.labels))
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(int(sys.argv[1]))
    else:
        main()
