"""A digit drawn on a page, by mouse, finger or keys: centred as MNIST was, and read."""

import base64
import re

import numpy as np
import pytest
import record
import weights
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from views import VIEWS, seen

from handmlp.book.story import STEPS

ALL = {"rungs": list(range(7)), "why": True}
LAST = {"rungs": [6], "why": False}
TWO = {"rungs": [1, 2], "why": False}
RECORD = {"rungs": [0, 6], "why": False, "record": True}
THREE = [(.3, .25), (.45, .12), (.62, .15), (.68, .3), (.6, .42), (.45, .48), (.62, .52), (.7, .68),
         (.6, .84), (.42, .88), (.28, .78)]
SQUARE = 280


@pytest.fixture
def visit(browser, stage):
    """A function that opens a page with the piece; at the end, nothing may have gone wrong."""
    pages, complaints = [], []

    def visit(data=ALL, width=1280, height=720, opened=True, **options):
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        pages.append(page)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error"
                and complaints.append(message.text))
        page.on("request", lambda request: request.url.startswith("file:")
                or complaints.append(request.url))
        page.goto(stage("draw", **data).as_uri())
        if opened:
            press(page, "Draw a digit")
            square(page).wait_for()
        return page

    yield visit
    for page in pages:
        page.close()
    assert not complaints


@pytest.fixture(scope="module")
def code(browser, stage):
    """A page whose functions are called one by one."""
    page = browser.new_page()
    page.goto(stage("draw", **ALL).as_uri())
    yield page
    page.close()


def press(page, name):
    page.get_by_role("button", name=name).click()


def square(page):
    return page.get_by_role("application", name="Square to draw a digit on")


def words(page):
    return page.locator(".hm-draw-words")


def reads(page):
    return page.locator(".hm-draw-verdict").all_inner_texts()


def draw(page, points):
    box = square(page).bounding_box()
    for i, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
        if i == 0:
            page.mouse.down()
    page.mouse.up()


def alpha(page, name):
    """The grey levels of a picture with one pixel for each."""
    return np.array(page.get_by_role("img", name=name).evaluate("""canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.width);
      return Array.from(data).filter((_, i) => i % 4 === 3);
    }"""))


def one_by_keys(page):
    """Draw a line from near the top to near the bottom, with nothing but keys."""
    keys = page.keyboard
    for _ in range(2):
        keys.press("ArrowUp")
    keys.press(" ")
    for _ in range(11):
        keys.press("ArrowDown")
    keys.press(" ")


# --- before it is asked for ---------------------------------------------------------------------

def test_nothing_loads_before_the_button_is_pressed(visit):
    page = visit(opened=False)
    assert page.locator("head script[src*=weights]").count() == 0
    button = page.get_by_role("button")
    expect(button).to_have_text(re.compile(r"Draw a digit \(loads \d+ kB once\)"))
    assert page.get_by_role("application").count() == 0
    button.press("Enter")
    expect(square(page)).to_be_focused()
    expect(words(page)).to_have_text("Nothing is drawn yet.")
    assert reads(page) == ["–"] * 7


def test_what_could_not_be_loaded_is_said_and_can_be_tried_again(visit):
    page = visit(opened=False)
    page.evaluate("""() => {
      window.file = hm.file;
      hm.file = () => Promise.reject(new Error("weights could not be loaded"));
    }""")
    press(page, "Draw a digit")
    sentence = "It did not work: weights could not be loaded. Press the button to try again."
    expect(page.locator(".hm-draw-note")).to_have_text(sentence)
    expect(page.get_by_role("status")).to_have_text(sentence)
    page.evaluate("() => { hm.file = window.file; }")
    press(page, "Draw a digit")
    expect(square(page)).to_be_visible()


# --- by mouse, by finger, by keys ---------------------------------------------------------------

