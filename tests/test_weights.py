"""The networks that read a drawing: in eight bits they read as the record says, here and there."""

import base64
from pathlib import Path

import numpy as np
import packing
import pytest
import weights
from weights import LOSS, in_eight_bits, networks, read, recorded_accuracy

from handmlp import Network, fan_in, logistic, softmax_cross_entropy, unit_range
from handmlp.book.story import STEPS, STORY
from handmlp.network import Parameters

ASSETS = Path(__file__).parents[1] / "book" / "assets"
RUNGS = range(len(STORY))


@pytest.fixture(scope="module")
def in_python():
    return networks()


def accuracy(network, part):
    return (network.predict(part.images) == part.labels).mean()


def test_there_is_one_for_each_rung_and_each_is_its_recipes(in_python, mnist):
    header, whole, images = read()
    assert [told["name"] for told in header["networks"]] == list(STEPS)
    assert len(whole) == len(in_python) == len(STORY)
    for network, recipe in zip(in_python, STORY):
        scaling = recipe.inputs.fit(mnist.train.images)
        assert (network.hidden, network.output) == (recipe.hidden, recipe.output)
        assert network.scaling.shift == scaling.shift
        assert network.scaling.scale == scaling.scale
        assert network.sizes == (784, *recipe.units, 10)


@pytest.mark.parametrize("rung", RUNGS, ids=STEPS)
def test_eight_bits_read_as_the_record_says(rung, in_python, mnist):
    told = read()[0]["networks"][rung]
    assert abs(accuracy(in_python[rung], mnist.validation) - recorded_accuracy(STORY[rung])) <= LOSS
    assert abs(accuracy(in_python[rung], mnist.test) - told["test_accuracy"]) <= LOSS


@pytest.mark.parametrize("rung", RUNGS, ids=STEPS)
def test_who_is_asleep_is_so(rung, in_python, mnist):
    called, labels = in_python[rung].predict(mnist.validation.images), mnist.validation.labels
    lost = [k for k in range(10) if (called[labels == k] == k).mean() < 0.1]
    assert read()[0]["networks"][rung]["asleep"] == lost


def test_the_images_are_two_of_each_digit_from_the_test_set(mnist):
    header, _, images = read()
    assert sorted(header["labels"]) == sorted(2 * list(range(10)))
    known = {image.tobytes(): label for image, label in zip(mnist.test.images, mnist.test.labels)}
    assert [known[image.tobytes()] for image in images] == header["labels"]


def test_a_parameter_is_at_most_half_a_step_off():
    network = Network.draw((784, 30, 10), logistic, softmax_cross_entropy, fan_in,
                           unit_range.fit(np.zeros((1, 784))), np.random.default_rng(0))
    network.b[0][:] = np.linspace(-9, 9, 30)
    steps, whole = in_eight_bits(network.parameters)
    assert np.abs(whole.astype(int)).max() == 127
    back = Parameters(network.sizes, whole.astype(np.float32))
    for made, was, step in zip(weights.arrays(back), weights.arrays(network.parameters), steps):
        assert np.abs(made * step - was).max() <= 0.501 * step


def test_a_network_of_zeros_keeps_them():
    steps, whole = in_eight_bits(Parameters((4, 3, 2)))
    assert not whole.any()
    assert all(steps)


def test_the_file_is_small():
    assert weights.WEIGHTS.stat().st_size <= 600_000
    assert packing.FILES["weights"]() == weights.WEIGHTS.read_bytes()


def test_a_network_that_is_not_of_the_record_is_refused(monkeypatch, tiny):
    monkeypatch.setattr(weights, "load_mnist", lambda: tiny)
    monkeypatch.setattr(weights, "recorded_accuracy", lambda recipe: 0.5)
    with pytest.raises(RuntimeError, match="another processor"):
        weights.trained(STORY[0].but(epochs=0), "as in 2015")


@pytest.fixture(scope="module")
def page(browser):
    """A page that has the code of the book, and none of its pieces."""
    page = browser.new_page()
    for name in ("network.js", "live/draw.js"):
        code = (ASSETS / name).read_text("utf-8")
        page.add_script_tag(content=code.partition("\nhm.live(")[0])
    yield page
    page.close()


def test_in_the_page_they_answer_as_in_python(page, in_python, mnist):
    images = mnist.test.images[:200]
    told = page.evaluate("""([file, images]) => {
      const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
      const { networks } = drawing.unpack(bytes(file).buffer), pixels = bytes(images);
      return networks.map(network => Array.from({ length: 200 }, (_, i) => {
        const { digit, answers, z } =
          drawing.read(network, pixels.subarray(784 * i, 784 * (i + 1)));
        return { digit, answers, z };
      }));
    }""", [base64.b64encode(content).decode()
           for content in (weights.WEIGHTS.read_bytes(), images.tobytes())])
    for network, answers in zip(in_python, told, strict=True):
        assert [each["digit"] for each in answers] == network.predict(images).tolist()
        expected = network.probabilities(images)
        np.testing.assert_allclose([each["answers"] for each in answers], expected, atol=1e-4)
        np.testing.assert_allclose([each["z"] for each in answers],
                                   network.forward(network.inputs(images))[-1], atol=1e-3)
