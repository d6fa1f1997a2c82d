"""A run in JavaScript: it says what handmlp says, and in its worker it starts, stops and ends."""

import base64
import json
import math
import re
import time
from pathlib import Path

import numpy as np
import pytest

from handmlp import Recipe, one_hot
from handmlp.data import Splits
from handmlp.initialisers import Initialiser
from handmlp.inputs import Inputs
from handmlp.measures import WeightStatistics, evaluate, own_share
from handmlp.network import Network, Parameters
from handmlp.training import train

ASSETS = Path(__file__).parents[1] / "book" / "assets"
LOTTERY = {"recorded": [50], "recipes": {"2015": {"label": "as in 2015", "recipe": {}}}}
FEW = {"epochs": 1, "images": 500}
RECIPES = [FEW,
           {**FEW, "units": [30, 20], "hidden": "tanh", "output": "softmax_cross_entropy",
            "init": ["fan_in", "he", "fan_in_times(0.5)"], "inputs": "zero_mean",
            "learning_rate": 0.03, "momentum": 0.5, "weight_decay": [0.001, 0, 0.01]},
           {**FEW, "units": [], "output": "logistic_cross_entropy", "init": "normal(0.01)",
            "inputs": "zero_mean_per_pixel", "order": "sorted_by_class", "learning_rate": 0.01,
            "batch_size": 64},
           {**FEW, "hidden": "relu", "output": "softmax_squared_error", "init": "he",
            "inputs": "inverted", "learning_rate": 0.01, "batch_size": 1}]


@pytest.fixture(scope="module")
def few(mnist):
    """The digits of the page."""
    train, validation = (part.take(slice(None, None, 10))
                         for part in (mnist.train, mnist.validation))
    return Splits(train, validation, mnist.test)


@pytest.fixture(scope="module")
def page(browser, stage):
    page = browser.new_page()
    page.goto(stage("lottery", **LOTTERY).as_uri())
    page.add_script_tag(path=ASSETS / "training.js")
    yield page
    page.close()


def array(text, dtype=np.float32):
    return np.frombuffer(base64.b64decode(text), dtype)


TEXT = """
const text = numbers => {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
};
"""


# --- what it computes -----------------------------------------------------------------------------

def test_the_page_has_the_digits_of_the_book(page, few):
    told = page.evaluate("async () => {" + TEXT + """
        const {train, validation} = await hm.digits();
        return [train, validation].map(part => [text(part.labels), text(part.images)]); }""")
    for (labels, images), part in zip(told, (few.train, few.validation), strict=True):
        np.testing.assert_array_equal(array(labels, np.uint8), part.labels)
        np.testing.assert_array_equal(array(images, np.uint8), part.images.ravel())


@pytest.mark.parametrize("choices", RECIPES, ids=lambda choices: choices.get("output", "2015"))
def test_from_the_same_first_weights_an_epoch_ends_as_in_handmlp(choices, page, few):
    told = page.evaluate("async choices => {" + TEXT + """
        const [a, b, c] = streams(5), recipe = Recipe(choices);
        const data = await hm.digits(), pick = rows => rows.subarray(0, rows.length / 10);
        data.train = {labels: pick(data.train.labels), images: pick(data.train.images)};
        const network = draw(recipe, data, a), first = text(network.parameters.flat);
        const epochs = [...train(network, data, recipe, b)];
        return {first, epochs: epochs.map(e => ({...e, first_weights: text(e.first_weights)}))};
        }""", choices)
    recipe = Recipe.from_dict(choices)
    data = Splits(few.train.take(slice(500)), few.validation, few.test)
    network = Network(Parameters((784, *recipe.units, 10), array(told["first"]).copy()),
                      recipe.hidden, recipe.output, recipe.inputs.fit(data.train.images))
    epochs = train(network, data, recipe, np.random.default_rng(0))
    for said, epoch in zip(told["epochs"], epochs, strict=True):
        for name in ("loss", "validation_loss"):
            assert said[name] == pytest.approx(getattr(epoch, name), rel=1e-3)
        assert said["number"] == epoch.number
        assert said["train_accuracy"] == pytest.approx(epoch.train_accuracy, abs=0.003)
        assert said["validation_accuracy"] == pytest.approx(epoch.validation_accuracy, abs=0.003)
        assert np.abs(np.array(said["confusion"]) - epoch.confusion).sum() <= 6
        a = network.forward(network.inputs(data.validation.images))
        for means, layer in zip(said["hidden_means"], a[1:-1], strict=True):
            np.testing.assert_allclose(means, layer.mean(axis=0), atol=1e-3)
        np.testing.assert_allclose(array(said["first_weights"]), network.W[0].ravel(), atol=2e-3)
        for one, other in zip(said["weights"], epoch.weights, strict=True):
            assert one["mean"] == pytest.approx(other.mean, abs=1e-5)
            assert (one["std"], one["limit"]) == pytest.approx((other.std, other.limit), rel=1e-3)
            assert sum(one["counts"]) == sum(other.counts)


