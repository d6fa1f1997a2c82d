"""The Lab on the web: each knob at both ends and with garbage, each button at the wrong moment."""

import io
import re
from urllib.parse import urlencode

import lab
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from handmlp import (
    Recipe,
    fan_in,
    fan_in_times,
    he,
    normal,
    runs_of,
    softmax_cross_entropy,
    tanh,
    zero_mean_each,
)
from handmlp.book.story import BASELINE, STEPS, STORY

SHORT = {"units": "3", "images": "50", "epochs": "1"}
LONG = {"units": "1000", "batch_size": "1", "epochs": "1000"}
BEFORE_A_RUN = re.compile(
    r"^\s*Set the knobs and press Train\. The first time it loads \d\.\d\sMB\.$")


def told(recipe: Recipe) -> dict:
    """What the notebook tells the page of a recipe."""
    return recipe.to_dict() | {"init": [*map(repr, recipe.init_per_matrix)],
                               "weight_decay": recipe.decay_per_matrix, "images": 5000}


DATA = {"defaults": told(BASELINE),
        "story": [{"label": label, "recipe": told(recipe)} for label, recipe in zip(STEPS, STORY)]}
PICTURES = {"confusion matrix": "Confusion matrix in %", "weights": "Histograms of the weights",
            "hidden means": "Mean values of the hidden units",
            "first layer as images": "Weights into each of the first"}
LISTEN = """() => {
  window.said = [], window.asked = [];  // what was said, and what should have been
  const { say } = hm;
  hm.say = text => (asked.push(text), say(text));
  new MutationObserver(() => said.push(document.querySelector(".hm-status").textContent))
    .observe(document.querySelector(".hm-status"), {childList: true});
}"""


class View:
    """The Lab in a window of its own."""

    def __init__(self, browser, stage, hash="", width=1280, height=720, before=None, **options):
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page: Page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda told: told.type == "error" and "ERR_" not in told.text
                     and self.complaints.append(told.text))
        if before:
            self.page.add_init_script(before)
        self.page.goto(stage("lab", **DATA).as_uri() + hash)
        expect(self.page.locator(".hm-lab-view svg")).to_have_count(1)
        self.page.evaluate(LISTEN)
        self.words = self.page.locator(".hm-lab-words")
        self.news = self.page.locator(".hm-lab-words > b")
        self.lines = self.page.locator(".hm-lab pre")
        self.copied = self.page.locator(".hm-lab-code > div > span")
        self.runs = self.page.locator(".hm-lab li")
        self.number = 0

    def knob(self, name: str):
        return self.page.locator(f"#hm-lab-{name}")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=re.compile(f"^{name}")).click()

    def set(self, **settings: str) -> None:
        """Turn knobs, all others as at first."""
        self.page.evaluate("hash => location.hash = hash", urlencode({"seed": "0"} | settings))
        for name, value in settings.items():
            expect(self.knob(name)).to_have_value(value)

    def trained(self, **settings: str) -> str:
        """The words of a run that has ended."""
        self.set(**settings)
        self.press("Train")
        self.number += 1
        ended = rf"Run {self.number}\b.*(Finished\.|Diverged: |Failed: )"
        expect(self.words).to_contain_text(re.compile(ended), timeout=60_000)
        return self.words.inner_text()

    def recipe(self) -> Recipe:
        """The recipe that a reader makes who types what the Lab shows."""
        names = {}
        exec(self.lines.inner_text().partition("network, history")[0], names)
        return names["recipe"]


@pytest.fixture(scope="module")
def shared(browser, stage):
    """One window for tests that leave it as they found it, but for the number of runs."""
    view = View(browser, stage)
    yield view
    assert not view.complaints
    view.context.close()


@pytest.fixture
def opened(browser, stage):
    """A function that opens a window."""
    views = []

    def view(*args, **options) -> View:
        views.append(View(browser, stage, *args, **options))
        return views[-1]

    yield view
    for each in views:
        assert not each.complaints
        assert all(url.startswith(("file:", "blob:")) for url in each.requests)
        each.context.close()


# --- knobs ----------------------------------------------------------------------------------------

ENDS = {"units": ["", "1", "1000", "1, 1000"], "learning_rate": ["1e-9", "1000000"],
        "momentum": ["0", "0.999"], "first_decay": ["0", "100"], "last_decay": ["0", "100"],
        "batch_size": ["1", "5000"], "images": ["1", "5000"], "wrong_labels": ["0", "1"],
        "epochs": ["0", "1"], "seed": ["0", "4294967295"]}