def test_a_three_by_mouse(visit):
    page = visit()
    height = page.locator(".hm-draw").bounding_box()["height"]
    draw(page, THREE)
    assert reads(page)[3:] == ["3"] * 4
    assert reads(page)[1] != "3"  # it sleeps there
    expect(words(page)).to_contain_text("“+ tanh” reads")
    expect(page.get_by_role("status")).to_have_text(words(page).inner_text())
    assert page.locator(".hm-draw").bounding_box()["height"] == height, "the page jumps"


def test_a_one_by_keys(visit):
    page = visit(opened=False)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(square(page)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".hm-draw-cursor")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Line 4, column 8 of 14, pen up.")
    expect(words(page)).to_have_text("Nothing is drawn yet.")  # the pen is up
    one_by_keys(page)
    assert reads(page)[-1] == "1"
    assert reads(page).count("1") >= 5
    page.keyboard.press("ArrowLeft")  # the pen is up again
    expect(page.get_by_role("status")).to_have_text("Line 13, column 7 of 14, pen up.")
    seen = words(page).inner_text()
    page.keyboard.press(" ")
    expect(page.get_by_role("status")).to_contain_text("Line 13, column 7 of 14, pen down. ")
    page.keyboard.press(" ")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(words(page)).to_have_text(seen)


def test_the_keys_pen_stays_in_the_square_and_draws_by_itself_alone(visit):
    page = visit(LAST)
    square(page).focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    expect(page.get_by_role("status")).to_contain_text("Line 4, column 1 of 14, pen down.")
    before = alpha(page, "What the network sees")
    box = square(page).bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=5)  # no button is down
    assert (alpha(page, "What the network sees") == before).all()
    page.keyboard.press("Tab")  # which lifts the pen
    square(page).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("status")).to_contain_text("pen up")
    assert (alpha(page, "What the network sees") == before).all()


def test_a_one_by_finger_and_the_page_stays_where_it_is(visit):
    page = visit(LAST, width=390, height=500, has_touch=True)
    box, finger = square(page).bounding_box(), page.context.new_cdp_session(page)
    scrolled = page.evaluate("scrollY")

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": i}
            for i, (x, y) in enumerate(points)]})

    touch("touchStart", (0.5, 0.9))
    for y in np.linspace(0.85, 0.1, 12):
        touch("touchMove", (0.5, y))
    touch("touchEnd")
    expect(page.locator(".hm-draw-verdict")).to_have_text("1")
    assert page.evaluate("scrollY") == scrolled
    assert page.locator(".hm-draw :not(canvas)").evaluate_all(
        "all => all.every(each => getComputedStyle(each).touchAction === 'auto')")


# --- from a drawing to what a network sees ------------------------------------------------------

def test_a_digit_of_mnist_comes_back_from_wherever_and_however_large(code, mnist):
    """MNIST's images are centred already: enlarged and moved, they must come back as they were."""
    random = np.random.default_rng(0)
    for image in mnist.test.images[:100].reshape(-1, 28, 28):
        lines, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        digit = image[lines[0]:lines[-1] + 1, columns[0]:columns[-1] + 1]
        large = np.kron(digit, np.ones((random.integers(3, 14),) * 2))
        top, left = (random.integers(0, SQUARE - length + 1) for length in large.shape)
        ink = np.zeros((SQUARE, SQUARE), np.uint8)
        ink[top:top + large.shape[0], left:left + large.shape[1]] = large
        told = code.evaluate("""text => Array.from(drawing.centred(
            Uint8Array.from(atob(text), letter => letter.charCodeAt(0))))""",
                             base64.b64encode(ink.tobytes()).decode())
        np.testing.assert_array_equal(np.reshape(told, (28, 28)), image)


