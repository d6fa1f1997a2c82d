"""A landscape on a page: steps go where gradient descent goes, and words say where they ended."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

# A valley at 1, with flat land to either side.
X = np.linspace(-10, 10, 201)
SHAPE = np.exp(-((X - 1) ** 2) / 4)
VALLEY = {"x": X.round(3).tolist(), "loss": (1 - SHAPE).round(5).tolist(),
          "slope": ((X - 1) / 2 * SHAPE).round(6).tolist(), "axis": "weight from here to there",
          "start": -1.5, "rates": [0.1, 1, 3, 6, 100], "rate": 1}


@pytest.fixture
def visit(opened, stage):
    """A function that opens a page with the piece."""
    def visit(width=1280, motion="reduce", data=VALLEY, **options):
        return opened(stage("landscape", **data), width, reduced_motion=motion, **options)

    return visit


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def words(page):
    return page.locator(".words").inner_text()


def start(page):
    return page.get_by_label("Start (or drag")


def set_rate(page, rate):
    page.get_by_label("Learning rate").fill(str(VALLEY["rates"].index(rate)))


def descent(place, rate, steps):
    for _ in range(steps):
        place -= rate * np.interp(place, VALLEY["x"], VALLEY["slope"])
    return place


def told(page):
    """Where the words say that the path is, its loss and its slope."""
    number = r"(−?\d+\.?\d*)"
    found = re.search(rf"at {number}\. The loss is {number}, the slope {number}", words(page))
    return [float(number.replace("−", "-")) for number in found.groups()]


@pytest.mark.parametrize(("rate", "steps"), [(0.1, 1), (1, 1), (1, 4), (3, 2)])
def test_each_step_goes_against_the_slope(visit, rate, steps):
    page = visit()
    set_rate(page, rate)
    for _ in range(steps):
        press(page, "Step")
    place = descent(-1.5, rate, steps)
    at, loss, slope = told(page)
    assert at == pytest.approx(place, abs=0.006)
    assert loss == pytest.approx(np.interp(place, X, VALLEY["loss"]), abs=0.001)
    assert slope == pytest.approx(np.interp(place, X, VALLEY["slope"]), rel=0.06, abs=0.001)
    assert page.locator(".dots span").count() == steps + 1
    assert page.locator(".dots small").last.inner_text() == str(steps)
    box, dot = page.locator(".plot").bounding_box(), page.locator(".dots .now").bounding_box()
    assert (dot["x"] + dot["width"] / 2 - box["x"]) / box["width"] == pytest.approx(
        (place + 10) / 20, abs=0.005)


@pytest.mark.parametrize(("at", "rate", "said"), [
    (-1.5, 1, r"After 20 steps: in the valley at 1\.00\. The loss is 0\.000, the slope −?0"),
    (-1.5, 0.1, r"After 20 steps: on the slope at −0\.85"),
    (-6, 3, r"After 20 steps: on flat land at −6\.00\. .* the slope −0\.000017, "
            r"where the steepest is 0\.43\."),
    (2, 6, r"After 20 steps: leaping to and fro across the valley"),
    (-1.5, 100, r"After 1 step: the last step left the picture, to 24\.70\.")])
def test_the_words_say_where_it_ended(visit, at, rate, said):
    page = visit()
    start(page).fill(str(at))
    set_rate(page, rate)
    press(page, "Run 20 steps")
    assert re.match(said, words(page)), words(page)
    expect(page.locator(".hm-status")).to_have_text(words(page))
    assert words(page) in page.locator(".hm-landscape svg").get_attribute("aria-label")


def test_a_run_moves_step_by_step_and_stops_when_touched(visit):
    page = visit(motion="no-preference")
    press(page, "Run 20 steps")
    page.wait_for_function("document.querySelectorAll('.dots span').length > 3")
    assert page.locator(".dots span").count() < 21
    press(page, "Back to the start")
    assert words(page).startswith("The start: on the slope at −1.50.")
    press(page, "Step")
    expect(page.locator(".hm-status")).to_contain_text("After 1 step")
    assert page.locator(".dots span").count() == 2      # the run goes on no more
    press(page, "Run 20 steps")
    expect(page.locator(".words")).to_contain_text("After 21 steps: in the valley")


def test_a_step_by_hand_ends_a_run(visit):
    page = visit(motion="no-preference")
    press(page, "Run 20 steps")
    page.wait_for_function("document.querySelectorAll('.dots span').length > 3")
    press(page, "Step")
    said = words(page)
    expect(page.locator(".hm-status")).to_have_text(said)
    assert words(page) == said


def test_the_start_is_dragged_with_the_mouse(visit):
    page = visit()
    box = page.locator(".plot").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 60, steps=4)
    page.mouse.up()
    assert told(page)[0] == pytest.approx(5, abs=0.05)
    assert float(start(page).input_value()) == pytest.approx(5, abs=0.1)
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    assert told(page)[0] == pytest.approx(5, abs=0.05)


def test_by_finger_and_by_keyboard(visit):
    page = visit(390, has_touch=True)
    plot = page.locator(".plot")
    plot.tap(position={"x": plot.bounding_box()["width"] / 4, "y": 20})
    assert told(page)[0] == pytest.approx(-5, abs=0.1)
    start(page).press("Home")
    start(page).press("ArrowRight")
    assert words(page).startswith("The start: on flat land at −9.90.")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert page.get_by_label("Learning rate").get_attribute("aria-valuetext") == "100"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert words(page).startswith("After 1 step: on flat land at −9.90.")


def test_no_step_is_made_from_outside(visit):
    page = visit()
    set_rate(page, 100)
    for _ in range(3):
        press(page, "Step")
    assert words(page).startswith("After 1 step: the last step left the picture")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_and_stays_as_tall_as_it_is(visit, width):
    page = visit(width)
    heights = []
    for at, rate in ((-1.5, 1), (-6, 3), (2, 6), (-1.5, 100)):
        start(page).fill(str(at))
        set_rate(page, rate)
        press(page, "Run 20 steps")
        heights.append(page.locator(".hm-landscape").evaluate("piece => piece.offsetHeight"))
    assert len(set(heights)) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator(".hm-landscape :is(button, input)").all():
        assert target.bounding_box()["height"] >= 24


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, theme):
    page = visit()
    page.add_style_tag(content="body { background: var(--hm-paper); color: var(--hm-ink) }")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    press(page, "Step")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
                if each["id"] != "region"]
