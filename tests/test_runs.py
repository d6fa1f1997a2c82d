"""A run: one seed, data and a recipe make a network and its history."""

import ast
import compileall
import hashlib
import inspect
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import handmlp
from handmlp import (
    Dataset,
    History,
    Initialiser,
    Inputs,
    Network,
    Order,
    Output,
    Recipe,
    Splits,
    fan_in,
    file_order,
    mean_of,
    normal,
    relu,
    run,
    runs_of,
    shuffled,
    softmax_cross_entropy,
    start,
    tanh,
    unit_normal,
    unit_range,
    zero_mean,
    zero_mean_per_pixel,
)
from handmlp.activations import Activation, Logistic, Relu, Tanh
from handmlp.measures import Epoch
from handmlp.outputs import LogisticSquaredError, SoftmaxCrossEntropy
from handmlp.runs import draw, sample
from handmlp.training import sgd_step, train_epoch

QUICK = Recipe(units=(10,), hidden=tanh, output=softmax_cross_entropy, init=fan_in, order=shuffled,
               learning_rate=0.1, epochs=2)


def flat(recipe, data, seed=0):
    return run(recipe, data, seed)[0].parameters.flat


def test_a_run_returns_the_network_and_its_history(tiny):
    network, history = run(QUICK, tiny, seed=3)
    assert network.sizes == (784, 10, 10)
    assert (history.recipe, history.seed, history.diverged_at) == (QUICK, 3, None)
    assert [epoch.number for epoch in history.epochs] == [0, 1, 2]
    right = network.predict(tiny.validation.images) == tiny.validation.labels
    assert history.last.validation_accuracy == right.mean()
    assert history.curve("validation_accuracy")[-1] == right.mean()
    assert history.curve("loss").shape == (3,)
    assert np.isnan(history.curve("test_accuracy")).all()
    assert repr(history) == f"History({QUICK}, seed 3, {history.last})"


def test_only_the_last_epoch_knows_the_test_accuracy_and_only_if_asked(tiny):
    network, history = run(QUICK, tiny, 0, test=True)
    right = network.predict(tiny.test.images) == tiny.test.labels
    np.testing.assert_array_equal(history.curve("test_accuracy"), [np.nan, np.nan, right.mean()])


HASH = """
import hashlib
from handmlp import *
from handmlp.data import Splits
mnist = load_mnist()
tiny = Splits(mnist.train.take(slice(600)), mnist.validation.take(slice(200)), mnist.test)
recipe = Recipe(units=(100,), hidden=tanh, output=softmax_cross_entropy, init=fan_in,
                order=shuffled, learning_rate=0.1, epochs=2)
print(hashlib.sha256(run(recipe, tiny, 0)[0].parameters.flat).hexdigest())
"""