ENDS = [{name: value} for name, values in ENDS.items() for value in values]
ENDS += [{name: choice} for name in ("hidden", "output", "inputs", "order")
         for choice in lab.CHOICES[name][1]
         if choice not in ("runs_of", "linear_squared_error")]  # needs a length; has no twin
ENDS += [{"order": "runs_of", "run_length": length} for length in ("1", "5000")]
ENDS += [{f"init{matrix}": rule} for matrix in (0, 1) for rule in ("unit_normal", "fan_in", "he")]
ENDS += [{"init0": rule, "scale0": scale} for rule in ("fan_in_times", "normal")
         for scale in ("0", "100")]
ENDS += [{"units": "4, 5", "init2": "normal", "scale2": "0.1"}]


@pytest.mark.parametrize("settings", ENDS, ids=lambda settings: " ".join(settings.values()))
def test_every_knob_works_at_both_ends(shared, settings):
    words = shared.trained(**SHORT | settings)
    assert "Failed" not in words
    assert re.search(r"after epoch \d+ of \d+: reads \d+\.\d\s%", words)
    expect(shared.page.locator(".hm-lab-view svg[role=img]")).to_have_count(2)
    for picture in shared.page.get_by_role("radio").all():
        picture.check()
        expect(shared.page.locator("figure > [role=img]")).to_have_count(1)
    assert "NaN" not in shared.page.locator(".hm-lab").inner_html()
    shared.page.get_by_role("radio").first.check()


def test_what_lab_py_offers_is_offered_but_for_what_has_no_twin(shared):
    for name in ("hidden", "output", "inputs", "order", "init"):
        knob = shared.knob("init0" if name == "init" else name)
        without = {"linear_squared_error"}
        assert set(knob.locator("option").all_inner_texts()) == set(lab.CHOICES[name][1]) - without


GARBAGE = ["", " ", "abc", "nan", "inf", "-inf", "1e999", "-1", "1e-400x", "0x10", "²", "1;5", "[]",
           "<b>1</b>", "9" * 5000, "\x00", "½"]


@pytest.mark.parametrize("name", ["units", *sorted(lab.NUMBERS.keys() - {"scale"})])
def test_garbage_gets_an_answer_and_nothing_is_lost(shared, name):
    label = lab.UNITS if name == "units" else lab.NUMBERS[name][0]
    for garbage in GARBAGE:
        if name == "units" and not garbage.strip():
            continue  # no hidden layer
        shared.set(order="runs_of")
        knob, before = shared.knob(name), shared.words.inner_text()
        knob.fill(garbage)
        kept = knob.input_value()
        shared.press("Train")
        expect(shared.words).to_contain_text(f"Nothing was started. {label}: expected ")
        expect(shared.words).to_contain_text("got '")
        assert before.splitlines()[-1] in shared.words.inner_text()
        expect(knob).to_be_focused()
        expect(knob).to_have_attribute("aria-invalid", "true")
        expect(knob).to_have_value(kept)
        expect(shared.page.locator(f"#hm-lab-{name}-error")).to_contain_text("expected ")
        expect(shared.lines).to_contain_text(f"{label}: expected ")
    shared.set(order="file_order")
    expect(shared.knob(name)).to_have_attribute("aria-invalid", "false")


@pytest.mark.parametrize(("name", "text"), [
    ("learning_rate", "abc"), ("learning_rate", "-1"), ("momentum", "1"), ("first_decay", "101"),
    ("last_decay", ""), ("batch_size", "0"), ("images", "6000"), ("wrong_labels", "2"),
    ("epochs", "1001"), ("seed", "4294967296")])
def test_its_answer_is_that_of_lab_py(shared, name, text):
    settings = lab.settings_of(BASELINE, 5000)
    with pytest.raises(ValueError, match="expected") as answer:
        lab.recipe_of(settings | {name: text}, 5000)
    shared.set()
    shared.knob(name).fill(text)
    shared.knob(name).blur()
    expect(shared.page.locator(f"#hm-lab-{name}-error")).to_have_text(str(answer.value))
    shared.set(seed="1")


def test_an_idle_knob_is_not_shown_and_not_asked(shared):
    shared.set(units="")
    for name in ("init1", "scale0", "run_length"):
        expect(shared.knob(name)).to_be_hidden()
    shared.set(units="5, 5", init2="normal", order="runs_of")
    for name in ("init2", "scale2", "run_length"):
        expect(shared.knob(name)).to_be_visible()
    shared.knob("scale2").fill("abc")
    shared.knob("init2").select_option("he")
    assert shared.recipe().init_per_matrix[2] == he