def test_measures_are_those_of_handmlp(page, few):
    told = page.evaluate("async () => {" + TEXT + """
        const data = await hm.digits(), network = draw(Recipe({}), data, streams(1)[0]);
        const {labels, images} = data.validation, W = network.parameters.W[0];
        return {flat: text(network.parameters.flat), weights: new WeightStatistics(W),
                ...evaluate(network, {labels, x: network.inputs(images)})}; }""")
    recipe = Recipe()
    network = Network(Parameters((784, 100, 10), array(told["flat"])), recipe.hidden,
                      recipe.output, recipe.inputs.fit(few.train.images))
    loss, confusion = evaluate(network, few.validation.images, few.validation.labels)
    assert told["loss"] == pytest.approx(loss, rel=1e-5)
    assert told["confusion"] == confusion.tolist()
    weights = WeightStatistics.of(network.W[0].astype(float))
    assert [told["weights"][name] for name in ("mean", "std", "limit")] == pytest.approx(
        [weights.mean, weights.std, weights.limit])
    assert np.abs(np.subtract(told["weights"]["counts"], weights.counts)).sum() <= 4


# --- what it draws and chooses --------------------------------------------------------------------

@pytest.mark.parametrize("rule", ["unit_normal", "fan_in", "he", "normal(0.3)",
                                  "fan_in_times(2)", 3])
def test_first_weights_have_the_standard_deviation_of_their_rule(rule, page):
    weights = array(page.evaluate("async init => {" + TEXT + """
        const network = draw(Recipe({init}), await hm.digits(), streams(1)[0]);
        return text(network.parameters.W[0]); }""", rule))
    expected = Initialiser.named(rule).std(784) if isinstance(rule, str) else rule / math.sqrt(784)
    z = weights / expected
    assert (z.mean(), z.std()) == pytest.approx((0, 1), abs=0.015)
    assert (z**4).mean() == pytest.approx(3, abs=0.1)  # as of normal numbers


def test_rules_scale_the_same_numbers_and_biases_are_zero(page):
    told = page.evaluate("""async () => {
        const data = await hm.digits();
        const [one, other] = ["unit_normal", "normal(2)"].map(
            init => draw(Recipe({init}), data, streams(1)[0]).parameters);
        return [one, other].map(({W, b}) => [...W[1], ...b[0], ...b[1]]); }""")
    np.testing.assert_array_equal(2 * np.array(told[0]), told[1])
    assert not any(told[0][1000:])


@pytest.mark.parametrize("name", ["unit_range", "inverted", "centred", "centred_each", "mean_of(2)",
                                  "zero_mean", "zero_mean_each", "zero_mean_per_pixel"])