LINES = {"one": [(140, 20), (150, 260), (140, 200)], "flat": [(30, 200), (250, 210)],
         "corner": [(20, 20), (20, 90), (60, 90)], "dot": [(100, 50), (100, 50)],
         "edge": [(275, 5), (279, 240)], "bent": [(60, 40), (220, 60), (90, 250)]}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_ink_is_boxed_and_centred_as_numpy_has_it(line, code):
    told = code.evaluate("""line => {
      const ink = new Uint8Array(280 * 280);
      line.slice(1).forEach((end, i) => drawing.stroke(ink, line[i], end));
      return [ink, drawing.centred(ink), drawing.uncentred(ink)].map(each => Array.from(each));
    }""", line)
    ink, centred, uncentred = map(np.array, told)
    ink = ink.reshape(SQUARE, SQUARE)
    lines, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    part = ink[lines[0]:lines[-1] + 1, columns[0]:columns[-1] + 1]
    small = resized(part, [round(20 / max(part.shape) * length) for length in part.shape])
    assert max(small.shape) == 20
    mass = np.array([small.sum(axis=1) @ np.arange(small.shape[0]),
                     small.sum(axis=0) @ np.arange(small.shape[1])]) / small.sum()
    nearest = np.floor(14.5 - mass + 1e-6).astype(int)  # a half is rounded up, as by JavaScript
    top, left = np.clip(nearest, 0, 28 - np.array(small.shape))
    expected = np.zeros((28, 28))
    expected[top:top + small.shape[0], left:left + small.shape[1]] = small
    np.testing.assert_allclose(centred.reshape(28, 28), expected, atol=0.51)
    np.testing.assert_allclose((mass + (top, left)), 14, atol=0.51)
    np.testing.assert_allclose(uncentred.reshape(28, 28), resized(ink, (28, 28)), atol=0.51)


def resized(image, shape):
    """The means over equal parts: each pixel is cut into as many pieces as there are parts."""
    (rows, columns), (height, width) = shape, image.shape
    pieces = image.repeat(rows, axis=0).repeat(columns, axis=1)
    return pieces.reshape(rows, height, columns, width).mean(axis=(1, 3))


def test_no_ink_is_lost_where_the_mass_is_far_from_the_middle(code):
    told = code.evaluate("""() => {
      const ink = new Uint8Array(280 * 280);
      for (let y = 0; y < 280; y++) ink.fill(y < 40 ? 255 : 1, y * 280, y * 280 + 20);
      ink.fill(9, 0, 280);
      return Array.from(drawing.centred(ink));
    }""")
    image = np.reshape(told, (28, 28))
    assert image[:3].sum() == 0
    assert image[8:].sum() > 0
    assert (image > 0).any(axis=1).sum() == 20


def test_the_pen_draws_as_wide_as_it_says_and_not_outside(code):
    told = code.evaluate("""() => {
      const ink = new Uint8Array(280 * 280);
      drawing.stroke(ink, [100, -50], [100, 400]);
      return Array.from(ink);
    }""")
    ink = np.reshape(told, (SQUARE, SQUARE))
    assert (ink == ink[0]).all()
    assert ink[0].sum() == 24 * 255
    assert np.average(np.arange(SQUARE) + 0.5, weights=ink[0]) == pytest.approx(100)


def test_the_pictures_show_the_steps_and_the_checkbox_takes_them_away(visit):
    page = visit(LAST)
    draw(page, [(0.1, 0.1), (0.1, 0.4)])
    frame, caption = page.locator(".hm-draw-frame").first, page.locator(".hm-draw-steps figcaption")
    shown = frame.bounding_box()
    picture = page.get_by_role("img", name="What you drew").bounding_box()
    assert shown["height"] / picture["height"] == pytest.approx(0.3 + 24 / SQUARE, abs=0.02)
    box, seen = alpha(page, "The ink in a box"), alpha(page, "What the network sees")
    assert box.reshape(28, 28)[4:24].any(axis=1).all()
    assert box.sum() == seen.sum()
    page.get_by_role("checkbox", name="centre it as MNIST does").uncheck()
    expect(frame).to_be_hidden()
    assert not alpha(page, "The ink in a box of 20 by 20 pixels: left out").any()
    expect(caption.last).to_have_text("what it seesas you drew it")
    assert not alpha(page, "What the network sees").reshape(28, 28)[:, 10:].any()
    page.get_by_role("checkbox").check()
    assert (alpha(page, "What the network sees") == seen).all()


