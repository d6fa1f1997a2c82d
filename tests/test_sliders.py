"""sliders.py: one frame a stop, linked in the browser, with words for each."""

import re

import ipywidgets
import matplotlib.pyplot as plt
import pytest

from handmlp.book import page, sliders
from handmlp.book.sliders import choice, slider, two_sliders


def frame(*values):
    with plt.rc_context(page.STYLE):
        fig, ax = plt.subplots(figsize=(5, 2))
        ax.plot([0, *values])
    return fig, f"The line ends at {values[-1]}, by way of {values[0]}."


@pytest.fixture
def links(monkeypatch) -> list[tuple]:
    """Who moves what in the browser: (handle, the stack whose picture follows it)."""
    linked = []

    def jsdlink(source, target):
        assert (source[1], target[1]) == ("index", "selected_index")
        linked.append((source[0], target[0]))
        return ipywidgets.jsdlink(source, target)

    monkeypatch.setattr(sliders, "jsdlink", jsdlink)
    return linked


@pytest.mark.parametrize("make", [slider, choice])
def test_each_value_has_its_frame_and_the_browser_links_them(make, links):
    control = make(frame, "Rate", [0.1, 0.3, 1.0], start=0.3)
    handle, pictures = control.children
    assert handle.description == "Rate"
    assert handle.options == ("0.1", "0.3", "1.0")
    assert handle.index == pictures.selected_index == 1
    for value, picture in zip(handle.options, pictures.children):
        assert f'aria-label="The line ends at {value}' in picture.value
        assert f">The line ends at {value}, by way of {value}.</span>" in picture.value
    assert links == [(handle, pictures)]


def test_frames_may_be_a_list_of_figures_or_drawings():
    drawing = page.svg(frame(2)[0], "A line ends at 2.")
    control = slider([frame(1), (drawing, "A line ends at 2.")], "End", ["one", "two"])
    assert drawing in control.children[-1].children[1].value


def test_two_sliders_reach_every_pair(links):
    control = two_sliders(frame, ("One", "Two"), ([1, 2, 3], [4, 5]), start=(2, 5))
    one, two, pictures = control.children
    assert (one.index, two.index) == (1, 1)
    for row, first in zip(pictures.children, (1, 2, 3)):
        assert row.selected_index == two.index
        for picture, second in zip(row.children, (4, 5)):
            assert f"The line ends at {second}, by way of {first}." in picture.value
    assert links == [*((two, row) for row in pictures.children), (one, pictures)]


def test_every_text_is_compared_and_the_page_has_each_picture_once():
    bundle = slider(frame, "Rate <1>", [1, 2, 3], start=2)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == "\n".join(f"The line ends at {n}, by way of {n}."
                                             for n in (1, 2, 3))
    page = bundle["text/html"]
    shown, *laid_by = page.split("<template>")
    assert re.findall(r'aria-label="The line ends at (\d)', shown) == ["2"]
    assert [re.search(r"ends at (\d)", each)[1] for each in laid_by] == ["1", "3"]
    assert ">Rate &lt;1&gt;</label>" in page
    assert 'max="2" value="1"' in page


def test_two_stops_are_buttons_and_names_that_have_no_room_are_left_out():
    assert slider(frame, "Rate", [1, 2]).page.count('type="radio"') == 2
    few, many = slider(frame, "Rate", range(5)).page, slider(frame, "Seed", range(30)).page
    assert few.count('class=""') == 5
    assert many.count("hm-not-phone") > many.count("hm-not-laptop") > 0
    assert many.count("<i ") == 30


def test_there_is_room_for_the_longest_text_in_each_frame():
    texts = ["Short it is here.", "Long it is, and longer than the other one."]
    control = slider([(frame(1)[0], texts[0]), (frame(2)[0], texts[1])], "Length", "ab")
    for picture in control.children[-1].children:
        assert f'aria-hidden="true">{texts[1]}' in picture.value


def test_many_frames_leave_no_figure_open():
    slider(frame, "Step", range(30))
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("arguments", "message"), [
    ((frame, "Rate", [1]), r"values of 'Rate' must be at least two, got \[1\]"),
    ((frame, "Rate", [1, 2], 3), r"start of 'Rate' must be one of \[1, 2\], got 3"),
    (([], "Rate", [1, 2]), "frames must be one for each of 2 values, got 0"),
    (([("<svg/>", "The same words.")] * 2, "Rate", [1, 2]), "text of each frame"),
])
def test_what_cannot_be_a_control_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        slider(*arguments)