def test_inputs_are_scaled_as_in_handmlp(name, page, few):
    x = array(page.evaluate("async inputs => {" + TEXT + """
        const data = await hm.digits(), network = draw(Recipe({inputs}), data, streams(1)[0]);
        return text(network.inputs(data.validation.images.subarray(0, 78400))); }""", name))
    expected = Inputs.named(name).fit(few.train.images)(few.validation.images[:100])
    np.testing.assert_allclose(x, expected.ravel(), atol=1e-4)


def orders(page, name, labels, seed=1):
    return page.evaluate("""([name, labels, seed]) => {
        const order = named(orders, name)(labels, streams(seed)[1]);
        return [order.next().value, order.next().value]; }""", [name, labels, seed])


@pytest.mark.parametrize("name", ["file_order", "shuffled", "shuffled_once", "sorted_by_class",
                                  "runs_of(7)", "runs_of(1)"])
def test_an_order_names_each_row_once(name, page, few):
    labels = few.train.labels[:1000].tolist()
    first, second = orders(page, name, labels)
    assert sorted(first) == sorted(second) == list(range(1000))
    assert (first == second) == (name in ("file_order", "shuffled_once", "sorted_by_class"))
    assert (first == list(range(1000))) == (name == "file_order")
    assert orders(page, name, labels) == [first, second]
    if name == "sorted_by_class":
        assert first == np.argsort(labels, kind="stable").tolist()


def test_runs_have_their_length(page, few):
    labels = few.train.labels[:1000]
    called = labels[orders(page, "runs_of(20)", labels.tolist())[0]]
    starts = np.flatnonzero(np.diff(called)) + 1
    assert len(called) / (len(starts) + 1) > 15
    whole = [run for run in np.split(called, starts) if len(run) % 20 == 0]
    assert len(whole) > 30


def test_random_numbers_are_those_of_sfc32_and_each_stream_its_own(page):
    """Written once more, in Python's whole numbers."""
    def sfc32(seed, stream):
        a, b, c, count = 0, seed, stream, 1
        for i in range(112):
            bits = (a + b + count) % 2**32
            a, b, count = b ^ b >> 9, (c + (c << 3)) % 2**32, count + 1
            c = (((c << 21) | (c >> 11)) + bits) % 2**32
            if i >= 12:
                yield bits / 2**32

    for seed in (0, 1, 2**32 - 1):
        told = page.evaluate("seed => streams(seed).map(random =>"
                             " Array.from({length: 100}, () => random.uniform()))", seed)
        assert told == [list(sfc32(seed, stream)) for stream in range(3)]


def test_shuffling_is_fair(page):
    """Of 6,000 shuffles of three rows, each of the six orders comes up about 1,000 times."""
    counts = page.evaluate("""() => {
        const random = streams(3)[1], counts = {};
        for (let i = 0; i < 6000; i++) {
          const key = random.permutation(3).join("");
          counts[key] = (counts[key] ?? 0) + 1;
        }
        return Object.values(counts); }""")
    assert len(counts) == 6
    assert all(870 < count < 1130 for count in counts)  # four standard deviations


def test_a_sample_holds_so_many_images_and_wrong_labels(page, few):
    told = page.evaluate("async () => {" + TEXT + """
        const data = await hm.digits(), recipe = Recipe({images: 500, wrong_labels: 0.3});
        const [plain, noisy] = [Recipe({images: 500}), recipe].map(
            recipe => sample(recipe, data, streams(1)[2]).train);
        return [text(plain.images), text(plain.labels), text(noisy.labels)]; }""")
    images, labels, noisy = (array(text, np.uint8) for text in told)
    rows = {image.tobytes(): row for row, image in enumerate(few.train.images)}
    found = [rows[image.tobytes()] for image in images.reshape(500, 784)]
    assert found == sorted({*found})
    assert found != list(range(500))
    np.testing.assert_array_equal(labels, few.train.labels[found])
    assert (labels != noisy).sum() == 150
    assert set(noisy) == set(range(10))