# --- buttons ------------------------------------------------------------------------------------

def test_test_images_are_seen_as_they_are_in_the_file(visit):
    header, _, images = weights.read()
    page = visit(LAST)
    for label, image in zip(header["labels"], images):
        press(page, "Show me one")
        expect(words(page)).to_contain_text(f"A {label} of the test set. The network reads")
        assert (alpha(page, "What the network sees") == image).all()
    press(page, "Show me one")
    expect(words(page)).to_contain_text(f"A {header['labels'][0]} of the test set.")


def test_what_is_no_digit_gets_a_name_and_centring_saves_what_is_off_centre(visit):
    page = visit()
    for what in ("A letter A.", "A 4 of the test set, upside down."):
        press(page, "Puzzle it")
        expect(words(page)).to_contain_text(what)
        assert all(re.fullmatch("[0-9]", name) for name in reads(page))
    press(page, "Puzzle it")
    expect(words(page)).to_have_text("A 7 of the test set, in a corner. All 7 networks read 7.")
    page.get_by_role("checkbox").uncheck()
    assert reads(page).count("7") < 4
    expect(words(page)).to_have_text(re.compile(
        r"A 7 of the test set, in a corner\. \d of 7 reads? \d(; \d reads? \d)+\."))


def test_undo_takes_back_strokes_and_clear_and_loses_nothing(visit):
    page = visit(LAST)
    press(page, "Undo")  # nothing to take back
    expect(words(page)).to_have_text("Nothing is drawn yet.")
    draw(page, THREE)
    three = alpha(page, "What the network sees")
    draw(page, [(0.1, 0.9), (0.9, 0.9)])
    assert (alpha(page, "What the network sees") != three).any()
    press(page, "Undo")
    assert (alpha(page, "What the network sees") == three).all()
    press(page, "Clear")
    expect(words(page)).to_have_text("Nothing is drawn yet.")
    assert not alpha(page, "What the network sees").any()
    assert not page.locator(".largest").count()
    press(page, "Undo")
    assert (alpha(page, "What the network sees") == three).all()
    press(page, "Show me one")
    draw(page, [(0.5, 0.5), (0.6, 0.5)])  # then it is no longer of the test set
    expect(words(page)).not_to_contain_text("test set")
    press(page, "Undo")
    expect(words(page)).to_contain_text("of the test set")


# --- answers, and what is behind them -----------------------------------------------------------

def test_bars_and_words_are_the_answers(visit):
    page, networks = visit(), weights.networks()
    press(page, "Show me one")
    image = weights.read()[2][0]
    for network, row in zip(networks, page.locator("tbody tr").all()):
        answers = network.probabilities(image)[0]
        assert row.locator(".hm-draw-unseen").all_inner_texts() == [
            f"{round(100 * float(share))} %" for share in answers]
        heights = [bar.bounding_box()["height"] for bar in row.locator(".hm-draw-bar").all()]
        np.testing.assert_allclose(heights, 22 * answers, atol=0.1)
        assert row.locator("td.largest").count() == 1
        assert "largest" in row.locator("td").nth(answers.argmax()).get_attribute("class")
    names = page.locator("tbody th").all_inner_texts()
    assert [name.strip() for name in names] == list(STEPS)


def test_who_is_asleep_is_marked(visit):
    page = visit()
    for told, row in zip(weights.read()[0]["networks"], page.locator("tbody tr").all()):
        marked = [k for k, cell in enumerate(row.locator("td").all()[:10])
                  if "asleep" in (cell.get_attribute("class") or "")]
        assert marked == told["asleep"]
    assert page.locator("thead").inner_text().startswith("× asleep")
    assert not visit(LAST).get_by_text("asleep").count()


