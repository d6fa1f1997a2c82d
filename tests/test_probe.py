"""What makes a recorded run stale: a change of what it does, and nothing else.

Edits are planted in a copy of the package, which a process of its own then asks.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import handmlp
from handmlp import Recipe, fan_in, run, softmax_cross_entropy, tanh
from handmlp.records import Logbook
from handmlp.records.__main__ import disagreement
from handmlp.records.logbook import Job
from handmlp.records.probe import agree, probe
from handmlp.runs import History

PACKAGE = Path(handmlp.__file__).parent
RECORD = PACKAGE.parent / "book" / "runs.jsonl"
PLAIN = Recipe()
DEEPER = Recipe(units=(9, 9), hidden=tanh, output=softmax_cross_entropy, init=fan_in,
                learning_rate=0.1, weight_decay=1e-3)
FADING = DEEPER.but(momentum=0.9, rate_decay=0.9)
RECIPES = (PLAIN, DEEPER, FADING)

ASK = """
import json, sys
import handmlp
assert handmlp.__file__.startswith(sys.argv[1]), handmlp.__file__
from handmlp import *
from handmlp.records.probe import probe
mnist = load_mnist()
recipes = [eval(text) for text in sys.argv[2:]]
runs = [run(recipe.but(epochs=0), mnist, 0)[1].to_dict() for recipe in recipes]
print(json.dumps([[probe(recipe, mnist) for recipe in recipes], runs]))
"""


def told_by(folder, *edits):
    """Return the probes, and the runs of no epoch, by a copy of the package with these edits."""
    copy = folder / "handmlp"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "book"))
    for name, before, after in edits:
        text = (copy / name).read_text("utf-8")
        assert text.count(before) == 1, f"{name} has {text.count(before)} times {before!r}"
        (copy / name).write_text(text.replace(before, after), "utf-8")
    answer = subprocess.run([sys.executable, "-c", ASK, str(folder), *map(repr, RECIPES)],
                            cwd=folder, env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
                            capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


INNOCENT = {
    "a new activation": ("activations.py", "logistic = Logistic()", '''class LeakyRelu(Activation):
    below: float
    kinks = (0.0,)

    def __call__(self, z, out=None):
        return np.maximum(z, self.below * z, out=out)

    def slope(self, a):
        return np.where(a > 0, 1, self.below).astype(a.dtype)


leaky_relu = LeakyRelu
logistic = Logistic()'''),
    "a new field of Recipe": ("recipe.py", "    wrong_labels: float = 0.0\n",
                              "    wrong_labels: float = 0.0\n    nesterov: bool = False\n"),
    "other words in an error": ("recipe.py", "units must be the size of the hidden layer",
                                "units must say how large the hidden layer is"),
    "another way to write the same": ("activations.py", "return 1 - a * a ",
                                      "return (1 - a) * (1 + a) "),
    "an edited comment": ("training.py", "# w ← w + v", "# and on we go"),
}
PLANTED = {  # the edit, and which of the recipes it touches
    "another constant in tanh": (
        [("activations.py", "return 1 - a * a ", "return 1 - 0.999 * a * a ")],
        [False, True, True]),
    "a wrong sign in the pass back": ([("network.py", "delta = delta @ self.W[l].T",
                                        "delta = -delta @ self.W[l].T")], [True, True, True]),
    "the rate in the wrong place of the momentum": (
        [("training.py", "factor=-rate, keep=momentum", "factor=-1, keep=momentum"),
         ("training.py", "add_multiple(V, W, -rate * strength)", "add_multiple(V, W, -strength)"),
         ("training.py", "w.flat += v.flat", "w.flat += rate * v.flat")], [False, False, True]),
    "a last minibatch left out": ([("training.py", "range(0, len(rows), size)",
                                    "range(0, len(rows) - 1, size)")], [True, True, True]),
    "a rate that is wrong in epoch 9 alone": (
        [("training.py", "recipe.rate_decay ** max(0, number - 1)",
          "recipe.rate_decay ** max(0, number - 1) * (0.9 if number == 9 else 1)")],
        [True, True, True]),
    "images called by the least sum": (
        [("measures.py", "z.argmax(axis=1)", "z.argmin(axis=1)")], [True, True, True]),
}


@pytest.fixture(scope="module")
def recorded(mnist):
    return [probe(recipe, mnist) for recipe in RECIPES]


def stale(recorded, probes):
    return [not agree(one, other) for one, other in zip(recorded, probes)]


@pytest.mark.parametrize("edit", INNOCENT.values(), ids=INNOCENT)
def test_an_innocent_edit_trains_nothing(tmp_path, recorded, edit):
    probes, _ = told_by(tmp_path, edit)
    assert stale(recorded, probes) == [False, False, False]


@pytest.mark.parametrize(("edits", "touched"), PLANTED.values(), ids=PLANTED)
def test_a_planted_edit_is_found_in_the_recipes_that_it_touches(tmp_path, recorded, edits, touched):
    probes, _ = told_by(tmp_path, *edits)
    assert stale(recorded, probes) == touched


def test_what_a_probe_overlooks_is_found_by_check(tmp_path, recorded, mnist):
    """Accuracy measured on every fourth training image in place of every fifth."""
    probes, runs = told_by(tmp_path, ("measures.py", "// 10_000", "// 12_500"))
    assert stale(recorded, probes) == [False, False, False]
    for recipe, told in zip(RECIPES, runs):
        true = run(recipe.but(epochs=0), mnist, 0)[1]
        assert disagreement(true, true, []) is None
        assert "begins otherwise" in disagreement(History.from_dict(told), true, [])


def test_a_line_whose_probe_is_another_is_not_found(mnist, tmp_path):
    job, path = Job(PLAIN, mnist, 0), tmp_path / "runs.jsonl"
    line = Logbook(RECORD).lines()[job.name]
    for factor, found in [(1, True), (1 + 1e-8, True), (1 + 1e-6, False)]:
        told = [value and value * factor for value in line["probe"]]
        path.write_text(json.dumps(line | {"probe": told}) + "\n", "utf-8")
        assert (Logbook(path).find(job) is not None) == found
    path.write_text(json.dumps(line | {"probe": line["probe"][:-1]}) + "\n", "utf-8")
    assert Logbook(path).find(job) is None
