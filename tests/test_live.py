"""live.py, book.js and packing.py: a piece finds its place, its data, its files and its voice."""

import json
import re
import zlib

import packing
import pytest
from playwright.sync_api import expect

from handmlp.book import live as module
from handmlp.book.live import choices, live
from handmlp.book.story import BASELINE, STORY


def test_a_place_holds_words_and_data_that_no_page_mistakes_for_its_own(monkeypatch):
    shown = []
    monkeypatch.setattr(module, "display", lambda bundle, raw: shown.append(bundle))
    live("lottery", "Ten <faces>.", ends=[57.1, 86.0], label="</script>")
    (bundle,) = shown
    assert bundle["text/plain"] == "Ten <faces>."
    told = re.search(r'<script type="application/json">(.*?)</script>', bundle["text/html"])[1]
    assert json.loads(told) == {"ends": [57.1, 86.0], "label": "</script>"}
    assert "Ten &lt;faces&gt;." in bundle["text/html"]
    assert 'data-live="lottery"' in bundle["text/html"]


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        live("lottery", "Ten faces.", ends={1, 2})


def test_a_recipe_is_told_as_the_twin_takes_it():
    told = json.loads(json.dumps([choices(recipe, images=5000) for recipe in STORY]))
    assert [one["learning_rate"] for one in told] == [3, 1, 0.3, 0.1, 0.03, 0.03, 0.03]
    assert told[0]["hidden"] == "logistic"
    assert told[-1]["images"] == 5000
    assert told[-1]["init"] == ["fan_in", "fan_in"]
    assert told[-1]["weight_decay"] == [1e-5, 1e-5]
    with pytest.raises(ValueError, match="rate_decay must be 1.0 for a live piece, got 0.9"):
        choices(BASELINE.but(rate_decay=0.9), images=5000)


def test_the_digits_are_those_of_mnist(mnist):
    content = packing.digits()
    assert len(content) == 6000 * 785
    assert list(content[:5000]) == mnist.train.labels[::10].tolist()
    assert list(content[5000:5784]) == mnist.train.images[0].tolist()
    assert list(content[-784:]) == mnist.validation.images[::10][-1].tolist()


PIECE = """"use strict";
hm.live("thing", (root, data) => {
  root.append(hm.make("button", { class: "one", hidden: false, click: async () => {
    try {
      const bytes = new Uint8Array(await hm.file(data.file));
      root.append(hm.make("p", {}, `${data.file}: ${bytes.join(" ")}`));
    } catch (error) { root.append(hm.make("p", {}, error.message)); }
  } }, "Load"));
  hm.say("An old sentence."); hm.say(`A sentence about ${data.file}.`);
});"""


@pytest.mark.parametrize(("file", "answer"), [("few", "few: 1 2 255"),
                                              ("lost", "lost could not be loaded")])
def test_a_piece_loads_a_file_from_disk_and_says_when_it_cannot(
        browser, stage, monkeypatch, file, answer):
    path = stage("thing", file=file)
    folder = path.parent / "_static" / "live"
    (folder / "thing.js").write_text(PIECE)
    monkeypatch.setattr(packing, "FILES", {"few": lambda: bytes([1, 2, 255])})
    packing.write(folder)
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("hm.sizes") == {"few": 1}
    assert page.locator(".hm-stand-in").count() == 0
    page.get_by_role("button", name="Load").click()
    page.get_by_text(answer).wait_for()
    page.wait_for_function("text => document.querySelector('[role=status]').textContent === text",
                           arg=f"A sentence about {file}.")
    page.close()


def test_a_file_that_failed_can_be_asked_for_again(browser, stage, monkeypatch):
    path = stage("thing", file="late")
    folder = path.parent / "_static" / "live"
    (folder / "thing.js").write_text(PIECE)
    page = browser.new_page()
    page.goto(path.as_uri())
    page.get_by_role("button", name="Load").click()
    page.get_by_text("late could not be loaded").wait_for()
    monkeypatch.setattr(packing, "FILES", {"late": lambda: bytes([7])})
    packing.write(folder)
    page.get_by_role("button", name="Load").click()
    page.get_by_text("late: 7").wait_for()
    page.close()


@pytest.mark.parametrize(("name", "button", "words"), [
    ("draw", "Draw a digit", "It did not work: "), ("lottery", "Train a new seed", "Nothing was "),
    ("lab", "Train", "Run 1: Failed: ")])
def test_a_browser_that_cannot_unpack_is_told_so(opened, stage, name, button, words):
    recipe = choices(BASELINE, images=5000)
    data = {"draw": {"rungs": [0], "why": False},
            "lottery": {"recorded": [57.1], "recipes": {"2015": {"label": "as in 2015",
                                                                 "recipe": recipe}}},
            "lab": {"defaults": recipe, "story": []}}[name]
    page = opened(stage(name, **data), before="delete globalThis.DecompressionStream;")
    page.get_by_role("button", name=button).first.click()
    told = page.locator("main").get_by_text(re.compile(f"^{words}"))
    expect(told.first).to_contain_text("this browser is too old to unpack the files")


def test_a_packed_file_is_what_zlib_made_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "FILES", {"few": lambda: b"abc" * 1000})
    packing.write(tmp_path)
    text = (tmp_path / "few.js").read_text()
    packed = packing.base64.b64decode(re.fullmatch(r'hm\.arrived\("few", "(.*)"\);\n', text)[1])
    assert zlib.decompress(packed) == b"abc" * 1000