def test_reasons_are_slopes_averaged_on_the_way_and_add_up(code):
    """For one hidden layer the shares are those of integrated gradients (Sundararajan 2017)."""
    images = weights.read()[2][:3]
    for rung, network in enumerate(weights.networks()):
        for image in images:
            k, black = 3, np.zeros(784, np.uint8)
            told = np.array(code.evaluate("""async ([rung, image, k]) => {
              const { networks } = drawing.unpack(await hm.file("weights"));
              return Array.from(drawing.shares(networks[rung], Uint8Array.from(image), k));
            }""", [rung, image.tolist(), k]))
            start, end = (network.inputs(each)[None].astype(float) for each in (black, image))
            way = start + (np.arange(2000)[:, None] + 0.5) / 2000 * (end - start)
            hidden = network.hidden(way @ network.W[0] + network.b[0])
            slopes = network.hidden.slope(hidden) * network.W[1][:, k] @ network.W[0].T
            expected = (slopes.mean(axis=0) * (end - start))[0]
            np.testing.assert_allclose(told, expected, atol=2e-3)
            change = network.forward(end)[-1][0, k] - network.forward(start)[-1][0, k]
            assert told.sum() == pytest.approx(change, abs=1e-3)


def test_one_network_is_looked_into_and_one_output_asked(visit):
    page = visit()
    press(page, "Show me one")  # a 7
    expect(page.get_by_text("ink for and against 7")).to_be_visible()
    reasons = page.get_by_role("img", name="What the ink does to the sum of")
    before = reasons.screenshot()
    page.get_by_label("Reasons for").select_option("2")
    expect(page.get_by_text("ink for and against 2")).to_be_visible()
    sums = page.get_by_text("All ink together takes the sum of 2 from")
    last = sums.inner_text()
    assert reasons.screenshot() != before
    expect(page.get_by_role("img", name="Hidden values of + weight decay")).to_be_visible()
    page.get_by_role("radio", name="+ weight decay").focus()
    page.keyboard.press("ArrowDown")  # round to the first
    expect(page.get_by_role("img", name="Hidden values of as in 2015")).to_be_visible()
    assert sums.inner_text() != last
    assert page.get_by_role("radio").count() == 7


def test_one_network_alone_needs_no_choice_and_says_how_sure_it_is(visit):
    page = visit({"rungs": [0], "why": True})
    assert not page.get_by_role("radio").count()
    press(page, "Show me one")
    expect(words(page)).to_have_text(re.compile(
        r"A 7 of the test set\. The network reads 7, to which it says \d\.\d\d\. "
        r"Next comes \d, with \d\.\d\d\."))
    assert not visit(LAST).get_by_label("Reasons for").count()


def test_two_networks_are_both_and_told_in_their_order(visit):
    page = visit(TWO)
    press(page, "Show me one")
    expect(words(page)).to_have_text("A 7 of the test set. Both networks read 7.")
    draw(page, [(0, 0), (0, 0)])
    press(page, "Clear")
    draw(page, THREE)
    expect(words(page)).to_have_text(
        re.compile(r"“\+ tanh” reads \d; “\+ cross-entropy” reads 3\."))


