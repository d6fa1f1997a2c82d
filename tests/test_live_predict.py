"""Predictions: the page takes a guess, keeps it in this browser alone, and answers when asked."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from handmlp.book.sliders import slider

NUMBER = {"id": "right", "kind": "number", "question": "How many of a thousand are named rightly?",
          "low": 0, "high": 1000, "step": 10, "unit": "images", "truth": 104}
DOTS = {"id": "dots", "kind": "dots", "question": "Where will twenty networks end?", "low": 50,
        "high": 100, "width": 5, "unit": "%", "difference": "points",
        "truth": [57.0, 68.4, *[76.1] * 9, *[86.2] * 9]}
RANKING = {"id": "changes", "kind": "ranking", "question": "Which change does most?",
           "items": ["tanh", "cross-entropy", "small first weights", "shuffling"],
           "truth": [["cross-entropy", "+13.1 points"], ["small first weights", "+3.2 points"],
                     ["shuffling", "+0.1 points"], ["tanh", "−10.2 points"]]}
KINDS = pytest.mark.parametrize("data", [NUMBER, DOTS, RANKING], ids=lambda data: data["kind"])
NO_STORAGE = "Storage.prototype.setItem = Storage.prototype.getItem = () => { throw Error('no') }"


@pytest.fixture
def visit(opened, stage):
    """A function that opens a page with the piece."""
    def visit(data, width=1280, **options):
        return opened(stage("predict", **data), width, **options)

    return visit


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def words(page):
    return page.locator(".words").inner_text().replace("\u00a0", " ")


def kept(page, data):
    return json.loads(page.evaluate("key => localStorage.getItem(key)", f"hm-predict-{data['id']}"))


def place(page, counts):
    columns = page.locator(".column")
    for bin, count in counts.items():
        for _ in range(count):
            columns.nth(bin).click()


def dots(page, name):
    return [column.locator(f".{name}").count() for column in page.locator(".column").all()]


def rows(page):
    return page.locator("li b").all_inner_texts()


def fill_in(page, data):
    """Make some guess."""
    if data["kind"] == "number":
        page.get_by_label("Your guess").fill("250")
    elif data["kind"] == "dots":
        place(page, {5: 11, 7: 9})
    else:
        press(page, "Move shuffling up")


# --- the three kinds ----------------------------------------------------------------------------

def test_a_number(visit):
    page = visit(NUMBER)
    press(page, "Show the answer")
    assert words(page) == "Make a guess first: move the slider."
    slider = page.get_by_label("Your guess")
    assert slider.get_attribute("aria-valuetext") == "none yet"
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    assert kept(page, NUMBER) == 470
    press(page, "Show the answer")
    assert words(page) == "You said 470 images. It is 104 images, 366 images lower."
    assert page.locator(".flag b").inner_text().replace("\u00a0", " ") == "104 images"
    assert slider.is_disabled()
    expect(page.locator(".hm-status")).to_have_text(page.locator(".words").inner_text())
    press(page, "Cover the answer")
    slider.fill("100")
    press(page, "Show the answer")
    assert words(page) == "You said 100 images. It is 104 images: no guess could be nearer."
    press(page, "Cover the answer")
    slider.fill("90")
    press(page, "Show the answer")
    assert words(page) == "You said 90 images. It is 104 images, 14 images higher."


def test_a_number_with_decimals_can_be_right(visit):
    page = visit(NUMBER | {"low": -1, "high": 1, "step": 0.1, "unit": "", "truth": -0.32})
    page.get_by_label("Your guess").fill("-0.3")
    press(page, "Show the answer")
    assert words(page) == "You said −0.3. It is −0.3: no guess could be nearer."


def test_twenty_dots(visit):
    page = visit(DOTS)
    place(page, {5: 5, 7: 16})      # one more than there are
    assert dots(page, "guess") == [0, 0, 0, 0, 0, 5, 0, 15, 0, 0]
    assert words(page) == "All twenty are placed. Take one away."
    press(page, "Take one away from 85 to 90 %".replace(" %", "\u00a0%"))
    assert dots(page, "guess")[7] == 14
    press(page, "Show the answer")
    assert words(page) == "Place all twenty first; left to place: 1."
    assert not any(dots(page, "truth"))
    place(page, {9: 1})
    press(page, "Show the answer")
    assert dots(page, "truth") == [0, 1, 0, 1, 0, 9, 0, 9, 0, 0]
    # Sorted and paired: 75 meets 55, 65 and 75; 85 meets 75 six times; 95 meets 85 once.
    way = (20 + 10 + 6 * 10 + 10) / 20
    assert words(page) == (f"14 of your twenty dots lie where one came out. To make all fit, "
                           f"a dot would have to move {way:g} points on average.")


def test_dots_by_keyboard(visit):
    page = visit(DOTS)
    page.keyboard.press("Tab")
    for key in ("Enter", " ", "Tab", "Enter"):
        page.keyboard.press(key)
    assert dots(page, "guess")[:2] == [2, 1]
    name = page.locator(".column").first.get_attribute("aria-label").replace("\u00a0", " ")
    assert name == "50 to 55 %: 2. Add one"
    assert "Left to place: 17." in page.locator(".key").inner_text()


def test_dots_by_finger(visit):
    page = visit(DOTS, 390, has_touch=True)
    page.locator(".column").nth(4).tap()
    page.locator(".column").nth(4).tap()
    page.locator(".fewer").nth(4).tap()
    assert dots(page, "guess")[4] == 1


def test_a_ranking(visit):
    page = visit(RANKING)
    press(page, "Move tanh down")
    assert rows(page) == ["cross-entropy", "tanh", "small first weights", "shuffling"]
    assert page.evaluate("document.activeElement.ariaLabel") == "Move tanh down"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")        # now it is last, and the other button has the focus
    assert rows(page)[3] == "tanh"
    assert page.evaluate("document.activeElement.ariaLabel") == "Move tanh up"
    press(page, "Show the answer")
    assert words(page) == "All are in their places."
    assert page.locator("li.right").count() == 4
    press(page, "Cover the answer")
    press(page, "Move tanh up")
    press(page, "Move small first weights up")      # now it is first
    assert page.evaluate("document.activeElement.ariaLabel") == "Move small first weights down"
    press(page, "Show the answer")
    assert words(page) == ("0 of 4 are in their places. Furthest off: small first weights, which "
                           "you have at 1 and which belongs at 2.")
    assert page.locator("li.right").count() == 0


def test_the_answer_to_a_ranking_is_the_true_order_from_first_to_last(visit):
    page = visit(RANKING)
    press(page, "Move small first weights up")
    mine = rows(page)
    press(page, "Show the answer")
    assert rows(page) == ["cross-entropy", "small first weights", "shuffling", "tanh"]
    assert page.locator("li span").all_inner_texts() == [
        "+13.1 points, your place: 3", "+3.2 points, your place: 2", "+0.1 points, your place: 4",
        "−10.2 points, your place: 1"]
    assert page.locator("li.right b").all_inner_texts() == ["small first weights"]
    press(page, "Cover the answer")
    assert rows(page) == mine
    assert page.locator("li span").all_inner_texts() == [""] * 4


def test_an_order_that_was_left_as_it_stood_is_called_so(visit):
    page = visit(RANKING, 320)
    tall = page.locator(".hm-predict").evaluate("piece => piece.offsetHeight")
    press(page, "Show the answer")
    assert words(page).startswith("You left them as they stood. 0 of 4 are in their places.")
    assert page.locator(".hm-predict").evaluate("piece => piece.offsetHeight") == tall
    press(page, "Cover the answer")
    press(page, "Move tanh down")
    press(page, "Show the answer")
    assert not words(page).startswith("You left")


# --- what is kept, and what is not told -----------------------------------------------------------

@KINDS
def test_the_answer_is_not_in_the_page_before_it_is_asked_for(visit, data):
    page = visit(data)
    fill_in(page, data)
    secrets = {"number": "104", "dots": "86.2", "ranking": "13.1"}
    before = page.locator("main").evaluate("main => main.innerHTML")
    assert secrets[data["kind"]] not in before
    assert "truth" not in before
    told = page.locator("fieldset").evaluate("fields => fields.innerHTML")
    press(page, "Show the answer")
    assert told != page.locator("fieldset").evaluate("fields => fields.innerHTML")


@KINDS
def test_a_guess_is_kept_and_forgotten_at_a_press(visit, data):
    page = visit(data)
    look = "fields => fields.textContent + fields.querySelectorAll('.guess').length"
    untouched = page.locator("fieldset").evaluate(look)
    assert page.evaluate("localStorage.length") == 0
    fill_in(page, data)
    guess, seen = kept(page, data), page.locator("fieldset").evaluate(look)
    assert page.evaluate("localStorage.length") == 1
    press(page, "Show the answer")
    page.reload()
    assert kept(page, data) == guess
    assert page.locator("fieldset").evaluate(look) == seen != untouched
    assert page.get_by_role("button", name="Show the answer").is_visible()
    press(page, "Show the answer")
    press(page, "Forget my guess")
    assert page.evaluate("localStorage.length") == 0
    assert page.locator("fieldset").evaluate(look) == untouched
    assert words(page) == "Your guess is forgotten."


@KINDS
@pytest.mark.parametrize("damage", ["null", "}", "[]", '"7"', "[1,2]", "-5", '["tanh"]'])
def test_what_is_no_guess_is_not_read(visit, data, damage):
    page = visit(data, before=f"localStorage.setItem('hm-predict-{data['id']}', '{damage}')")
    fill_in(page, data)
    press(page, "Show the answer")
    assert page.get_by_role("button", name="Cover the answer").is_visible()


@KINDS
def test_without_storage_it_works_and_says_so(visit, data):
    page = visit(data, before=NO_STORAGE)
    assert "keeps nothing" in page.locator(".kept").inner_text()
    fill_in(page, data)
    press(page, "Show the answer")
    assert page.get_by_role("button", name="Cover the answer").is_visible()


@pytest.mark.parametrize("before", [None, NO_STORAGE], ids=["storage", "none"])
def test_a_place_without_a_truth_takes_the_guess_for_another(visit, stage, before):
    page = visit(DOTS, before=before)
    path = stage("predict", **DOTS)
    text = path.read_text("utf-8")
    piece = re.search(r'<div class="hm-live".*?</div>', text, re.S)[0]
    truth = json.dumps(DOTS["truth"])
    path.write_text(text.replace(piece, piece.replace(f', "truth": {truth}', "") + piece), "utf-8")
    page.goto(path.as_uri())
    first, second = page.locator(".hm-predict").all()
    assert first.get_by_role("button", name="Show the answer").count() == 0
    first.locator(".column").nth(3).click()
    assert second.locator(".guess").count() == 1
    second.get_by_role("button", name="Forget my guess").click()
    assert first.locator(".guess").count() == 0


# --- how it looks -------------------------------------------------------------------------------

@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_ring_of_a_slider_is_seen_and_crosses_neither_ticks_nor_names(visit, width, theme):
    """Planted fault: a ring round the rail, which reaches into the names below it."""
    page = visit(NUMBER, width)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    frames = [(f"<svg><text>{stop}</text></svg>", f"Stop {stop} is shown.") for stop in range(20)]
    page.locator("main").evaluate("(main, html) => (main.innerHTML = html)",
                                  slider(frames, "Seed", range(20), start=7).page)
    parts = [page.locator(part) for part in (".hm-ticks", ".hm-slider")]

    def seen():
        return [page.screenshot(clip=part.bounding_box()) for part in parts]

    ticks, whole = seen()
    page.keyboard.press("Tab")
    expect(page.locator("input")).to_be_focused()
    ticks_now, whole_now = seen()
    assert ticks_now == ticks
    assert whole_now != whole



@KINDS
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_and_stays_as_tall_as_it_is(visit, data, width):
    page = visit(data, width)
    tall = "piece => piece.offsetHeight"
    before = page.locator(".hm-predict").evaluate(tall)
    fill_in(page, data)
    press(page, "Show the answer")
    assert page.locator(".hm-predict").evaluate(tall) == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator(".hm-predict :is(button, input)").all():
        if box := target.bounding_box():
            assert min(box["width"], box["height"]) >= 24


@KINDS
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, data, theme):
    page = visit(data)
    page.add_style_tag(content="body { background: var(--hm-paper); color: var(--hm-ink) }")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    fill_in(page, data)
    for _ in range(2):
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
                    if each["id"] != "region"]
        page.locator(".buttons button").first.click()