# --- what it refuses ------------------------------------------------------------------------------

@pytest.mark.parametrize(("choices", "sentence"), [
    ({"units": 100}, "units must be an array with the size of each hidden layer, got 100"),
    ({"units": [100, 0]}, "units must be an array with the size of each hidden layer, got [100,0]"),
    ({"hidden": "sine"}, 'hidden must be one of logistic, tanh, relu, got "sine"'),
    ({"hidden": "toString"}, 'hidden must be one of logistic, tanh, relu, got "toString"'),
    ({"output": "logistic"}, "output must be one of logistic_squared_error, "),
    ({"init": ["fan_in"]}, 'init must be one for each of the 2 weight matrices, got ["fan_in"]'),
    ({"init": "fan_in(2)"}, "init must be a number, or one of unit_normal, fan_in, he, "),
    ({"init": "normal"}, "init must be a number, or one of unit_normal, fan_in, he, "),
    ({"init": "normal(-1)"}, "init must be a number, or one of unit_normal, fan_in, he, "),
    ({"init": [-1, 1]}, "init must be a number, or one of unit_normal, fan_in, he, "),
    ({"inputs": "mean_of(x)"}, "inputs must be one of unit_range, "),
    ({"inputs": None}, "inputs must be one of unit_range, "),
    ({"order": "runs_of(0)"}, "order must be one of file_order, "),
    ({"order": "runs_of(1.5)"}, "order must be one of file_order, "),
    ({"learning_rate": 0}, "learning_rate must be a positive number, got 0"),
    ({"learning_rate": "3"}, 'learning_rate must be a positive number, got "3"'),
    ({"batch_size": 0.5}, "batch_size must be a whole number from 1, got 0.5"),
    ({"epochs": -1}, "epochs must be a whole number from 0, got -1"),
    ({"momentum": 1}, "momentum must be a number in [0, 1), got 1"),
    ({"weight_decay": [0, -1]}, "weight_decay must be a number of at least 0, or an array of them"),
    ({"weight_decay": [0] * 3}, "weight_decay must be one for each of the 2 weight matrices"),
    ({"images": 0}, "images must be a whole number from 1, got 0"),
    ({"images": 5001}, "images must be at most 5000, as many as there are, got 5001"),
    ({"wrong_labels": 1.1}, "wrong_labels must be a share in [0, 1], got 1.1"),
    ({"learning_rates": 3}, "a recipe has no learning_rates"),
])
def test_a_bad_recipe_is_refused_in_a_sentence(choices, sentence, page):
    told = trained(page, choices, 1)
    assert told["reason"]["kind"] == "failed"
    assert told["reason"]["text"].startswith(sentence)
    assert told["epochs"] == []


@pytest.mark.parametrize("seed", [-1, 0.5, 2**32, "7", None])
def test_a_bad_seed_is_refused(seed, page):
    assert trained(page, FEW, seed)["reason"] == {
        "kind": "failed", "text": "seed must be a whole number from 0 to 4294967295, "
                                  f"got {json.dumps(seed)}"}


# --- in its worker --------------------------------------------------------------------------------

def trained(page, choices, seed):
    return page.evaluate("""([choices, seed]) => new Promise(resolve => {
        const epochs = [];
        const epoch = e => epochs.push(
            {...e, first_weights: Array.from(e.first_weights.subarray(0, 50))});
        hm.train(choices, seed, {epoch, end: reason => resolve({epochs, reason})}); })""",
                         [choices, seed])


def no_worker_is_left(page):
    end = time.monotonic() + 10
    while page.workers:
        assert time.monotonic() < end, "a worker goes on"
        page.wait_for_timeout(20)


def test_a_run_is_repeated_by_its_seed_and_by_no_other(page):
    one, again, other = (trained(page, {**FEW, "order": "shuffled"}, seed) for seed in (5, 5, 6))
    assert one == again
    assert one["reason"] == {"kind": "finished", "text": ""}
    no_worker_is_left(page)
    assert [epoch["number"] for epoch in one["epochs"]] == [0, 1]
    assert one["epochs"][0]["first_weights"] != other["epochs"][0]["first_weights"]