def test_each_knob_is_explained_where_it_is_touched(shared):
    """By keyboard, by finger or mouse, and to those who hear the page; an error takes its place."""
    shared.set()
    help, page = shared.page.locator(".hm-lab-help:visible"), shared.page
    shared.knob("story").focus()
    expect(help).to_have_text("One step of the story, which sets all knobs but the seed.")
    told = set()
    for knob in page.locator(".hm-lab-knob:visible > [name]").all():
        knob.focus()
        sentence = help.inner_text()
        described = knob.get_attribute("aria-describedby").split()[1]
        assert page.locator(f"#{described}").text_content() == sentence
        assert sentence.endswith(".")
        assert len(sentence) < 110
        told.add(sentence)
    assert len(told) == 15  # the matrices share one
    shared.knob("epochs").hover()
    expect(help).to_contain_text("How many times all images")
    places = "parts => parts.map(part => [part.offsetLeft, part.offsetTop, part.offsetHeight])"
    before = page.locator(".hm-lab-knob").evaluate_all(places)
    shared.knob("momentum").fill("2")
    shared.knob("momentum").press("Tab")
    assert page.locator(".hm-lab-knob").evaluate_all(places) == before, "neighbours move"
    shared.knob("momentum").focus()
    expect(help).to_have_text("momentum: expected a number from 0 to 0.999, got '2'")
    shared.set(seed="1")


def test_how_many_layers_it_takes_here_and_in_jupyter_is_said_and_true(shared):
    shared.knob("units").focus()
    expect(shared.page.locator(".hm-lab-help:visible")).to_have_text(
        f"{lab.UNITS.capitalize()}: at most {lab.PAGE_LAYERS} layers here, {lab.MOST_LAYERS} in "
        "Jupyter; nothing means none.")
    for layers, invalid in [(lab.PAGE_LAYERS, "false"), (lab.PAGE_LAYERS + 1, "true")]:
        shared.knob("units").fill(", ".join(["5"] * layers))
        shared.knob("units").blur()
        expect(shared.knob("units")).to_have_attribute("aria-invalid", invalid)
    shared.set(seed="1")


def test_what_is_mended_is_said_at_once(shared):
    """The knobs of a layer come with it, and no old word stays."""
    shared.set()
    shared.knob("units").fill("x")
    shared.press("Train")
    expect(shared.news).to_contain_text("Nothing was started.")
    expect(shared.knob("init2")).to_be_hidden()
    shared.knob("units").fill("5, 6")
    expect(shared.news).not_to_contain_text("Nothing was started.")
    expect(shared.knob("units")).to_have_attribute("aria-invalid", "false")
    expect(shared.knob("init2")).to_be_visible()
    shared.set(seed="1")


def test_what_a_step_of_the_story_changes_is_marked(shared):
    shared.set()
    shared.knob("story").select_option(STEPS[1])
    marked = shared.page.locator(".hm-lab-changed > label")
    names = marked.all_inner_texts()
    assert "hidden units" in names
    assert "learning rate" in names
    expect(shared.words).to_contain_text(f"Changed: {', '.join(names)}.")
    shared.knob("epochs").fill("3")
    shared.knob("epochs").blur()
    expect(marked).to_have_count(0)


