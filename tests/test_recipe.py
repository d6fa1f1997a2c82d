"""A recipe, its one change, and a run that can be repeated."""

import ast
import dataclasses
import hashlib
import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import handmlp
from handmlp import (
    Dataset,
    Network,
    Recipe,
    Splits,
    fan_in,
    file_order,
    logistic,
    logistic_squared_error,
    normal,
    relu,
    run,
    runs_of,
    shuffled,
    softmax_cross_entropy,
    tanh,
    unit_normal,
    unit_range,
    zero_mean,
    zero_mean_per_pixel,
)
from handmlp.activations import Activation, Logistic, Relu, Tanh
from handmlp.outputs import LogisticSquaredError, SoftmaxCrossEntropy
from handmlp.records.logbook import VOCABULARY
from handmlp.runs import draw, sample
from handmlp.training import sgd_step, train_epoch

QUICK = Recipe(units=(10,), hidden=tanh, output=softmax_cross_entropy, init=fan_in, order=shuffled,
               learning_rate=0.1, epochs=2)


def flat(recipe, data, seed=0):
    return run(recipe, data, seed)[0].parameters.flat


# --- Recipes -------------------------------------------------------------------------------------

def test_without_arguments_it_is_the_network_of_2015():
    assert Recipe() == Recipe(
        units=(100,), hidden=logistic, output=logistic_squared_error, init=unit_normal,
        inputs=unit_range, order=file_order, learning_rate=3.0, batch_size=10, epochs=10,
        momentum=0.0, weight_decay=0.0, rate_decay=1.0)


def test_it_prints_what_was_chosen_and_what_it_prints_makes_it_again():
    recipe = Recipe(units=(30, 20), hidden=tanh, order=runs_of(100), weight_decay=(0.1, 0.0, 0.0))
    assert repr(Recipe()) == "Recipe()"
    assert repr(recipe) == ("Recipe(units=(30, 20), hidden=tanh, order=runs_of(100), "
                            "weight_decay=(0.1, 0.0, 0.0))")
    assert eval(repr(recipe), dict(VOCABULARY, Recipe=Recipe)) == recipe


def test_one_change():
    baseline = Recipe()
    better = baseline.but(init=fan_in)
    assert better.change_from(baseline) == "init: unit_normal -> fan_in"
    assert better.changes_from(baseline) == {"init": (unit_normal, fan_in)}
    assert baseline == Recipe()                                       # it stays as it was
    two = better.but(learning_rate=0.5)
    assert two.change_from(baseline) == "init: unit_normal -> fan_in, learning_rate: 3.0 -> 0.5"
    assert baseline.change_from(baseline) == ""


def test_it_cannot_be_changed_in_place_and_serves_as_a_key():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3
    assert {Recipe(): 1}[Recipe(epochs=10)] == 1
    with pytest.raises(TypeError, match="epoch"):
        Recipe().but(epoch=3)
    with pytest.raises(TypeError):
        Recipe((100,))                                                # by name only


def test_the_kind_of_number_makes_no_other_recipe():
    plain = Recipe(units=(30,), learning_rate=1.0, batch_size=4, weight_decay=(1.0, 0.0))
    other = Recipe(units=(np.int64(30),), learning_rate=np.float64(1), batch_size=np.int32(4),
                   weight_decay=(1, np.float32(0)))
    assert other == plain
    assert repr(other) == repr(plain)
    assert type(other.learning_rate) is type(other.weight_decay[0]) is float
    assert type(other.batch_size) is type(other.units[0]) is int


WRONG = {
    "units": [100, [100], (0,), (2.5,), ("100",), (True,), (-3,)],
    "hidden": ["tanh", np.tanh, Tanh, None, softmax_cross_entropy],
    "output": ["softmax", tanh, None],
    "init": [0.1, "he", tanh, normal],
    "inputs": [None, "unit_range", relu],
    "order": ["shuffled", None, 3, runs_of],
    "learning_rate": [0, -1, float("nan"), float("inf"), "0.1", None, True],
    "batch_size": [0, -1, 2.5, "10", None, True],
    "epochs": [-1, 2.5, "10", None],
    "momentum": [-0.1, 1, 1.5, float("nan"), "0.9"],
    "weight_decay": [-1e-4, float("nan"), "0", None, (0.1,), (0.1, 0.1, 0.1), (0.1, -0.1),
                     [0.1, 0]],
    "rate_decay": [0, -1, 1.01, float("nan"), None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG
                                             for value in WRONG[name]], ids=repr)
def test_a_choice_that_cannot_be_trained_is_refused_by_name(name, value):
    with pytest.raises((ValueError, TypeError)) as caught:
        Recipe(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} must be ")
    bad = value[1] if value == (0.1, -0.1) else value
    assert message.endswith(f", got {bad!r}")
    assert len(message.split(", got ")[0]) > len(f"{name} must be ") + 5   # what was expected


@given(units=st.lists(st.integers(1, 99), max_size=3).map(tuple),
       rate=st.floats(1e-6, 1e3), momentum=st.floats(0, 0.99), size=st.integers(1, 999))
def test_every_sensible_recipe_is_made_and_prints_itself(units, rate, momentum, size):
    recipe = Recipe(units=units, learning_rate=rate, momentum=momentum, batch_size=size)
    assert eval(repr(recipe), {"Recipe": Recipe}) == recipe
    assert len(recipe.decay_per_matrix) == len(units) + 1


# --- Runs ----------------------------------------------------------------------------------------

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
tiny = Splits(mnist.train.take(slice(600)), mnist.validation.take(slice(200)), None)
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


def test_a_run_that_cannot_start_is_marked_too(tiny):
    _, history = run(QUICK.but(units=(10, 10, 10), hidden=relu, init=normal(1e30)), tiny, 0)
    assert history.diverged_at == (0, 0)
    assert history.epochs == ()
    assert "diverged in epoch 0, step 0" in repr(history)


def test_a_network_that_calls_everything_the_same_is_found_out(tiny):
    _, history = run(Recipe(learning_rate=1000, epochs=1), tiny, 0)
    assert history.diverged_at is None
    assert history.only_class in range(10)
    assert f"every image is called {history.only_class}: it has learned nothing" in repr(history)
    _, history = run(QUICK, tiny, 0)
    assert history.only_class is None
    assert "learned nothing" not in repr(history)


def test_your_own_activation_trains(tiny):
    class Wave(Activation):
        def __call__(self, z, out=None):
            return np.tanh(z, out=out)

        def slope(self, a):
            return 1 - a * a

    np.testing.assert_array_equal(flat(QUICK.but(hidden=Wave()), tiny), flat(QUICK, tiny))


# --- What the book quotes ------------------------------------------------------------------------

QUOTED = [Network.forward, Network.backward, sgd_step, train_epoch, run,
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


@pytest.mark.parametrize(("name", "value"), [
    ("images", 0), ("images", 2.5), ("wrong_labels", -0.1), ("wrong_labels", 1.1), ("fold", 3),
    ("fold", (5, 5)), ("fold", (0, 1)), ("fold", (-1, 5)), ("fold", (0, 5, 1))])
def test_a_sample_that_cannot_be(name, value):
    with pytest.raises(ValueError, match=name):
        Recipe(**{name: value})