def test_one_seed_repeats_bit_for_bit_here_and_in_another_process(tiny, tmp_path):
    """From another folder, and whatever number of threads the matrix products may use."""
    expected = hashlib.sha256(flat(QUICK.but(units=(100,)), tiny)).hexdigest()
    assert hashlib.sha256(flat(QUICK.but(units=(100,)), tiny)).hexdigest() == expected
    root = str(Path(handmlp.__file__).parents[1])
    answer = subprocess.run(
        [sys.executable, "-c", HASH], cwd=tmp_path, check=True, text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": root, "OPENBLAS_NUM_THREADS": "1"})
    assert answer.stdout.strip() == expected


ELSEWHERE = """
import sys
sys.meta_path[:] = [one for one in sys.meta_path if "editable" not in str(one)]
sys.path.insert(0, sys.argv[1])
import numpy as np
from handmlp import *
from handmlp.runs import __file__ as place
assert place.startswith(sys.argv[1]) and not place.endswith(sys.argv[2]), place
assert len(load_mnist().train) == 50_000
one = Dataset(np.arange(320, dtype=np.uint8).reshape(20, 16), np.arange(20) % 10)
print(run(Recipe(epochs=1), Splits(one, one, one), 0)[1])
"""


@pytest.mark.parametrize("form", ["zip", "bytecode"])
def test_it_runs_where_its_sources_cannot_be_read(tmp_path, form):
    """From a zip archive, and from compiled files alone."""
    root, place = Path(handmlp.__file__).parent, tmp_path / "handmlp"
    shutil.copytree(root, place, ignore=shutil.ignore_patterns("__pycache__"))
    if form == "zip":
        shutil.make_archive(tmp_path / "all", "zip", tmp_path, "handmlp")
        place, not_in = tmp_path / "all.zip", ".pyc"
    else:
        compileall.compile_dir(place, quiet=2, legacy=True)
        for source in place.rglob("*.py"):
            source.unlink()
        place, not_in = tmp_path, ".py"
    answer = subprocess.run([sys.executable, "-c", ELSEWHERE, str(place), not_in], text=True,
                            capture_output=True, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("History(Recipe(epochs=1), seed 0, epoch 1: loss ")


def test_seeds_differ(tiny):
    assert len({flat(QUICK, tiny, seed).tobytes() for seed in range(4)}) == 4
    np.testing.assert_array_equal(flat(QUICK, tiny, np.int64(2)), flat(QUICK, tiny, 2))


@pytest.mark.parametrize("seed", [None, -1, 1.0, "1", True, np.random.default_rng(0)])
def test_a_seed_that_cannot_be_repeated_is_refused(tiny, seed):
    with pytest.raises(ValueError, match="seed must be a whole number from 0, got "):
        run(QUICK, tiny, seed)


def test_numpys_global_generator_is_neither_read_nor_moved(tiny):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first = flat(QUICK, tiny)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.random.random(5)  # noqa: NPY002
    np.testing.assert_array_equal(flat(QUICK, tiny), first)


class Recorded(type(shuffled)):
    """Shuffled every epoch; remembers how."""

    seen = []

    def epochs(self, labels, rng):
        for rows in super().epochs(labels, rng):
            self.seen.append(rows)
            yield rows


def test_weights_and_order_have_streams_of_their_own(tiny):
    """Another way to draw the weights leaves the order alone, and the reverse."""
    Recorded.seen.clear()
    for change in ({}, {"units": (7, 7)}, {"init": normal(0.3)}):
        run(QUICK.but(order=Recorded(), **change), tiny, 0)
    first, *others = np.array(Recorded.seen).reshape(3, 2, 600)
    for other in others:
        np.testing.assert_array_equal(other, first)
    for order in (file_order, runs_of(3)):
        np.testing.assert_array_equal(flat(QUICK.but(order=order, epochs=0), tiny),
                                      flat(QUICK.but(epochs=0), tiny))


def test_at_one_seed_two_recipes_are_a_pair(tiny):
    """Their first weights differ in scale alone, so that their difference is of the change."""
    wide, narrow = (run(QUICK.but(init=init, epochs=0), tiny, 5)[0]
                    for init in (unit_normal, fan_in))
    np.testing.assert_allclose(wide.W[0] / 28, narrow.W[0], rtol=1e-6)


def test_each_weight_matrix_has_its_rule(tiny):
    wide, mixed = (run(QUICK.but(init=init, epochs=0), tiny, 5)[0]
                   for init in (unit_normal, (unit_normal, fan_in)))
    np.testing.assert_array_equal(mixed.W[0], wide.W[0])
    np.testing.assert_allclose(mixed.W[1], wide.W[1] / np.sqrt(10), rtol=1e-6)


@pytest.mark.parametrize("inputs", [unit_range, zero_mean, zero_mean_per_pixel], ids=repr)
def test_the_scaling_is_of_the_rows_trained_on_alone(tiny, inputs):
    white = Dataset(np.full((200, 784), 255, np.uint8), tiny.validation.labels)
    spoiled = Splits(tiny.train, white, white)
    recipe = QUICK.but(inputs=inputs)
    expected, got = (draw(recipe, data, np.random.default_rng(0)).scaling
                     for data in (tiny, spoiled))
    np.testing.assert_array_equal(got.shift, expected.shift)
    np.testing.assert_array_equal(got.scale, expected.scale)
    np.testing.assert_array_equal(flat(recipe, spoiled), flat(recipe, tiny))


def test_everything_stays_float32(tiny):
    network, _ = run(QUICK.but(momentum=0.9, weight_decay=0.1, inputs=zero_mean_per_pixel), tiny, 0)
    assert network.parameters.flat.dtype == network.scaling.shift.dtype == np.float32
    assert network.probabilities(tiny.test.images).dtype == np.float32


def test_a_run_that_diverges_is_marked_and_keeps_its_last_finite_weights(tiny):
    recipe = QUICK.but(learning_rate=1000, weight_decay=1.0)   # weights times -999 at each step
    network, history = run(recipe, tiny, 0, test=True)
    epoch, step = history.diverged_at
    assert epoch == 1
    assert step > 1
    assert [one.number for one in history.epochs] == [0]
    assert history.last.test_accuracy is None
    np.testing.assert_array_equal(network.parameters.flat, flat(recipe.but(epochs=0), tiny))
    assert f"diverged in epoch 1, step {step}" in repr(history)
    assert "accuracy" not in repr(history)          # no number that looks like a result


@pytest.mark.parametrize(("change", "said"), [
    ({"init": normal(1e39)}, r"init=normal\(1e\+39\) draws first weights that are not finite"),
    ({"init": normal(1e300)}, r"init=normal\(1e\+300\) draws first weights"),
    ({"init": normal(1e30), "hidden": relu, "units": (10, 10, 10)},
     "not finite before the first step: the first weights or the inputs are too large, got Recipe"),
    ({"inputs": mean_of(3e36), "init": normal(10)}, "not finite before the first step"),
    ({"inputs": mean_of(1e38)}, "inputs must be finite numbers"),
    ({"inputs": mean_of(1e300)}, "inputs must be finite numbers"),
], ids=str)
def test_a_run_that_cannot_start_says_why(tiny, change, said):
    with pytest.raises(ValueError, match=said):
        run(QUICK.but(**change), tiny, 0)


@pytest.mark.parametrize(("recipe", "empty"), [
    (QUICK.but(images=1, fold=(0, 2)), False), (QUICK, True), (QUICK.but(fold=(1, 5)), True)],
    ids=str)
def test_without_images_there_is_nothing_to_train_on(tiny, recipe, empty):
    data = Splits(tiny.train.take(slice(0)), tiny.validation, tiny.test) if empty else tiny
    with pytest.raises(ValueError, match="nothing to train on"):
        run(recipe, data, 0)


def test_a_network_that_calls_everything_the_same_is_found_out(tiny):
    _, history = run(Recipe(learning_rate=1000, epochs=1), tiny, 0)
    assert history.diverged_at is None
    assert history.only_class in range(10)
    assert f"every image is called {history.only_class}: it has learned nothing" in repr(history)
    _, history = run(QUICK, tiny, 0)
    assert history.only_class is None
    assert "learned nothing" not in repr(history)


# --- Step by step --------------------------------------------------------------------------------

def test_start_is_a_run_that_is_done_when_asked_for(tiny):
    recipe = QUICK.but(momentum=0.5, images=500)
    network, epochs = start(recipe, tiny, 4, test=True)
    np.testing.assert_array_equal(network.parameters.flat, flat(recipe.but(epochs=0), tiny, 4))
    assert next(epochs).number == 0
    told = [next(epochs)]
    np.testing.assert_array_equal(network.parameters.flat, flat(recipe.but(epochs=1), tiny, 4))
    told += epochs
    expected, history = run(recipe, tiny, 4, test=True)
    np.testing.assert_array_equal(network.parameters.flat, expected.parameters.flat)
    assert [repr(epoch) for epoch in told] == [repr(epoch) for epoch in history.epochs[1:]]


def test_start_refuses_at_once_what_cannot_be(tiny):
    too_large = QUICK.but(init=normal(1e39))
    for recipe, seed in [(QUICK.but(images=601), 0), (QUICK, -1), (too_large, 0)]:
        with pytest.raises(ValueError, match="must be|not finite"):
            start(recipe, tiny, seed)


@pytest.mark.parametrize("asked", [1, 2, 30, 60, 61])
def test_stopped_within_an_epoch_the_network_is_as_before_it(tiny, asked):
    """Epochs of 60 minibatches; the question is put before each, and once after the last."""
    questions = itertools.count(1)
    network, epochs = start(QUICK, tiny, 0, stop=lambda: next(questions) >= 61 + asked)
    assert [epoch.number for epoch in epochs] == [0, 1]
    np.testing.assert_array_equal(network.parameters.flat, flat(QUICK.but(epochs=1), tiny))


def test_a_stop_that_comes_first_leaves_the_untrained_network(tiny):
    network, epochs = start(QUICK, tiny, 0, stop=lambda: True)
    assert [epoch.number for epoch in epochs] == [0]     # the first weights cost no step
    np.testing.assert_array_equal(network.parameters.flat, flat(QUICK.but(epochs=0), tiny))


def test_a_stop_that_never_comes_changes_nothing(tiny):
    network, epochs = start(QUICK, tiny, 0, stop=lambda: False)
    assert len(list(epochs)) == 3
    np.testing.assert_array_equal(network.parameters.flat, flat(QUICK, tiny))


def test_stopped_before_it_would_diverge_nothing_is_raised(tiny):
    recipe = QUICK.but(learning_rate=1000, weight_decay=1.0)
    answers = iter([False, True])
    network, epochs = start(recipe, tiny, 0, stop=lambda: next(answers, True))
    assert [epoch.number for epoch in epochs] == [0]
    np.testing.assert_array_equal(network.parameters.flat, flat(recipe.but(epochs=0), tiny))


# --- Told and read again -------------------------------------------------------------------------

def through_json(history):
    """What a file would hold; other readers know no NaN."""
    return History.from_dict(json.loads(json.dumps(history.to_dict(), allow_nan=False)))


@pytest.mark.parametrize("kind", ["plain", "tested", "unwatched", "diverged", "untrained"])
def test_a_history_comes_back_from_json_as_it_was(tiny, kind):
    data = Splits(tiny.train, tiny.validation.take([]), tiny.test) if kind == "unwatched" else tiny
    recipe = {"diverged": QUICK.but(learning_rate=1000, weight_decay=1.0),
              "untrained": QUICK.but(epochs=0)}.get(kind, QUICK.but(order=runs_of(7), fold=(1, 4)
                                                                    if kind == "plain" else None))
    history = run(recipe, data, 3, test=kind == "tested")[1]
    again = through_json(history)
    assert (again.recipe, again.seed, again.diverged_at) == (recipe, 3, history.diverged_at)
    assert (again.diverged_at is None) == (kind != "diverged")
    assert repr(again) == repr(history)
    assert len(again.epochs) == len(history.epochs)
    for one, other in zip(again.epochs, history.epochs):
        assert (one.number, one.weights) == (other.number, other.weights)
        assert (one.test_accuracy is None) == (other.test_accuracy is None)
        np.testing.assert_array_equal(one.confusion, other.confusion)
    for name in ("right", "test_right"):
        np.testing.assert_array_equal(getattr(again.last, name), getattr(history.last, name))
        assert all(getattr(epoch, name) is None for epoch in again.epochs[:-1])
    for name in ("loss", "train_accuracy", "validation_loss", "validation_accuracy",
                 "test_accuracy"):
        np.testing.assert_array_equal(again.curve(name), history.curve(name))
    assert json.dumps(again.to_dict()) == json.dumps(history.to_dict())


def test_what_was_not_measured_is_null():
    epoch = Epoch(0, 1.5, 0.25, math.nan, np.zeros((10, 10), int), ())
    told = History(QUICK, 0, (epoch,)).to_dict()
    assert told["validation_loss"] == told["test_accuracy"] == [None]
    assert told["loss"] == [1.5]
    read = through_json(History(QUICK, 0, (epoch,))).last
    assert math.isnan(read.validation_loss)
    assert read.test_accuracy is None


@pytest.mark.parametrize(("change", "said"), [
    ({"hidden": "swish"}, "activation must be one of handmlp's: logistic, relu, tanh; got 'swish'"),
    ({"output": "tanh"}, "output must be one of"), ({"sparse": 0.5}, "a recipe has no sparse")],
    ids=str)
def test_a_history_of_another_handmlp_is_refused(tiny, change, said):
    told = run(QUICK.but(epochs=0), tiny, 0)[1].to_dict()
    with pytest.raises(ValueError, match=said):
        History.from_dict(told | {"recipe": told["recipe"] | change})


# --- Your own choices ----------------------------------------------------------------------------

class Wave(Activation):
    """tanh, written again."""

    def __call__(self, z, out=None):
        return np.tanh(z, out=out)

    def slope(self, a):
        return 1 - a * a


class Surprise(Output):
    """softmax_cross_entropy, which is asked."""

    def __call__(self, z):
        return softmax_cross_entropy(z)

    def loss(self, z, t):
        return softmax_cross_entropy.loss(z, t)

    def delta(self, z, t):
        return softmax_cross_entropy.delta(z, t)


class Over(Initialiser):
    """fan_in, with a power of one's own."""

    power: float = 0.5

    def std(self, fan_in):
        return fan_in ** -self.power


class Unit(Inputs):
    """unit_range, by a function."""

    def fit(self, images):
        return unit_range.fit(images)


class Anew(Order):
    """shuffled, written again."""

    def __init__(self):
        pass

    def epochs(self, labels, rng):
        while True:
            yield rng.permutation(len(labels))


OWN = {"hidden": Wave(), "output": Surprise(), "init": Over(), "inputs": Unit(), "order": Anew()}


@pytest.mark.parametrize("name", OWN)
def test_your_own_choice_trains_as_handmlps_does(tiny, name):
    recipe = QUICK.but(**{name: OWN[name]})
    np.testing.assert_array_equal(flat(recipe, tiny), flat(QUICK, tiny))
    assert not recipe.is_handmlps
    assert f"{name}={OWN[name]!r}" in repr(recipe)


def test_your_own_choices_are_compared_and_never_taken_for_those_on_record(tiny, tmp_path):
    from handmlp.records import compare

    own, record = QUICK.but(**OWN), tmp_path / "runs.jsonl"
    for _ in range(2):
        results = compare(own, QUICK, data=tiny, seeds=[0], logbook=record, n_jobs=1,
                          progress=False)
        for name in ("loss", "validation_accuracy"):
            np.testing.assert_array_equal(results.curves(own, name), results.curves(QUICK, name))
    assert record.read_text().count("\n") == 1          # handmlp's own run, found the second time
    assert results.label(own) == "Wave(), Surprise(), Over(0.5), Unit(), Anew()"
    with pytest.raises(ValueError, match="must be one of handmlp's"):
        History.from_dict(results[own][0].to_dict())


# --- What the book quotes ------------------------------------------------------------------------

QUOTED = [Network.forward, Network.deltas, Network.backward, sgd_step, train_epoch, run,
          *(method for kind in (Logistic, Tanh, Relu) for method in (kind.__call__, kind.slope)),
          *(method for kind in (LogisticSquaredError, SoftmaxCrossEntropy)
            for method in (kind.__call__, kind.loss, kind.delta))]


@pytest.mark.parametrize("function", QUOTED, ids=lambda function: function.__qualname__)
def test_what_the_book_quotes_fits_on_a_slide(function):
    """At most 12 lines that are not docstring, comment or empty."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    tree = ast.parse(source).body[0]
    first = tree.body[0]
    text = range(first.lineno, first.end_lineno + 1) if ast.get_docstring(tree) else ()
    lines = [line for number, line in enumerate(source.splitlines(), 1)
             if number not in text and line.strip() and not line.strip().startswith("#")]
    assert len(lines) <= 12, "\n".join(lines)


# --- What is learned from ------------------------------------------------------------------------

def rows_of(part, whole):
    """Row numbers of the images of `part` in `whole`, whose images all differ."""
    places = {image.tobytes(): row for row, image in enumerate(whole.images)}
    return [places[image.tobytes()] for image in part.images]


@pytest.fixture
def numbered():
    """Two hundred images that all differ, so that each can be found again."""
    rng = np.random.default_rng(7)
    parts = [Dataset(rng.integers(0, 256, (n, 16), np.uint8), np.arange(n) % 10)
             for n in (200, 20, 20)]
    return Splits(*parts)


def test_as_it_comes_everything_is_learned_from(numbered):
    assert sample(Recipe(), numbered, np.random.default_rng(0)).fingerprint == numbered.fingerprint


def test_fewer_images_keep_the_order_of_the_file(numbered):
    some = sample(Recipe(images=50), numbered, np.random.default_rng(0))
    rows = rows_of(some.train, numbered.train)
    assert len(rows) == 50
    assert rows == sorted(set(rows))
    assert some.validation is numbered.validation
    assert some.test is numbered.test


def test_folds_share_out_the_sample_and_each_image_is_held_out_once(numbered):
    def folds(recipe):
        return [sample(recipe.but(fold=(i, 5)), numbered, np.random.default_rng(3))
                for i in range(5)]
    recipe = Recipe(images=52, wrong_labels=0.25)
    whole = sample(recipe, numbered, np.random.default_rng(3))
    rows = rows_of(whole.train, numbered.train)
    held = [rows_of(part.validation, numbered.train) for part in folds(recipe)]
    assert sorted(sum(held, [])) == rows
    for part in folds(recipe):
        assert not set(rows_of(part.train, numbered.train)) & set(
            rows_of(part.validation, numbered.train))
        assert len(part.train) + len(part.validation) == 52
        assert part.test is numbered.test
    # Held out images keep their wrong labels: whoever has only these labels cannot know better.
    labels = dict(zip(rows, whole.train.labels))
    for part, some in zip(folds(recipe), held):
        assert part.validation.labels.tolist() == [labels[row] for row in some]


def test_the_sample_moves_neither_the_weights_nor_the_order(tiny):
    few = Recipe(units=(10,), order=shuffled, epochs=0, images=100, wrong_labels=0.5)
    np.testing.assert_array_equal(flat(few, tiny), flat(Recipe(units=(10,), epochs=0), tiny))


def test_more_images_than_there_are(tiny):
    with pytest.raises(ValueError, match="images must be at most 600, .* got 601"):
        run(Recipe(images=601), tiny, 0)
