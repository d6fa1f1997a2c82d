"""A neuron to paint: its sums and values are NumPy's, and a hand, a finger and keys paint it."""

import base64
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from handmlp import logistic


@pytest.fixture(scope="module")
def digits(mnist):
    """Ten images and the mean image, in bytes."""
    held_out = mnist.validation
    ten = np.stack([held_out.images[held_out.labels == digit][0] for digit in range(10)])
    return ten, mnist.train.images.mean(axis=0).round().astype("uint8")


@pytest.fixture
def visit(opened, stage, digits):
    """A function that opens a page with the piece."""
    ten, mean = (base64.b64encode(part.tobytes()).decode() for part in digits)

    def visit(width=1280, **options):
        return opened(stage("neuron", digits=ten, mean=mean), width, **options)

    return visit


def agrees(page, digits, w, b=0.0):
    """The ten sums and values on the page are those of `w` (28, 28) and `b`."""
    z = digits[0] / 255 @ np.ravel(w) + b
    told = page.locator(".rows input").evaluate_all("all => all.map(each => each.ariaLabel)")
    for digit, text in enumerate(told):
        sum_, value = re.fullmatch(rf"{digit}: sum (−?[\d.]+), value ([\d.]+)", text).groups()
        assert float(sum_.replace("−", "-")) == pytest.approx(z[digit], abs=0.051)
        assert float(value) == pytest.approx(logistic(z[digit]), abs=0.0051)
    words, fires = page.locator(".words").inner_text(), np.flatnonzero(z > 0).astype(str).tolist()
    assert page.locator(".rows .fires").count() == len(fires)
    assert (words == "It fires for all ten.") == (len(fires) == 10)
    assert len(fires) == 10 or re.findall(r"\d", words.partition(":")[0]) == fires


def canvas(page):
    return page.locator(".both > canvas")


def at(page, row, column):
    """Where on the screen a cell's middle is."""
    box = canvas(page).bounding_box()
    right, down = (column + 0.5) / 28, (row + 0.5) / 28
    return box["x"] + right * box["width"], box["y"] + down * box["height"]


def brush(page, name):
    page.get_by_label(name).check(force=True)


def dab(w, row, column, strength):
    for down, right, share in [(0, 0, 1), (0, 1, 0.5), (0, -1, 0.5), (1, 0, 0.5), (-1, 0, 0.5)]:
        place = row + down, column + right
        w[place] = np.clip(w[place] + share * strength, -1, 1)


def test_it_starts_with_nothing_and_fires_for_none(visit, digits):
    page = visit()
    agrees(page, digits, np.zeros((28, 28)))
    assert page.locator(".words").inner_text().startswith("It fires for none of the ten")


@pytest.mark.parametrize("digit", [0, 3])
def test_this_digit_minus_the_mean(visit, digits, digit):
    page = visit()
    page.locator(".rows input").nth(digit).check(force=True)
    page.get_by_role("button", name="Weights: this digit minus the mean image").click()
    ten, mean = digits
    w = (ten[digit].astype(float) - mean) / 255
    agrees(page, digits, w)
    bias = page.get_by_label("Bias")
    bias.fill("-20.5")
    agrees(page, digits, w, -20.5)
    bias.press("End")
    assert page.locator(".words").inner_text() == "It fires for all ten."
    z = ten / 255 @ w
    between = np.sort(z)[-2:].mean()
    bias.fill(str(-round(2 * between) / 2))
    assert page.locator(".words").inner_text() == (
        f"It fires for the {digit} alone: a detector of {digit}, on these ten images.")
    expect(page.locator(".hm-status")).to_have_text(page.locator(".words").inner_text())
    page.get_by_role("button", name="Clear").click()
    agrees(page, digits, np.zeros((28, 28)))


def test_the_mouse_paints(visit, digits):
    page, w = visit(), np.zeros((28, 28))
    page.mouse.click(*at(page, 12, 14))
    dab(w, 12, 14, 0.5)
    agrees(page, digits, w)
    brush(page, "Negative")
    page.mouse.move(*at(page, 5, 4))
    page.mouse.down()
    page.mouse.move(*at(page, 5, 20))       # at once: no gaps all the same
    page.mouse.move(*at(page, 15, 20))
    page.mouse.up()
    page.mouse.move(*at(page, 25, 25))      # let go: no more
    for column in range(4, 21):
        dab(w, 5, column, -0.5)
    for row in range(6, 16):
        dab(w, row, 20, -0.5)
    agrees(page, digits, w)
    brush(page, "Eraser")
    page.mouse.click(*at(page, 5, 10))
    for row, column in [(5, 10), (4, 10), (6, 10), (5, 9), (5, 11)]:
        w[row, column] = 0
    agrees(page, digits, w)


def test_weights_stay_between_minus_1_and_1_and_edges_hold(visit, digits):
    page, w = visit(), np.zeros((28, 28))
    for _ in range(4):
        page.mouse.click(*at(page, 12, 14))
        dab(w, 12, 14, 0.5)
    assert w.max() == 1
    agrees(page, digits, w)
    page.mouse.move(*at(page, 12, 0))
    page.mouse.down()
    page.mouse.move(*at(page, 12, -5))      # out of the picture
    page.mouse.up()
    canvas(page).focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    assert "column 1:" in canvas(page).get_attribute("aria-label")


def test_keys_paint(visit, digits):
    page, w = visit(), np.zeros((28, 28))
    page.set_viewport_size({"width": 1280, "height": 300})      # it could scroll
    canvas(page).focus()
    before = page.evaluate("scrollY")
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", " ", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    dab(w, 12, 15, 0.5)
    dab(w, 13, 15, 0.5)
    agrees(page, digits, w)
    assert canvas(page).get_attribute("aria-label").endswith("Row 14, column 16: 0.75.")
    expect(page.locator(".hm-status")).to_have_text(page.locator(".words").inner_text())
    assert page.evaluate("scrollY") == before
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.locator(".rows input").nth(1).is_checked()


def test_a_finger_paints(visit, digits):
    page, w = visit(390, has_touch=True), np.zeros((28, 28))
    page.touchscreen.tap(*at(page, 10, 13))
    dab(w, 10, 13, 0.5)
    agrees(page, digits, w)
    page.locator(".rows label").nth(7).tap()
    assert page.locator(".rows input").nth(7).is_checked()


def test_the_sign_is_seen_without_colour(visit):
    """A positive cell is filled, a negative one is striped: its middle stays empty."""
    page = visit()
    look = "canvas => canvas.getContext('2d').getImageData(10 * 20 + 10, 2 * 20 + 10, 1, 1).data[3]"
    page.mouse.click(*at(page, 2, 10))
    assert canvas(page).evaluate(look) > 0
    brush(page, "Negative")
    for _ in range(2):
        page.mouse.click(*at(page, 2, 10))
    assert canvas(page).evaluate(look) == 0


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_and_stays_as_tall_as_it_is(visit, width):
    page = visit(width)
    tall = "piece => piece.offsetHeight"
    before = page.locator(".hm-neuron").evaluate(tall)
    page.get_by_role("button", name="Weights: this digit").click()
    for value in ("-60", "0", "60"):
        page.get_by_label("Bias").fill(value)
        assert page.locator(".hm-neuron").evaluate(tall) == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator(".hm-neuron :is(button, input)").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 24


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, theme):
    page = visit()
    page.add_style_tag(content="body { background: var(--hm-paper); color: var(--hm-ink) }")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.get_by_role("button", name="Weights: this digit").click()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
                if each["id"] != "region"]
