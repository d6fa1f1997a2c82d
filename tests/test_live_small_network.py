"""The small network on a page: it says what the chapters print, and what handmlp works out."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from handmlp import Network, logistic, logistic_squared_error, softmax_cross_entropy, tanh
from handmlp.inputs import unit_range
from handmlp.network import Parameters
from handmlp.training import sgd_step

W = [0.5, -1, 1, 1, 0, 0, 1, -1, 0.5, 2, 0, 0]  # the small network of chapter 2
FORWARD = {"sizes": [2, 2, 2], "hidden": "logistic", "output": "logistic_squared_error", "w": W,
           "x": [1, 0.5]}
BACKWARD = FORWARD | {"t": [1, 0], "backward": True}
SOFTMAX = BACKWARD | {"hidden": "tanh", "output": "softmax_cross_entropy"}
FUNCTIONS = {"logistic": logistic, "tanh": tanh, "softmax_cross_entropy": softmax_cross_entropy,
             "logistic_squared_error": logistic_squared_error}


@pytest.fixture
def visit(opened, stage):
    """A function that opens a page with the piece."""
    def visit(data, width=1280, **options):
        return opened(stage("small-network", **data), width, **options)

    return visit


def handmlp(data):
    network = Network(Parameters((2, 2, 2), np.array(data["w"], float)),
                      FUNCTIONS[data["hidden"]], FUNCTIONS[data["output"]], unit_range.fit(None))
    return network, np.array([data["x"]], float), np.array([data["t"]], float)


def shown(page):
    """Every number of the drawing, by its name: {'hidden neuron 1': {'sum': 1.0, ...}, ...}."""
    told = {}
    for name in page.locator(".drawing input").evaluate_all(
            "all => all.map(each => each.getAttribute('aria-label'))"):
        unit, _, numbers = name.partition(": ")
        told[unit] = {word.strip(): float(value.replace("−", "-")) for word, value
                      in re.findall(r"([a-z ]*)(−?[\d.]+)", numbers)}
    return told


def names(of_weights):
    """The drawing's names for the entries of one layer's weights or of all, in their order."""
    return [f"weight from {left} {p} to {right} {j}" for left, right in of_weights
            for p in (1, 2) for j in (1, 2)]


WEIGHTS = names([("input", "hidden neuron"), ("hidden neuron", "output")])


def agrees(page, network, x, t):
    a, out = network.forward(x), network.parameters.like()
    gradient, deltas = network.backward(a, t, out), network.deltas(a, t)
    told = shown(page)
    rounding = 0.0006
    for name, weight, slope in zip(WEIGHTS, np.ravel(network.W), np.ravel(gradient.W)):
        assert told[name][""] == pytest.approx(weight, abs=rounding), name
        assert told[name]["slope"] == pytest.approx(slope, abs=rounding), name
    values = {"hidden neuron": (x @ network.W[0] + network.b[0], a[1]),
              "output": (a[2], network.output(a[2]))}
    for l, (layer, (z, value)) in enumerate(values.items()):
        for j in (0, 1):
            expected = {"sum": z[0, j], "answer" if l else "value": value[0, j],
                        "bias": network.b[l][j], "delta": deltas[l][0, j]}
            assert told[f"{layer} {j + 1}"] == pytest.approx(expected, abs=rounding)
    loss = page.locator(".loss b").inner_text()
    assert float(loss) == pytest.approx(network.output.loss(a[2], t)[0], abs=rounding)


def choose(page, name):
    page.locator(f'.drawing input[aria-label^="{name}:"]').check(force=True)


def press(page, key, times):
    for _ in range(times):
        page.keyboard.press(key)


def formulas(page):
    return page.locator(".formulas").inner_text().replace("\n", " ")


# --- its numbers --------------------------------------------------------------------------------

def test_forward_it_says_what_chapter_2_prints(visit):
    page = visit(FORWARD)
    told = shown(page)
    assert told["hidden neuron 1"] == {"sum": 1, "value": 0.731, "bias": 0}
    assert told["hidden neuron 2"] == {"sum": -0.5, "value": 0.378, "bias": 0}
    assert [told[f"output {k}"]["sum"] for k in (1, 2)] == [0.920, 0.024]
    assert "Output 1 has the larger: it is the answer." in page.locator(".words").inner_text()
    choose(page, "hidden neuron 2")
    assert "1 · (−1) + 0.5 · 1 + 0 = −0.500" in formulas(page)
    assert page.get_by_role("button").all_inner_texts() == ["Reset"]


def test_backward_it_says_what_chapter_3_prints(visit):
    page = visit(BACKWARD)
    assert "½ ((−0.285)² + 0.506²) = 0.169" in page.locator(".loss").inner_text()
    assert "0.378 · 0.126 = 0.048" in formulas(page)    # the weight that the chapter turns
    assert "falls when this weight goes down" in formulas(page)
    choose(page, "output 1")
    assert "(−0.285) · 0.715 · 0.285 = −0.058" in formulas(page)
    choose(page, "hidden neuron 1")
    assert "(−0.058) · 1 + 0.126 · (−1) = −0.185" in formulas(page)
    assert "(−0.185) · 0.731 · 0.269 = −0.036" in formulas(page)
    told = shown(page)
    assert [told[name]["slope"] for name in WEIGHTS[4:]] == [-0.042, 0.092, -0.022, 0.048]
    assert told["hidden neuron 2"]["delta"] == 0.053


def test_with_softmax_it_says_what_chapters_6_and_7_print(visit):
    page = visit(SOFTMAX)
    told = shown(page)
    assert [told[f"output {k}"]["answer"] for k in (1, 2)] == [0.902, 0.098]
    assert [told[f"output {k}"]["delta"] for k in (1, 2)] == [-0.098, 0.098]
    choose(page, "output 1")
    assert "0.902 − 1 = −0.098" in formulas(page)


@pytest.mark.parametrize("data", [BACKWARD, SOFTMAX], ids=["logistic", "tanh-softmax"])
def test_whatever_is_moved_it_agrees_with_handmlp(visit, data):
    page = visit(data)
    network, x, t = handmlp(data)
    agrees(page, network, x, t)
    moves = [("weight from input 1 to hidden neuron 2", network.W[0][0], 1, "ArrowLeft", 7),
             ("weight from hidden neuron 1 to output 1", network.W[1][0], 0, "ArrowLeft", 23),
             ("hidden neuron 1", network.b[0], 0, "ArrowRight", 9),
             ("input 2", x[0], 1, "ArrowRight", 3)]
    for name, array, index, key, times in moves:
        choose(page, name)
        page.locator("[type=range]").first.focus()
        press(page, key, times)
        array[index] += times / 10 if key == "ArrowRight" else -times / 10
        agrees(page, network, x, t)
    for _ in range(5):
        page.get_by_role("button", name="One step downhill").click()
        sgd_step(network, x, t, network.parameters.like(), 3.0)
        agrees(page, network, x, t)


# --- what a hand does ---------------------------------------------------------------------------

def test_by_keyboard_alone(visit):
    page = visit(BACKWARD)
    page.keyboard.press("Tab")          # the drawing: one stop, arrows walk through its numbers
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "weight from hidden neuron 2 to output 2")
    press(page, "ArrowRight", 1)
    assert page.locator(".formulas h4").inner_text() == "Output 1"
    press(page, "ArrowLeft", 1)
    page.keyboard.press("Tab")          # the slider
    press(page, "ArrowLeft", 5)
    assert shown(page)["weight from hidden neuron 2 to output 2"][""] == 1.5
    expect(page.locator(".hm-status")).to_have_text(
        "weight from hidden neuron 2 to output 2 1.5. "
        "The loss is 0.146; at the start it was 0.169.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")        # a step
    expect(page.locator(".hm-status")).to_contain_text("Step 1: the loss goes from 0.146 to")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")        # reset
    assert shown(page)["weight from hidden neuron 2 to output 2"][""] == 2
    assert page.locator(".words").inner_text() == "The loss is 0.169."


def take_a_step(page, number):
    page.get_by_role("button", name="One step downhill").click()
    found = re.match(rf"Step {number}: the loss goes from ([\d.]+) to ([\d.]+)\.",
                     words := page.locator(".words").inner_text())
    return float(found[1]), float(found[2]), "It went up" in words


def test_steps_lower_the_loss(visit):
    page, now = visit(BACKWARD), 0.169
    for number in range(1, 6):
        before, after, went_up = take_a_step(page, number)
        assert before == now > after
        assert not went_up
        now = after
    choose(page, "input 1")
    page.locator("[type=range]").first.press("ArrowLeft")   # a move by hand: count anew
    assert "at the start it was 0.169" in page.locator(".words").inner_text()
    assert take_a_step(page, 1)[0] > 0


def test_a_step_too_long_is_told(visit):
    page = visit(SOFTMAX | {"w": [-1.3, -0.4, 0.9, -1.9, 0, 0, 1.7, -0.9, 1.8, -1.2, 0, 0]})
    page.get_by_label("Learning rate").press("End")
    before, after, went_up = take_a_step(page, 1)
    assert after > before
    assert went_up


def test_a_number_is_dragged_with_the_mouse(visit):
    page = visit(BACKWARD)
    box = page.locator(".drawing label", has_text="0.092").bounding_box()   # the weight −1
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 52, y, steps=5)
    page.mouse.up()
    page.mouse.move(x + 152, y)         # let go: it stays
    assert shown(page)["weight from hidden neuron 1 to output 2"][""] == 0
    assert page.locator(".formulas h4").inner_text() == "Weight from hidden neuron 1 to output 2"
    assert "negative" not in page.locator("line").nth(5).get_attribute("class")


def test_a_tap_chooses_and_a_slider_has_ends(visit):
    page = visit(FORWARD, 390, has_touch=True)
    page.locator(".drawing label.unit").first.tap()
    assert page.locator(".hm-slider label").inner_text() == "Input 1"
    slider = page.locator("[type=range]")
    slider.press("Home")
    assert shown(page)["input 1"]["value"] == 0
    page.locator(".drawing label.weight").first.tap()
    slider.press("End")
    assert shown(page)["weight from input 1 to hidden neuron 1"][""] == 6


def test_equal_sums_give_no_answer(visit):
    page = visit(FORWARD | {"w": [0.0] * 12})
    assert "None is larger than the other" in page.locator(".words").inner_text()


# --- how it looks -------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [FORWARD, BACKWARD, SOFTMAX], ids=["forward", "back", "softmax"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_and_stays_as_tall_as_it_is(visit, data, width):
    page = visit(data, width)
    heights = set()
    for number in page.locator(".drawing input").all():
        number.check(force=True)
        heights.add(page.locator(".hm-small-network").evaluate("root => root.offsetHeight"))
    assert len(heights) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for label in page.locator(".drawing label").all():
        box = label.bounding_box()
        assert min(box["width"], box["height"]) >= 24


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, theme):
    page = visit(BACKWARD)
    page.add_style_tag(content="body { background: var(--hm-paper); color: var(--hm-ink) }")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
                if each["id"] not in ("region", "heading-order")]
    picture = page.locator(".hm-small-network svg")
    assert "The loss is 0.169." in picture.get_attribute("aria-label")


def test_two_on_a_page_do_not_touch_each_other(visit, stage):
    page = visit(FORWARD)
    path = stage("small-network", **FORWARD)
    text = path.read_text("utf-8")
    piece = re.search(r'<div class="hm-live".*?</div>', text, re.S)[0]
    path.write_text(text.replace(piece, piece + piece), "utf-8")
    page.goto(path.as_uri())
    one, other = page.locator(".hm-small-network").all()
    one.locator(".drawing input").first.check(force=True)
    assert other.locator(".formulas h4").inner_text() == "Weight from hidden neuron 2 to output 2"
    assert other.locator(".drawing input:checked").count() == 1
