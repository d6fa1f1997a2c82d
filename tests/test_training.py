"""Training: a step against the gradient, an epoch, and a run that fails."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neural_network import MLPClassifier

from handmlp import (
    Dataset,
    Network,
    Recipe,
    Splits,
    falling,
    fan_in,
    file_order,
    logistic,
    logistic_squared_error,
    normal,
    one_cycle,
    relu,
    runs_of,
    shifted,
    shuffled,
    shuffled_once,
    softmax_cross_entropy,
    sorted_by_class,
    tanh,
    training,
    unit_range,
    zero_mean,
)
from handmlp.measures import evaluate
from handmlp.network import Parameters
from handmlp.runs import draw
from handmlp.training import Diverged, minibatches, nesterov_step, sgd_step, train, train_epoch

ORDERS = [file_order, shuffled_once, shuffled, sorted_by_class, runs_of(3)]
# Quick and sure to learn: 784-10-10.
QUICK = Recipe(units=(10,), hidden=tanh, output=softmax_cross_entropy, init=fan_in,
               learning_rate=0.1, epochs=2)


@pytest.mark.parametrize("targets", [(0, 1), (0.1, 0.9)])
def test_targets_are_what_is_learned(tiny, targets):
    """One step on all images is the step of a network that is given these targets."""
    recipe = Recipe(units=(9,), targets=targets, batch_size=600, epochs=1)
    network, epochs = trained(recipe, tiny)
    other = draw(recipe, tiny, np.random.default_rng(0))
    low, high = targets
    t = np.where(np.eye(10)[tiny.train.labels] == 1, high, low).astype(np.float32)
    sgd_step(other, other.inputs(tiny.train.images), t, other.parameters.like(), 3.0)
    np.testing.assert_allclose(network.parameters.flat, other.parameters.flat, atol=1e-6)
    assert epochs[0].loss == trained(recipe.but(targets=(0, 1)), tiny)[1][0].loss


def test_targets_that_do_not_suit_the_output_are_refused(tiny):
    recipe = QUICK.but(units=(7,))  # not as many as classes
    network = draw(recipe, tiny, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"targets must add up to 1 over the 10 classes with "
                       r"softmax_cross_entropy, got \(0.1, 0.9\), which add up to 1.8"):
        next(train(network, tiny, recipe.but(targets=(0.1, 0.9)), np.random.default_rng(0)))
    smooth = recipe.but(targets=(0.01, 0.91))
    assert next(train(network, tiny, smooth, np.random.default_rng(0))).number == 0


class Bowl(Network):
    """A network whose loss is w²/2 along its first weight and nothing else: ∂L/∂w = w."""

    def backward(self, a, t, out, factor=1.0, keep=0.0):
        pull, out.flat[:] = factor * self.parameters.flat[0], keep * out.flat
        out.flat[0] += pull
        return out


class Plain(Network):
    """A network whose loss is flat, so that all that moves it is the decay."""

    def backward(self, a, t, out, factor=1.0, keep=0.0):
        out.flat *= keep
        return out


def at(kind, flat, sizes=(1, 1)):
    """Return a network at these parameters, and a velocity of zero."""
    w = Parameters(sizes, np.array(flat, float))
    return kind(w, tanh, softmax_cross_entropy, None), w.like()


def step(network, velocity, *settings):
    sizes = network.sizes
    sgd_step(network, np.ones((1, sizes[0])), np.ones((1, sizes[-1])), velocity, *settings)


def trained(recipe, data, seed=0, test=False):
    """Return the network and its epochs; `run` does the same and more."""
    rng = np.random.default_rng(seed)
    network = draw(recipe, data, rng)
    return network, list(train(network, data, recipe, rng, test))


# --- One step ------------------------------------------------------------------------------------

def test_a_step_by_hand():
    """The 2-2-2 network of test_network.py, one example, learning rate 0.1."""
    network = Network(Parameters((2, 2, 2), np.array([1, -1, 1, 0, 0, 0, 1, 3, 2, 5, 6, 0.])),
                      relu, softmax_cross_entropy, None)
    w, velocity = network.parameters, network.parameters.like()
    sgd_step(network, np.array([[1.0, 2.0]]), np.array([[1.0, 0.0]]), velocity, 0.1)
    # The gradients there are W[0]: (1, 0), (2, 0); b[0]: (1, 0); W[1]: (-1.5, 1.5), (0, 0);
    # b[1]: (-.5, .5). A tenth of each is taken away.
    np.testing.assert_allclose(w.W[0], [[0.9, -1], [0.8, 0]])
    np.testing.assert_allclose(w.b[0], [-0.1, 0])
    np.testing.assert_allclose(w.W[1], [[1.15, 2.85], [2, 5]])
    np.testing.assert_allclose(w.b[1], [6.05, -0.05])


@pytest.mark.parametrize(("second_rate", "expected"), [(0.1, 0.72), (0.05, 0.765)])
def test_momentum_by_hand(second_rate, expected):
    """L = w²/2, so ∂L/∂w = w; from w = 1 with momentum .9."""
    network, v = at(Bowl, [1, 0])
    for rate in (0.1, second_rate):
        step(network, v, rate, 0.9)
    # v = -.1, w = .9; then v = .9 * -.1 - .1 * .9 = -.18 and w = .72
    #                  or   v = .9 * -.1 - .05 * .9 = -.135 and w = .765 (the other form: .81)
    assert network.parameters.flat[0] == pytest.approx(expected)


def test_unless_told_otherwise_a_step_has_no_momentum():
    network, velocity = at(Bowl, [1, 0])
    for _ in range(2):
        step(network, velocity, 0.1)
    assert network.parameters.flat[0] == pytest.approx(0.81)  # .9 of .9


@pytest.mark.parametrize("decay", [(), (0.0, 0.0)], ids=repr)
def test_without_momentum_it_is_plain_gradient_descent_bit_for_bit(decay):
    rng = np.random.default_rng(0)
    network = Network.draw((3, 4, 2), tanh, softmax_cross_entropy, fan_in, None, rng)
    w, x = network.parameters, rng.standard_normal((5, 3), np.float32)
    t = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1]]
    change = network.backward(network.forward(x), t, w.like(), -0.3)
    start, v = w.flat.copy(), w.like()
    sgd_step(network, x, t, v, 0.3, 0.0, decay)
    np.testing.assert_array_equal(w.flat, start + change.flat)
    assert not v.flat.any()


def test_weight_decay_alone_shrinks_weights_and_leaves_biases():
    network, v = at(Plain, np.ones(9), (2, 2, 1))
    step(network, v, 0.5, 0.0, (0.2, 0.5))
    # Each weight loses ηλ of itself: 1 - .1 and 1 - .25; one strength for each matrix.
    w = network.parameters
    assert [part.ravel().tolist() for part in (w.W[0], w.b[0], w.W[1], w.b[1])] == [
        [0.9] * 4, [1, 1], [0.75] * 2, [1]]


def test_decay_goes_through_the_momentum_like_the_rest_of_the_gradient():
    network, v = at(Plain, [1, 1])
    for _ in range(2):
        step(network, v, 0.2, 0.5, (0.5,))
    # v = -.1, w = .9; then v = .5 * -.1 - .1 * .9 = -.14, w = .76; the bias stays 1
    np.testing.assert_allclose(network.parameters.flat, [0.76, 1])


def test_decay_does_not_depend_on_the_size_of_the_batch(tiny):
    recipe = QUICK.but(weight_decay=0.5, epochs=1, batch_size=4)
    four = Splits(tiny.train.take([0, 1, 2, 3]), tiny.validation, tiny.test)
    eight = Splits(tiny.train.take([0, 1, 2, 3] * 2), tiny.validation, tiny.test)
    once, _ = trained(recipe, four)
    twice, _ = trained(recipe.but(batch_size=8), eight)
    np.testing.assert_allclose(twice.parameters.flat, once.parameters.flat, atol=1e-6)


def test_nesterov_by_hand():
    """L = w²/2, so ∂L/∂w = w; from w = 1 with momentum .9 and rate .1."""
    network, v = at(Bowl, [1, 0])
    for _ in range(2):
        nesterov_step(network, np.ones((1, 1)), np.ones((1, 1)), v, 0.1, 0.9)
    # v = -.1, w = .9; then ahead at .9 - .09 = .81: v = .9 * -.1 - .1 * .81 = -.171, w = .729
    assert v.flat[0] == pytest.approx(-0.171)
    assert network.parameters.flat[0] == pytest.approx(0.729)


@pytest.mark.parametrize(("momentum", "step"), [(0.0, sgd_step), (0.9, sgd_step),
                                                (0.9, nesterov_step)])
@pytest.mark.parametrize("units", [(5,), (6, 4), (5, 4, 4)], ids=str)
@pytest.mark.parametrize("hidden", [logistic, tanh, relu], ids=repr)
def test_steps_equal_those_of_scikit_learn(hidden, units, momentum, step):
    """Three steps from the same weights, with momentum and decay, agree to the last digits.

    Its penalty is alpha/2 ‖W‖² divided by the number of rows, so λ = alpha / n. With Nesterov's
    momentum it keeps the weights from which the gradient is taken, a piece μv ahead of ours.
    """
    n, rate, decay, sizes = 12, 0.3, 0.02, (4, *units, 3)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((n, 4)), np.arange(n) % 3
    network = Network.draw(sizes, hidden, softmax_cross_entropy, fan_in, None, rng)
    w = network.parameters = Parameters(sizes, network.parameters.flat.astype(float))
    theirs = MLPClassifier(units, activation=repr(hidden), solver="sgd", alpha=decay * n,
                           batch_size=n, learning_rate_init=rate, momentum=momentum,
                           nesterovs_momentum=step is nesterov_step, random_state=0)
    theirs.partial_fit(x, labels, classes=range(3))       # makes its arrays, which we then fill
    for part, ours in zip(theirs.coefs_ + theirs.intercepts_, w.W + w.b):
        part[:] = ours
    for part in theirs._optimizer.velocities:
        part[:] = 0
    velocity = w.like()
    for _ in range(3):
        theirs.partial_fit(x, labels)
        train_epoch(network, x, np.eye(3)[labels], [np.arange(n)], velocity, rate, momentum,
                    (decay,) * len(w.W), step)
        ahead = momentum if step is nesterov_step else 0
        for part, ours, v in zip(theirs.coefs_ + theirs.intercepts_, w.W + w.b,
                                 velocity.W + velocity.b):
            np.testing.assert_allclose(ours + ahead * v, part, rtol=1e-10, atol=1e-12)


# --- One epoch -----------------------------------------------------------------------------------

@given(n=st.integers(1, 30), size=st.integers(1, 40))
def test_minibatches_leave_out_no_row(n, size):
    batches = list(minibatches(np.arange(n), size))
    assert np.concatenate(batches).tolist() == list(range(n))
    assert [len(rows) for rows in batches[:-1]] == [size] * (len(batches) - 1)
    assert 1 <= len(batches[-1]) <= size


class Watched(Network):
    """A network that remembers the rows that it learned from, by the number in their pixel."""

    def backward(self, a, t, *args, **kwargs):
        self.seen.append((a[0][:, 0].copy(), t.argmax(axis=1)))
        return super().backward(a, t, *args, **kwargs)


def watch(recipe, labels):
    """Train on images whose one pixel tells their row, and return the batches of each epoch."""
    rows = np.arange(len(labels))
    digits = Dataset(np.column_stack([rows, 0 * rows]), labels)
    network = Watched(Parameters((2, 10)), tanh, softmax_cross_entropy, unit_range.fit(None))
    epochs, network.seen = [], []
    data = Splits(digits, digits, digits)
    for _ in train(network, data, recipe, np.random.default_rng(0)):
        epochs.append([((255 * x).round().astype(int), label) for x, label in network.seen])
        network.seen = []
    return epochs[1:]


@pytest.mark.parametrize("n", [10, 1])
@pytest.mark.parametrize("size", [1, 3, 4, 10, 64])
def test_every_row_is_seen_once_an_epoch_for_any_batch_size(n, size):
    for batches in watch(QUICK.but(units=(), batch_size=size, epochs=3), np.arange(n) % 10):
        assert sorted(np.concatenate([rows for rows, _ in batches])) == list(range(n))


def test_a_short_batch_is_divided_by_its_own_size(tiny):
    """Ten rows as 6 and 4, with a rate so small that the steps add up."""
    x, t = tiny.train.images[:10] / 255, np.eye(10)[tiny.train.labels[:10]]
    network = Network.draw((784, 10), tanh, softmax_cross_entropy, fan_in, None,
                           np.random.default_rng(0))
    w = network.parameters = Parameters((784, 10), network.parameters.flat.astype(float))
    start, parts = w.flat.copy(), []
    for rows in (slice(6), slice(6, 10)):
        parts.append(network.backward(network.forward(x[rows]), t[rows], out=w.like()).flat)
    train_epoch(network, x, t, minibatches(np.arange(10), 6), w.like(), 1e-6)
    np.testing.assert_allclose((start - w.flat) / 1e-6, sum(parts), atol=1e-5)


def test_a_batch_larger_than_the_data_is_all_of_it(tiny):
    exact, larger = (trained(QUICK.but(batch_size=size), tiny)[0] for size in (600, 64_000))
    np.testing.assert_array_equal(exact.parameters.flat, larger.parameters.flat)


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_an_image_never_parts_from_its_label(order):
    labels = np.random.default_rng(0).integers(0, 10, 50)
    epochs = watch(QUICK.but(units=(), batch_size=4, order=order, epochs=5), labels)
    assert len(epochs) == 5
    orders = []
    for batches in epochs:
        rows, targets = (np.concatenate(part) for part in zip(*batches))
        np.testing.assert_array_equal(targets, labels[rows])
        assert sorted(rows) == list(range(50))
        orders.append(tuple(rows))
    assert len(set(orders)) == (5 if order in (shuffled, runs_of(3)) else 1)


# --- A run ---------------------------------------------------------------------------------------

def test_it_learns(tiny):
    _, epochs = trained(QUICK.but(epochs=5), tiny)
    assert [epoch.number for epoch in epochs] == [0, 1, 2, 3, 4, 5]
    assert epochs[0].validation_accuracy < 0.3 < 0.7 < epochs[-1].validation_accuracy
    assert epochs[-1].loss < epochs[0].loss
    assert repr(epochs[0]).startswith("epoch 0: loss 2.")


def test_an_epoch_says_what_was_measured_and_nothing_else(tiny):
    unwatched = Splits(tiny.train, tiny.train.take([]), tiny.test)
    *_, last = trained(QUICK, unwatched, test=True)[1]
    assert repr(last) == (f"epoch 2: loss {last.loss:.3f}, accuracy {last.train_accuracy:.1%} "
                          f"train, {last.test_accuracy:.1%} test")


def test_epoch_0_is_before_training_and_the_rest_is_done_when_asked_for(tiny):
    rng = np.random.default_rng(0)
    network = draw(QUICK, tiny, rng)
    start, epochs = network.parameters.flat.copy(), train(network, tiny, QUICK, rng)
    assert next(epochs).number == 0
    np.testing.assert_array_equal(network.parameters.flat, start)
    assert next(epochs).number == 1
    assert not np.array_equal(network.parameters.flat, start)


def test_the_learning_rate_falls_after_every_epoch(tiny):
    """Full batches and a linear network at rest: each change is rate times the same gradient."""
    recipe = QUICK.but(units=(), batch_size=600, learning_rate=1e-3, rate_decay=0.5, epochs=3)
    rng = np.random.default_rng(0)
    network = draw(recipe, tiny, rng)
    flats = [network.parameters.flat.astype(float)
             for _ in train(network, tiny, recipe, rng)]
    sizes = [np.linalg.norm(change) for change in np.diff(flats, axis=0)]
    np.testing.assert_allclose(sizes / sizes[0], [1, 0.5, 0.25], rtol=0.01)
    steady, _ = trained(recipe.but(rate_decay=1.0, epochs=1), tiny)
    np.testing.assert_array_equal(steady.parameters.flat, flats[1])    # not in the first epoch


@pytest.mark.parametrize(("schedule", "factors"), [
    (falling, [1, 0.75, 0.5, 0.25]), (one_cycle(0.5), [0, 0.5, 1, 0.5])], ids=str)
def test_the_schedule_counts_steps_over_all_epochs(tiny, schedule, factors):
    """Two epochs of two steps; as above, each change is its rate times the same gradient."""
    recipe = QUICK.but(units=(), batch_size=300, learning_rate=1e-3, schedule=schedule)
    seen = []

    class Seen(Network):
        def backward(self, a, t, out, factor=1.0, keep=0.0):
            seen.append(-factor)
            return super().backward(a, t, out, factor, keep)

    rng = np.random.default_rng(0)
    network = draw(recipe, tiny, rng)
    network = Seen(network.parameters, network.hidden, network.output, network.scaling)
    list(train(network, tiny, recipe, rng))
    np.testing.assert_allclose(np.divide(seen, 1e-3), factors, atol=1e-12)


def test_a_schedule_is_multiplied_by_what_the_epochs_take_off(tiny):
    recipe = QUICK.but(schedule=falling, rate_decay=0.5, batch_size=300)
    assert training._rates(recipe, 2, 2) == pytest.approx([0.1 * 0.5 * 0.5, 0.1 * 0.5 * 0.25])


def test_nesterov_is_what_the_recipe_asks_for(tiny):
    recipe = QUICK.but(batch_size=600, momentum=0.5, nesterov=True)
    network, _ = trained(recipe, tiny)
    again = draw(recipe, tiny, np.random.default_rng(0))
    x, v = again.inputs(tiny.train.images), again.parameters.like()
    for _ in range(2):
        nesterov_step(again, x, np.eye(10, dtype=np.float32)[tiny.train.labels], v, 0.1, 0.5)
    np.testing.assert_allclose(network.parameters.flat, again.parameters.flat, atol=1e-6)
    heavy, _ = trained(recipe.but(nesterov=False), tiny)
    assert np.abs(heavy.parameters.flat - network.parameters.flat).max() > 1e-4


def test_every_epoch_is_distorted_anew_and_the_order_stays_as_it_was(tiny, monkeypatch):
    shown = []

    class Seen(Network):
        def inputs(self, images):
            shown.append(images)
            return super().inputs(images)

    recipe = QUICK.but(distortion=shifted(1), order=shuffled)
    rng = np.random.default_rng(0)
    network = draw(recipe, tiny, rng)
    network = Seen(network.parameters, network.hidden, network.output, network.scaling)
    list(train(network, tiny, recipe, rng))
    epochs = [images for images in shown if images.shape == tiny.train.images.shape]
    distinct = {images.tobytes() for images in epochs}
    # The images as they are, which are measured, and others for each epoch.
    assert len(distinct) == 3
    assert tiny.train.images.tobytes() in distinct
    plain, distorted = np.random.default_rng(1), np.random.default_rng(1)
    assert (next(shuffled.epochs(tiny.train.labels, plain)).tolist()
            == next(shuffled.epochs(tiny.train.labels, distorted.spawn(2) and distorted)).tolist())


def test_the_velocity_lives_on_from_epoch_to_epoch(tiny):
    recipe = QUICK.but(units=(), batch_size=600, learning_rate=1e-4, momentum=0.5, epochs=3)
    rng = np.random.default_rng(0)
    network = draw(recipe, tiny, rng)
    flats = [network.parameters.flat.astype(float) for _ in train(network, tiny, recipe, rng)]
    sizes = [np.linalg.norm(change) for change in np.diff(flats, axis=0)]
    # v = g, then g/2 + g, then g/4 + g/2 + g
    np.testing.assert_allclose(sizes / sizes[0], [1, 1.5, 1.75], rtol=0.01)


def test_more_decay_smaller_weights(tiny):
    norms = [np.linalg.norm(trained(QUICK.but(weight_decay=decay), tiny)[0].W[0])
             for decay in (0.0, 0.01, 0.1, 1.0)]
    assert norms == sorted(norms, reverse=True)
    assert norms[-1] < norms[0] / 2


def test_the_loss_that_is_told_is_without_the_penalty(tiny):
    network, epochs = trained(QUICK.but(weight_decay=0.1), tiny)
    labels = tiny.train.labels
    z = network.forward(network.scaling(tiny.train.images))[-1]
    expected = softmax_cross_entropy.loss(z, np.eye(10)[labels]).mean()
    assert epochs[-1].loss == pytest.approx(expected, rel=1e-6)
    assert epochs[-1].train_accuracy == (z.argmax(axis=1) == labels).mean()


def test_without_images_to_watch_the_watched_numbers_are_nan(tiny):
    data = Splits(tiny.train, tiny.validation.take([]), tiny.test)
    epoch = trained(QUICK, data)[1][-1]
    assert np.isnan(epoch.validation_loss)
    assert np.isnan(epoch.validation_accuracy)
    assert np.isfinite(epoch.loss)
    assert not epoch.confusion.any()


def test_of_many_images_an_even_sample_is_measured():
    rng = np.random.default_rng(0)
    many = Dataset(rng.integers(0, 256, (20_000, 4), np.uint8), rng.integers(0, 10, 20_000))
    network = draw(QUICK, Splits(many, many, many), rng)
    epoch = next(train(network, Splits(many, many.take([0]), many), QUICK, rng))
    assert epoch.loss == evaluate(network, many.images[::2], many.labels[::2])[0]


@pytest.mark.parametrize("form", [list, np.array, lambda v: np.array(v)[:, None],
                                  lambda v: np.array(v, np.uint8), lambda v: np.array(v, float),
                                  lambda v: np.eye(10)[v]])
def test_every_form_of_labels_trains_to_the_same_bits(tiny, form):
    labels = tiny.train.labels.tolist()
    data = Splits(Dataset(tiny.train.images, form(labels)), tiny.validation, tiny.test)
    np.testing.assert_array_equal(trained(QUICK, data)[0].parameters.flat,
                                  trained(QUICK, tiny)[0].parameters.flat)


@pytest.mark.parametrize("form", [lambda v: v.astype(float), lambda v: v.astype(np.int64),
                                  np.asfortranarray, lambda v: v.reshape(-1, 28, 28),
                                  lambda v: np.repeat(v, 2, axis=0)[::2]])
def test_every_form_of_images_trains_to_the_same_bits(tiny, form):
    data = Splits(Dataset(form(tiny.train.images), tiny.train.labels), tiny.validation, tiny.test)
    for recipe in (QUICK, QUICK.but(inputs=zero_mean)):
        np.testing.assert_array_equal(trained(recipe, data)[0].parameters.flat,
                                      trained(recipe, tiny)[0].parameters.flat)


def test_the_test_images_are_read_only_when_asked_for(tiny):
    class Closed:
        classes = 10

        def __getattr__(self, name):
            raise AssertionError("the test images were opened")

    closed = copy.copy(tiny)
    object.__setattr__(closed, "test", Closed())
    assert all(epoch.test_accuracy is None for epoch in trained(QUICK, closed)[1])
    with pytest.raises(AssertionError, match="were opened"):
        trained(QUICK, closed, test=True)
    network, epochs = trained(QUICK, tiny, test=True)
    assert [epoch.test_accuracy is None for epoch in epochs] == [True, True, False]
    right = network.predict(tiny.test.images) == tiny.test.labels
    assert epochs[-1].test_accuracy == right.mean()
    assert trained(QUICK.but(epochs=0), tiny, test=True)[1][0].test_accuracy is not None


def test_unless_asked_for_the_test_images_are_not_read(tiny):
    rng = np.random.default_rng(0)
    network = draw(QUICK, tiny, rng)
    assert [epoch.test_accuracy for epoch in train(network, tiny, QUICK, rng)] == [None] * 3


def test_the_labels_to_watch_change_nothing_that_is_learned(tiny):
    wrong = Dataset(tiny.validation.images, 9 - tiny.validation.labels)
    np.testing.assert_array_equal(
        trained(QUICK, Splits(tiny.train, wrong, tiny.test))[0].parameters.flat,
        trained(QUICK, tiny)[0].parameters.flat)


def test_floating_errors_may_be_set_to_raise(tiny):
    with np.errstate(all="raise"):
        for hidden in (logistic, tanh, relu):
            trained(QUICK.but(hidden=hidden, init=normal(5.0)), tiny)
            trained(QUICK.but(hidden=hidden, output=logistic_squared_error, learning_rate=30), tiny)


# --- What goes wrong -----------------------------------------------------------------------------

BAD_RECIPES = {
    "rate of a thousand": QUICK.but(units=(10, 10, 10), hidden=relu, learning_rate=1000),
    "rate 4, one at a time, momentum": QUICK.but(units=(10,) * 4, hidden=relu, learning_rate=4,
                                                 batch_size=1, momentum=0.9),
    "decay beyond reason": QUICK.but(learning_rate=1000, weight_decay=1.0),
    "in the very last step": QUICK.but(batch_size=600, learning_rate=1000, weight_decay=1e30),
}


@pytest.mark.parametrize("name", BAD_RECIPES)
def test_a_run_that_leaves_the_finite_numbers_stops_and_says_so(tiny, name):
    recipe, rng = BAD_RECIPES[name], np.random.default_rng(0)
    network = draw(recipe, tiny, rng)
    kept = [network.parameters.flat.copy()]
    with pytest.raises(Diverged, match="loss is not finite in epoch") as caught:  # noqa: PT012
        for epoch in train(network, tiny, recipe, rng):
            assert np.isfinite([epoch.loss, epoch.validation_loss]).all()
            kept.append(network.parameters.flat.copy())
    np.testing.assert_array_equal(network.parameters.flat, kept[-1])  # as after the last good epoch
    error = caught.value
    assert f"epoch {error.epoch}, step {error.step}: try a smaller learning_rate" in str(error)
    assert f"(now {recipe.learning_rate:g})" in str(error)
    if name == "in the very last step":
        assert (error.epoch, error.step) == (2, 1)
    else:
        assert 1 < error.step < len(tiny.train) / recipe.batch_size  # at once, not after the epoch


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_the_first_step_that_is_not_finite_is_told_by_its_number(bad):
    network = Network.draw((1, 2), tanh, softmax_cross_entropy, fan_in, None,
                           np.random.default_rng(0))
    x, t = np.ones((3, 1), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 0]]
    x[bad] = np.nan
    with np.errstate(all="ignore"):
        told = train_epoch(network, x, t, [[0], [1], [2]], network.parameters.like(), 0.1)
    assert told == bad + 1


def test_without_images_there_is_nothing_to_train_on(tiny):
    data = Splits(tiny.train.take([]), tiny.validation, tiny.test)
    with pytest.raises(ValueError,
                       match="^data.train holds no images: there is nothing to train on$"):
        trained(QUICK, data)


def test_a_single_weight_that_is_no_number_is_found_at_once(tiny):
    for bad in (np.nan, np.inf):
        network = draw(QUICK, tiny, np.random.default_rng(0))
        network.W[0][300, 2] = bad
        with pytest.raises(ValueError, match="not finite before the first step"):
            list(train(network, tiny, QUICK, np.random.default_rng(0)))


def test_a_high_rate_can_stay_finite_and_calls_all_images_the_same(tiny):
    """Squared error cannot blow up, as its slope dies first; `History` says what it means."""
    _, epochs = trained(Recipe(learning_rate=1000, epochs=1), tiny)
    assert np.isfinite(epochs[-1].loss)
    assert np.count_nonzero(epochs[-1].confusion.sum(axis=0)) == 1