def test_numbers_of_runs_never_lie_over_each_other(opened):
    view = opened()
    for seed in range(1, lab.MOST_KEPT + 2):
        view.trained(**SHORT | {"seed": str(seed), "images": "1", "units": "1"})
        view.press("Keep")
    labels = view.page.locator(".hm-lab-view svg").first.locator("text[style*=ink], text[style]")
    places = labels.evaluate_all("all => all.filter(it => it.style.fontWeight === '650')"
                                 ".map(it => [+it.getAttribute('x'), +it.getAttribute('y')])")
    assert len(places) == 2 * (lab.MOST_KEPT + 1)
    for side in (places[:len(places) // 2], places[len(places) // 2:]):
        heights = sorted(y for _, y in side)
        assert all(high - low >= 11.9 for low, high in zip(heights, heights[1:]))
        assert (min(heights) >= 12, max(heights) <= 134) == (True, True), "labels on the axis"


# --- the same in Python ---------------------------------------------------------------------------

@pytest.mark.parametrize("step", range(len(STORY)))
def test_the_story_can_be_set_and_is_what_python_makes(shared, step):
    shared.set(seed="7")
    shared.knob("story").select_option(STEPS[step])
    expect(shared.knob("story")).to_have_value(str(step))
    assert shared.recipe() == STORY[step].but(images=5000)
    assert "seed=7)" in shared.lines.inner_text()
    shared.knob("momentum").fill("0.5")
    shared.knob("momentum").blur()
    expect(shared.knob("story")).to_have_value("")
    assert shared.recipe() == STORY[step].but(images=5000, momentum=0.5)


def test_the_lines_make_the_recipe_that_the_knobs_say(shared):
    shared.set(units="7, 5", init0="fan_in_times", scale0="1.5", init1="normal", scale1="0.00001",
               init2="fan_in", order="runs_of", run_length="3", inputs="zero_mean_each",
               learning_rate="0.1", momentum="0.5", first_decay="1e-05", last_decay="2",
               batch_size="8", images="500", wrong_labels="0.2", epochs="7", hidden="tanh",
               output="softmax_cross_entropy", seed="3")
    expected = Recipe(units=(7, 5), init=(fan_in_times(1.5), normal(1e-5), fan_in),
                      order=runs_of(3), inputs=zero_mean_each, learning_rate=0.1, momentum=0.5,
                      hidden=tanh, weight_decay=(1e-5, 1e-5, 2), batch_size=8, images=500,
                      wrong_labels=0.2, epochs=7, output=softmax_cross_entropy)
    assert shared.recipe() == expected
    assert shared.lines.inner_text().split("\n") == [
        "from handmlp import *", "", f"recipe = {expected!r}",
        "network, history = run(recipe, load_mnist(), seed=3)"]


@pytest.mark.parametrize("settings", [{}, {"units": ""}, {"last_decay": "0.1"}, {"init0": "he"},
                                      {"learning_rate": "1000000"}, {"learning_rate": "2.5e-7"}])
def test_they_are_as_handmlp_prints_them(shared, settings):
    shared.set(**settings)
    assert f"recipe = {shared.recipe()!r}\n" in shared.lines.inner_text()


def test_copy(opened):
    view = opened(permissions=["clipboard-read", "clipboard-write"])
    view.press("Copy")
    expect(view.copied).to_have_text("The lines are copied.")
    expect(view.copied).to_be_in_viewport(ratio=1)
    assert view.page.evaluate("navigator.clipboard.readText()") == view.lines.inner_text()


def test_copy_where_it_may_not(opened):
    view = opened(before="navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    view.press("Copy")
    expect(view.copied).to_contain_text("The lines are selected")
    assert view.page.evaluate("getSelection().toString()") == view.lines.inner_text()


# --- addresses ------------------------------------------------------------------------------------

def test_the_link_opens_the_lab_at_these_settings(opened):
    view = opened()
    view.knob("units").fill("50, 50")
    view.knob("hidden").select_option("tanh")
    view.knob("learning_rate").fill("0.1")
    view.knob("seed").fill("12")
    view.knob("seed").blur()
    view.press("Link to these settings")
    expect(view.copied).to_contain_text("The address of this page now holds these settings")
    hash = view.page.evaluate("location.hash")
    assert hash == "#units=50,50&hidden=tanh&learning_rate=0.1&seed=12"
    again = opened(hash)
    assert again.recipe() == view.recipe() == Recipe(units=(50, 50), hidden=tanh, learning_rate=0.1,
                                                     images=5000)
    expect(again.knob("seed")).to_have_value("12")
    expect(again.news).to_have_text("The knobs stand as the address of this page says.")


def test_the_address_is_copied_and_none_is_made_of_nonsense(opened):
    view = opened(permissions=["clipboard-read", "clipboard-write"])
    view.knob("seed").fill("x")
    view.knob("seed").blur()  # then the lines are shorter, and the end of the page moves
    view.press("Link to these settings")
    expect(view.news).to_contain_text("There is no address of these settings. seed: expected")
    assert not view.page.evaluate("location.hash")
    view.knob("seed").fill("3")
    view.press("Link to these settings")
    expect(view.copied).to_have_text(
        "The address of this page now holds these settings, and is copied.")
    assert view.page.evaluate("navigator.clipboard.readText()") == view.page.url
    assert view.page.url.endswith("#seed=3")


@pytest.mark.parametrize("hash", [
    "#units=abc", "#learning_rate=", "#colour=red", "#__proto__=1", "#toString=x", "#=",
    "#hidden=Tanh", "#%E0%A4%A=1", "#seed=-1&units=5", "#units=" + "9" * 10_000,
    "#order=<script>alert(1)</script>"])
def test_garbage_in_the_address_gets_a_sentence_and_the_defaults(opened, hash):
    view = opened(hash)
    expect(view.words).to_contain_text("The address makes no sense, so all knobs are as at first.")
    assert len(view.words.inner_text()) < 400
    assert view.recipe() == Recipe(images=5000)
    view.page.evaluate("location.hash = '#units=5'")
    expect(view.news).to_have_text("The knobs stand as the address of this page says.")
    expect(view.knob("units")).to_have_value("5")


def test_an_address_of_another_part_of_the_page_is_left_alone(opened):
    view = opened("#what-could-you-try")
    expect(view.words).to_have_text(BEFORE_A_RUN)
    view.knob("units").fill("5")
    view.page.evaluate("location.hash = '#the-lab'")
    expect(view.knob("units")).to_have_value("5")


# --- buttons --------------------------------------------------------------------------------------

def test_a_run_is_drawn_epoch_by_epoch_and_said_at_its_end(opened):
    view = opened()
    assert not [url for url in view.requests if url.endswith(("digits.js", "worker.js"))]
    expect(view.words).to_have_text(BEFORE_A_RUN)
    words = view.trained(**SHORT | {"epochs": "4"})
    assert "Run 1, after epoch 4 of 4: reads " in words
    assert words.endswith("Finished.")
    view.page.wait_for_function("said.at(-1)?.endsWith('Finished.')")
    asked = view.page.evaluate("asked")
    assert not [text for text in asked if text.endswith("Training.")]
    expect(view.page.get_by_role("button", name="Train", exact=True)).to_be_visible()
    chart = view.page.get_by_role("img", name="Accuracy and loss over the epochs.")
    curves = chart.locator("path[stroke*=blue]")
    assert [curve.get_attribute("d").count("L") for curve in curves.all()] == 4 * [4]
    accuracy = float(re.search(r"and (\S+)\s% of the 1,000", words)[1])
    expect(view.runs.locator("span")).to_have_text(re.compile(rf"^{accuracy}\s%, not kept yet$"))
    height = float(chart.locator("circle").first.get_attribute("cy"))
    assert height == pytest.approx(130 - 1.06 * accuracy)  # 0 % is at 130, 100 % at 24


def test_the_faces_say_who_is_asleep(shared):
    words = shared.trained(**SHORT | {"units": "30", "images": "1000", "epochs": "2"})
    faces = shared.page.get_by_role("img", name="Digits read right: 0, ")
    said = re.findall(r"\d, (\d+\.\d)\s%(, asleep)?", faces.get_attribute("aria-label"))
    shares = [float(share) for share, _ in said]
    asleep = [digit for digit, share in enumerate(shares) if share < 10]
    assert 0 < len(asleep) < 10
    assert [digit for digit, (_, word) in enumerate(said) if word] == asleep
    assert faces.locator(".hm-lab-asleep b").all_inner_texts() == [*map(str, asleep)]
    *others, final = (f"the {digit}" for digit in asleep)
    named = f"{', '.join(others)} and {final}" if others else final
    assert f"Asleep, fewer than one in ten read: {named}. Finished." in words
    seen = faces.locator("span").all_inner_texts()
    assert [int(share) for share in seen] == pytest.approx(shares, abs=0.501)
    cells = shared.page.locator("figure rect").evaluate_all(
        "cells => cells.map(cell => 100 * cell.style.getPropertyValue('--share'))")
    assert cells[::11] == pytest.approx(shares, abs=0.051)
    assert [sum(cells[row:row + 10]) for row in range(0, 100, 10)] == pytest.approx(10 * [100])


def test_each_picture_shows_what_it_says(shared):
    shared.trained(units="4, 5", images="50", epochs="1", init1="normal", scale1="0.5",
                   init2="normal", scale2="0.25")
    figure = shared.page.locator("figure")

    def shown(name: str) -> str:
        shared.page.get_by_role("radio", name=name, exact=True).check()
        expect(figure.get_by_role("img", name=PICTURES[name])).to_be_visible()
        expect(figure.locator("figcaption")).to_have_text(
            figure.get_by_role("img").get_attribute("aria-label"))
        return figure.inner_text()

    shown("weights")
    spreads = re.findall(r"W\[\d\] from (\S+) to", figure.inner_text())
    assert [float(spread) for spread in spreads] == pytest.approx([1, 0.5, 0.25], rel=0.4)
    assert figure.locator("path[stroke-dasharray='4 3']").count() == 3
    assert "layer 2 from " in shown("hidden means")
    assert figure.locator("path").count() == 4 + 5
    assert "the first 4 units" in shown("first layer as images")
    inked = figure.locator("canvas").evaluate("""canvas => {
        const {data} = canvas.getContext("2d").getImageData(0, 14, canvas.width, 1);
        return Array.from({length: canvas.width}, (_, x) => data[4 * x + 3]);
    }""")
    units = [tuple(inked[start:start + 28]) for start in range(0, len(inked), 30)]
    assert len(set(units)) == 4 + 1
    assert not any(inked[4 * 30:])
    shown("confusion matrix")


def test_stop_in_the_middle_of_an_epoch_leaves_the_last_whole_one(opened):
    view = opened()
    view.set(**LONG)
    view.press("Train")
    expect(view.words).to_contain_text("Run 1, after epoch 0 of 1000", timeout=60_000)
    view.press("Stop")
    expect(view.words).to_contain_text("Stopped; what the last whole epoch measured stands.")
    view.press("Stop")
    expect(view.words).to_contain_text("Nothing is training. Run 1, after epoch 0 of 1000")
    view.press("run 1")
    expect(view.knob("epochs")).to_have_value("0")
    view.number = 1
    assert "Run 2, after epoch 1 of 1" in view.trained(**SHORT)


def test_stop_before_there_is_anything_to_stop(opened):
    view = opened()
    view.press("Stop")
    expect(view.words).to_contain_text("Nothing is training.")
    view.page.evaluate("[...document.querySelectorAll('.hm-lab-buttons button')].slice(0, 2)"
                       ".forEach(button => button.click())")  # before the digits are there
    expect(view.words).to_contain_text("Run 1: Stopped before anything was measured.")
    view.press("Keep")
    expect(view.words).to_contain_text("There is no new run to keep.")


def test_train_pressed_ten_times_at_once_trains_once(opened):
    view = opened()
    view.set(**LONG)
    view.page.evaluate("for (let i = 0; i < 10; i++)"
                       "  document.querySelector('.hm-lab-buttons button').click()")
    expect(view.words).to_contain_text("Run 1 is training. Stop it to start another.")
    view.press("Stop")
    expect(view.words).to_contain_text("Run 1")
    view.number = 1
    for _ in range(10):
        view.trained(**SHORT)
    assert view.words.inner_text().startswith("Run 11, after epoch 1 of 1")


def test_four_runs_are_kept_and_no_more(opened):
    view = opened()
    runs = view.runs.get_by_text("run ")
    view.press("Keep")
    expect(view.words).to_contain_text("There is no new run to keep.")
    for number in range(1, lab.MOST_KEPT + 1):
        view.trained(**SHORT | {"seed": str(number)})
        view.press("Keep")
        expect(view.words).to_contain_text(f"Run {number} stays on the chart.")
        view.press("Keep")
        expect(view.words).to_contain_text("There is no new run to keep.")
    view.trained(**SHORT)
    view.press("Keep")
    expect(view.words).to_contain_text("4 runs are kept, and there is room for no more.")
    expect(runs).to_have_text([f"run {number}" for number in range(1, 6)])
    expect(view.page.locator(".hm-lab-view svg circle")).to_have_count(10)
    runs.nth(2).click()
    expect(view.knob("seed")).to_have_value("3")
    view.press("Forget run 2")
    expect(view.news).to_contain_text("Run 2 is forgotten.")
    assert view.page.evaluate("document.activeElement.textContent") == "run 1"
    expect(runs).to_have_text(["run 1", "run 3", "run 4", "run 5"])
    view.press("Keep")
    view.press("Forget run 5")
    expect(runs).to_have_text(["run 1", "run 3", "run 4", "run 5"])  # it is still the last
    expect(view.runs.last).to_contain_text("not kept yet")
    for number in (1, 3, 4):
        view.press(f"Forget run {number}")
    expect(runs).to_have_text(["run 5"])
    expect(view.page.get_by_role("button", name="Forget")).to_have_count(0)


def test_what_sets_the_runs_apart_is_said_below_the_curves(opened):
    view, legend = opened(), "Solid: validation; dotted: training; number: run."
    view.trained(**SHORT)
    view.press("Keep")
    view.trained(**SHORT)
    expect(view.runs.locator("span")).to_have_text(
        [re.compile(r"^[\d.]+\s%: as all$"), re.compile(r"^[\d.]+\s%, not kept yet: as all$")])
    expect(view.page.get_by_text(legend)).to_have_text(legend)
    view.trained(**SHORT | {"units": "", "output": "softmax_cross_entropy", "init0": "normal"})
    expect(view.runs.locator("span")).to_have_text([
        re.compile(r"%: units of each hidden layer 3, output and loss logistic_squared_error, "
                   r"rule for W\[0\] unit_normal, rule for W\[1\] unit_normal$"),
        re.compile(r"yet: units of each hidden layer none, output and loss softmax_cross_entropy, "
                   r"rule for W\[0\] normal, scale for W\[0\] 1\.0$")])
    expect(view.page.get_by_text(legend)).to_contain_text("in different ways: do not compare")
    chart, runs = (view.page.locator(f".hm-lab-view > {part}").first.bounding_box()
                   for part in ("div", "ul"))
    assert 0 <= runs["y"] - chart["y"] - chart["height"] < 12


def test_squared_errors_are_one_loss(opened):
    view = opened()
    view.trained(**SHORT)
    view.press("Keep")
    view.trained(**SHORT | {"output": "softmax_squared_error"})
    expect(view.page.get_by_text("do not compare")).to_have_count(0)


def test_a_run_that_was_not_kept_leaves_with_a_word(opened):
    view = opened()
    view.trained(**SHORT)
    view.set(**LONG)
    view.press("Train")
    expect(view.news).to_have_text("Run 1 was not kept and has left the chart.")
    view.page.wait_for_function("said.at(-1)?.startsWith('Run 1 was not kept')")
    view.press("Stop")


def test_it_says_of_which_run_it_speaks(opened):
    view, other = opened(), "What follows is of run 2; the knobs say other settings."
    view.trained(**SHORT)
    view.press("Keep")
    view.trained(**SHORT | {"units": "4"})
    expect(view.news).to_have_text("")
    view.press("run 1")
    expect(view.news).to_have_text(f"The knobs are set as for run 1. {other}")
    expect(view.knob("units")).to_have_value("3")
    expect(view.page.get_by_text("Each digit read right by run 2, in %.")).to_be_visible()
    view.knob("seed").fill("9")
    view.knob("seed").blur()
    expect(view.news).to_have_text(other)
    view.press("run 2")
    expect(view.news).to_have_text("The knobs are set as for run 2.")


def test_the_same_seed_repeats_a_run(opened):
    view = opened()
    first = view.trained(**SHORT | {"epochs": "3"})
    curves = [view.page.locator(".hm-lab-view svg").first.inner_html()]
    assert view.trained(**SHORT | {"epochs": "3"}) == first.replace("Run 1", "Run 2")
    curves.append(view.page.locator(".hm-lab-view svg").first.inner_html())
    first, again = (re.findall(r' d="(.*?)"', chart) for chart in curves)
    assert first == again


def test_weights_that_are_all_zero_are_called_so(opened):
    view, nothing = opened(), {"init0": "normal", "scale0": "0", "init1": "normal", "scale1": "0"}
    view.trained(**SHORT | nothing | {"hidden": "tanh"})
    view.page.get_by_role("radio", name="first layer as images").check()
    expect(view.page.locator("figcaption")).to_contain_text("all are 0, so nothing is to be seen.")


def test_divergence_is_said_and_the_epoch_before_stands(shared):
    words = shared.trained(**SHORT | {"learning_rate": "1", "last_decay": "100"}, batch_size="1")
    assert "after epoch 0 of 1" in words
    assert "Diverged: loss is not finite in epoch 1" in words
    assert words.endswith("The epoch before it stands.")


def test_a_network_that_learns_nothing_is_called_so(shared):
    words = shared.trained(**SHORT | {"init0": "normal", "scale0": "0", "init1": "normal",
                                      "scale1": "0", "learning_rate": "1e-9"})
    assert re.search(r"Every image is called \d: it has learned nothing", words)


def test_digits_that_do_not_load_can_be_asked_for_again(opened, stage):
    view, digits = opened(), stage("lab", **DATA).parent / "_static" / "live" / "digits.js"
    digits.rename(digits.with_suffix(".away"))
    try:
        assert "Run 1: Failed: digits could not be loaded" in view.trained(**SHORT)
    finally:
        digits.with_suffix(".away").rename(digits)
    assert "Run 2, after epoch 1 of 1" in view.trained(**SHORT)


def test_in_a_hidden_tab_it_trains_and_draws_once_when_seen_again(opened):
    view = opened(before="""
        const draw = requestAnimationFrame;
        window.waiting = [];
        window.requestAnimationFrame = call => window.hidden ? waiting.push(call) : draw(call);""")
    view.set(**SHORT | {"epochs": "20"})
    view.page.evaluate("window.hidden = true;"
                       "document.querySelector('.hm-lab-buttons button').click()")
    view.page.wait_for_function("said.at(-1)?.endsWith('Finished.')", polling=50)
    assert view.page.evaluate("waiting.length") == 1
    view.page.evaluate("window.hidden = false; waiting.pop()()")
    expect(view.words).to_contain_text("Run 1, after epoch 20 of 20")


# --- how it looks, and who can use it -------------------------------------------------------------

def test_it_works_with_the_keyboard_alone(opened):
    view = opened()
    page = view.page
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => (it => it.id || it.textContent)(document.activeElement)"))
    knobs = page.locator(".hm-lab-knob:visible > :is(input, select)")
    visible = set(knobs.evaluate_all("knobs => knobs.map(knob => knob.id)"))
    assert len(visible) > 15
    assert visible < reached
    assert {"Stop", "Keep", "Copy", "Link to these settings"} < reached
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    story = view.knob("story")
    story.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Train"), "Train is early"
    view.set(**SHORT)
    view.knob("epochs").press("Enter")
    expect(view.words).to_contain_text("press Train.")  # Enter in a knob starts nothing
    page.get_by_role("button", name=re.compile("^Train")).press("Enter")
    expect(view.words).to_contain_text("Run 1, after epoch 1 of 1")
    page.get_by_role("radio", name="confusion matrix").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img", name="Histograms of the weights")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_window_and_axe_finds_nothing(opened, width, scheme):
    view = opened(width=width, height=844 if width < 1280 else 720)
    view.page.evaluate("theme => document.documentElement.dataset.theme = theme", scheme)
    view.page.add_style_tag(content="body { background: var(--hm-paper); color: var(--hm-ink) }")
    view.trained(units="3", images="50", epochs="2")
    view.press("Keep")
    view.page.locator("details").evaluate("details => details.open = true")
    view.knob("units").fill("x")
    view.knob("units").blur()
    assert view.page.evaluate("document.documentElement.scrollWidth") <= width
    options = {"resultTypes": ["violations"], "preload": False}
    found = Axe().run(view.page, "main", options=options).response["violations"]
    assert not [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
    small = view.page.locator(".hm-lab :is(button, input:not([type=radio]), select, summary)")
    for box in [each.bounding_box() for each in small.all()]:
        assert box is None or box["height"] >= 24


def test_the_picture_of_first_weights_is_dark_in_the_dark(opened):
    view = opened()
    view.page.add_style_tag(content="body { background: var(--hm-paper) }")
    view.trained(**SHORT)
    view.page.get_by_role("radio", name="first layer as images").check()
    for theme, expected in (("light", True), ("dark", False)):
        view.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        shot = io.BytesIO(view.page.locator("canvas").screenshot())
        assert (np.asarray(Image.open(shot).convert("L")).mean() > 128) == expected


def test_on_a_laptop_knobs_and_pictures_stand_side_by_side_in_one_window(opened):
    view = opened()
    before = view.page.locator(".hm-lab-code").bounding_box()
    view.trained(units="3", images="50", epochs="2")
    knobs, pictures = (view.page.locator(part).bounding_box()
                       for part in (".hm-lab-knobs", ".hm-lab-view"))
    assert knobs["x"] + knobs["width"] < pictures["x"]
    assert pictures["y"] + pictures["height"] - knobs["y"] <= 720
    assert view.page.locator(".hm-lab-code").bounding_box()["y"] == before["y"], "nothing jumps"


def test_the_word_on_a_knob_is_seen_beside_it(opened):
    view = opened(height=600)
    for name in ("units", "seed"):
        view.knob(name).focus()
        expect(view.page.locator(".hm-lab-help:visible")).to_be_in_viewport(ratio=1)
        expect(view.knob(name)).to_be_in_viewport(ratio=1)
        help, knob = (part.bounding_box() for part in (
            view.page.locator(".hm-lab-help:visible"), view.knob(name)))
        assert knob["y"] + knob["height"] <= help["y"]


def test_on_a_phone_knobs_fold_and_train_stays_in_reach(opened):
    view = opened(width=390, height=844, has_touch=True, is_mobile=True)
    page, train = view.page, view.page.get_by_role("button", name=re.compile("^Train"))
    expect(view.knob("units")).to_be_hidden()
    view.set(**SHORT)
    train.tap()
    expect(view.words).to_contain_text("Run 1, after epoch 1 of 1")
    status = page.locator(".hm-lab-status")
    expect(status).to_have_text(re.compile(
        r"^Run 1, epoch 1 of 1: [\d.]+\s% read right\. Finished\.$"))
    expect(status).to_be_in_viewport(ratio=1)
    top, bottom = train.bounding_box(), page.locator("figure > svg").bounding_box()
    assert bottom["y"] + bottom["height"] - top["y"] <= 844
    page.get_by_text("Knobs", exact=True).tap()
    expect(view.knob("units")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    expect(train).to_be_in_viewport(ratio=1)
    view.knob("seed").fill("x")
    page.get_by_text("Knobs", exact=True).tap()
    train.tap()
    expect(view.knob("seed")).to_be_focused()
    expect(page.locator("#hm-lab-seed-error")).to_have_text(
        "seed: expected a whole number from 0 to 4,294,967,295, got 'x'")