# --- how it looks -------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [ALL, LAST, TWO, RECORD], ids=["all", "last", "two", "record"])
def test_it_fits_a_laptop_and_a_narrow_phone(data, visit):
    page = visit(data)
    press(page, "Puzzle it")
    assert page.locator(".hm-draw").bounding_box()["height"] <= 720
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for control in page.locator(".hm-draw :is(button, select)").all():
            assert control.bounding_box()["height"] >= 40
            assert control.evaluate("it => it.scrollWidth <= it.clientWidth"), "text is cut"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_jumps_whatever_is_drawn(width, visit):
    page = visit(width=width)
    def where():
        return page.evaluate("""() => ["table", "select", "details"].map(part => scrollY
            + document.querySelector(`.hm-draw ${part}`).getBoundingClientRect().y)""")

    places = where()
    for name in 20 * ["Show me one"] + 4 * ["Puzzle it"]:
        press(page, name)
        for centred in (False, True):
            page.get_by_role("checkbox").set_checked(centred)
            assert where() == pytest.approx(places)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_ink_is_of_the_themes_colour(theme, visit):
    page = visit()
    press(page, "Show me one")
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    page.locator("summary").click()
    page.get_by_role("checkbox").uncheck()
    # The page around the piece is bare: it has no colours of its own.
    page.add_style_tag(content="body { background: var(--hm-paper); color: var(--hm-ink) }")
    colour = page.locator(".hm-draw").evaluate("it => getComputedStyle(it).color")
    page.wait_for_function("""colour => {
      const { data } = document.querySelector(".hm-draw-square canvas").getContext("2d")
        .getImageData(0, 0, 280, 280);
      const full = data.findIndex((level, i) => i % 4 === 3 && level === 255);
      return `rgb(${data.slice(full - 3, full).join(", ")})` === colour;
    }""", arg=colour)
    options = {"resultTypes": ["violations"], "preload": False}
    found = Axe().run(page, options=options).response["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


def test_with_forced_colours_what_tells_is_still_there(visit):
    page = visit(forced_colors="active")
    press(page, "Show me one")
    bar = page.locator(".largest .hm-draw-bar").first
    assert bar.evaluate("it => getComputedStyle(it).backgroundColor") != page.evaluate(
        "getComputedStyle(document.body).backgroundColor")
    assert alpha(page, "What the network sees").any()


# --- the record run ------------------------------------------------------------------------------

def test_the_record_run_is_asked_when_the_reader_asks(visit):
    page = visit(RECORD)
    assert page.locator("head script[src*=record]").count() == 0
    press(page, "Show me one")  # a 7
    assert len(reads(page)) == 2
    more = page.get_by_role("button", name="Ask the record run")
    expect(more).to_have_text(re.compile(r"Ask the record run too \(loads \d\.\d\sMB\)"))
    more.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="the record run")).to_be_visible()
    assert reads(page) == ["7", "7", "7"]
    expect(words(page)).to_have_text("A 7 of the test set. All 3 networks read 7.")
    assert not more.count()
    expect(square(page)).to_be_focused()
    press(page, "Clear")
    assert reads(page) == ["–"] * 3


def test_the_record_run_that_could_not_be_loaded_can_be_asked_again(visit):
    page = visit(RECORD)
    page.evaluate("""() => {
      window.file = hm.file;
      hm.file = () => Promise.reject(new Error("record could not be loaded"));
    }""")
    press(page, "Ask the record run")
    expect(words(page)).to_have_text(
        "It did not work: record could not be loaded. Press the button to try again.")
    page.evaluate("() => { hm.file = window.file; }")
    press(page, "Ask the record run")
    expect(page.get_by_role("row", name="the record run")).to_be_visible()


def test_the_views_are_those_of_python(code, mnist):
    images = mnist.test.images[:40]
    told = code.evaluate("""images => Object.fromEntries(Object.entries(drawing.VIEWS).map(
      ([name, view]) => [name, images.map(image => Array.from(view(Uint8Array.from(image))))]))""",
                         images.tolist())
    assert [*told] == [*VIEWS]
    for name, shown in told.items():
        np.testing.assert_allclose(shown, seen(images, name).astype(int), atol=1)  # of 255: rounded
    nothing = code.evaluate("""() => Object.values(drawing.VIEWS).map(
      view => Math.max(...view(new Uint8Array(784))))""")
    assert not any(nothing)


def test_the_committee_answers_as_in_python(code, mnist):
    images = mnist.test.images[:20]
    told = code.evaluate("""async images => {
      const { networks: members } = drawing.unpack(await hm.file("record"));
      return images.map(image => drawing.read({ members }, Uint8Array.from(image)).answers);
    }""", images.tolist())
    expected = record.answers(weights.networks(record.in_eight_bits()), images).mean(axis=0)
    np.testing.assert_allclose(told, expected, atol=1e-3)  # a pixel may be rounded otherwise
