"""The network in JavaScript: fed with the same numbers, it says what handmlp says."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from handmlp import (
    Network,
    fan_in,
    logistic,
    logistic_cross_entropy,
    logistic_squared_error,
    one_hot,
    relu,
    softmax_cross_entropy,
    softmax_squared_error,
    tanh,
    unit_range,
)
from handmlp.training import sgd_step

TWIN = Path(__file__).parent.parent / "book" / "assets" / "network.js"
CHOICES = [((784, 30, 10), logistic, logistic_squared_error, 0.3, 0.0, (0.0, 0.0)),
           ((784, 30, 10), logistic, logistic_cross_entropy, 0.1, 0.0, (0.0, 0.0)),
           ((784, 20, 10), tanh, softmax_cross_entropy, 0.05, 0.5, (0.001, 0.01)),
           ((784, 16, 12, 10), relu, softmax_squared_error, 0.1, 0.0, (0.0, 0.1)),
           ((784, 10), tanh, softmax_cross_entropy, 0.05, 0.9, (0.0,))]
SCRIPT = """
(given) => {
  const floats = text => new Float32Array(
      Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
  const {sizes, hidden, output, rate, momentum, decay} = given;
  const [x, t, n] = [floats(given.x), floats(given.t), 10];
  const network = new Network(new Parameters(sizes, floats(given.w)), hidden, output);
  const batch = (rows, i) => rows.subarray(i * rows.length / 100, (i + 1) * rows.length / 100);
  const first = batch(x, 0), targets = batch(t, 0), a = network.forward(first, n);
  const told = {loss: network.loss(first, targets, n), z: Array.from(a[a.length - 1]),
                deltas: network.deltas(a, targets, n).map(delta => Array.from(delta)),
                gradient: Array.from(
                    network.backward(a, targets, n, network.parameters.like()).flat)};
  const velocity = network.parameters.like();
  for (let i = 0; i < 100; i++)
    sgd_step(network, batch(x, i), batch(t, i), n, velocity, rate, momentum, decay);
  return {...told, w: Array.from(network.parameters.flat), answers: network.answers(x, 1000)};
}
"""


def text(array):
    return base64.b64encode(np.ascontiguousarray(array, np.float32)).decode()


def given_and_expected(choice, data):
    """What the script is given, and what it should tell, by handmlp in float64."""
    sizes, hidden, output, rate, momentum, decay = choice
    few = data.train.take(slice(1000))
    network = Network.draw(sizes, hidden, output, fan_in, unit_range.fit(few.images),
                           np.random.default_rng(0))
    w, x, t = network.parameters, network.inputs(few.images), one_hot(few.labels)
    given = {"sizes": sizes, "hidden": repr(hidden), "output": repr(output), "rate": rate,
             "momentum": momentum, "decay": decay, "x": text(x), "t": text(t), "w": text(w.flat)}
    network.parameters = type(w)(sizes, w.flat.astype(float))
    x, t = x.astype(float), t.astype(float)
    a = network.forward(x[:10])
    expected = {"loss": output.loss(a[-1], t[:10]).mean(), "z": a[-1].ravel(),
                "deltas": [delta.ravel() for delta in network.deltas(a, t[:10])],
                "gradient": network.backward(a, t[:10], network.parameters.like()).flat}
    velocity = network.parameters.like()
    for rows in np.arange(1000).reshape(100, 10):
        sgd_step(network, x[rows], t[rows], velocity, rate, momentum, decay)
    return given, {**expected, "w": network.parameters.flat,
                   "answers": network.forward(x)[-1].argmax(axis=1)}


def agrees(told, expected):
    for name in ("loss", "z", "gradient"):
        np.testing.assert_allclose(told[name], expected[name], atol=1e-5, err_msg=name)
    for one, other in zip(told["deltas"], expected["deltas"], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(told["w"], expected["w"], atol=1e-4)
    assert told["answers"] == expected["answers"].tolist()


@pytest.fixture(scope="module")
def blank_page(browser):
    page = browser.new_page()
    page.add_script_tag(content=TWIN.read_text("utf-8"))
    yield page
    page.close()


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{choice[1]}-{choice[2]}")
def test_in_the_browser_it_says_what_handmlp_says(choice, blank_page, mnist):
    given, expected = given_and_expected(choice, mnist)
    agrees(blank_page.evaluate(SCRIPT, given), expected)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here")
def test_in_node_too(mnist, tmp_path):
    given, expected = given_and_expected(CHOICES[0], mnist)
    (tmp_path / "given.json").write_text(json.dumps(given), "utf-8")
    program = (f"const {{Parameters, Network, sgd_step}} = require({json.dumps(str(TWIN))});"
               f"console.log(JSON.stringify(({SCRIPT})(require('./given.json'))))")
    result = subprocess.run(["node", "-e", program], cwd=tmp_path, capture_output=True, text=True,
                            check=True)
    agrees(json.loads(result.stdout), expected)


@pytest.mark.parametrize(("before", "after"), [
    ("w[start + j] += value", "w[start + j] -= value"), ("* y * (1 - y)),", "* y * (1 + y)),"),
    ("= pull * slope", "= pull * -slope"), ("sums.set(b[l])", "sums.fill(0)"),
    ("each / n), i", "each), i")])
def test_a_slip_in_it_is_seen(before, after, browser, mnist):
    code = TWIN.read_text("utf-8")
    assert code.count(before) == 1
    given, expected = given_and_expected(CHOICES[0], mnist)
    page = browser.new_page()
    page.add_script_tag(content=code.replace(before, after))
    with pytest.raises(AssertionError):
        agrees(page.evaluate(SCRIPT, given), expected)
    page.close()


def test_numbers_that_do_not_fit_are_refused(blank_page):
    message = blank_page.evaluate("""() => { try { new Parameters([4, 3], new Float32Array(7)); }
                                             catch (error) { return String(error); } }""")
    assert message == "RangeError: flat must hold 15 numbers, got 7"