def test_what_a_recipe_tells_of_itself_can_be_trained(page):
    """With what differs from 2015, as a notebook hands it over."""
    recipe = Recipe(images=200, epochs=1, units=(8, 8), weight_decay=(0.0, 0.1, 0.0))
    told = recipe.to_dict()
    choices = {name: told[name] for name in recipe.changes_from(Recipe())}
    assert trained(page, choices, 0)["reason"]["kind"] == "finished"


def test_no_epochs_measure_the_untrained_network(page):
    told = trained(page, {"epochs": 0}, 0)
    assert [epoch["number"] for epoch in told["epochs"]] == [0]


def test_it_learns_and_the_network_of_2015_falls_asleep(page):
    """What the first page is about, for one seed of this page."""
    last = trained(page, {}, 7)["epochs"][-1]
    assert 0.5 < last["validation_accuracy"] < 0.9
    assert own_share(np.array(last["confusion"])).min() < 0.1
    assert np.array(last["confusion"]).sum() == 1000


def test_a_run_that_diverges_says_so(page):
    told = trained(page, {**FEW, "hidden": "relu", "output": "softmax_cross_entropy",
                          "learning_rate": 1e30}, 1)
    assert told["reason"]["kind"] == "diverged"
    assert re.fullmatch(r"loss is not finite in epoch 1, step [1-9]: try a smaller learning_rate "
                        r"\(now 1e\+30\) or smaller first weights", told["reason"]["text"])
    assert [epoch["number"] for epoch in told["epochs"]] == [0]


def test_first_weights_that_are_too_large_are_refused(page):
    told = trained(page, {**FEW, "init": "normal(1e30)", "hidden": "relu",
                          "output": "softmax_cross_entropy"}, 1)
    assert told["reason"]["kind"] == "failed"
    assert "before the first step" in told["reason"]["text"]


def test_it_stops_at_once_in_the_middle_of_an_epoch_and_once_only(page):
    told = page.evaluate("""() => new Promise(resolve => {
        const heard = [];
        const run = hm.train({epochs: 1000, batch_size: 1}, 1, {epoch: () => {
          heard.push("epoch");
          run.stop();
          run.stop();
          hm.train({epochs: 0}, 1, {epoch: () => {}, end: () => resolve(heard)});  // time goes by
        }, end: reason => heard.push(reason)}); })""")
    assert told == ["epoch", {"kind": "stopped", "text": ""}]
    no_worker_is_left(page)


def test_it_stops_before_the_digits_are_there(page):
    told = page.evaluate("""() => new Promise(resolve => {
        const heard = [];
        hm.train({epochs: 1}, 1, {epoch: e => heard.push(e.number), end: e => heard.push(e.kind)})
          .stop();
        hm.train({epochs: 0}, 1, {epoch: () => {}, end: () => resolve(heard)}); })""")
    assert told == ["stopped"]
    no_worker_is_left(page)


@pytest.mark.parametrize("name", ["digits", "worker"])
def test_a_file_that_cannot_be_loaded_is_named(name, browser, stage):
    page = browser.new_page()
    page.route(f"**/live/{name}.js", lambda route: route.abort())
    page.goto(stage("lottery", **LOTTERY).as_uri())
    assert trained(page, FEW, 1)["reason"] == {"kind": "failed",
                                               "text": f"{name} could not be loaded"}
    page.unroute_all()
    assert trained(page, FEW, 1)["reason"]["kind"] == "finished"
    page.close()


def test_targets_are_one_hot(page, few):
    t = page.evaluate("labels => Array.from(one_hot(labels))", few.train.labels[:20].tolist())
    assert t == one_hot(few.train.labels[:20]).ravel().tolist()
