"""page.py: figures as part of the page, prose with numbers, and code quoted from the package."""

import base64
import inspect
import io
import re
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from handmlp import Network, logistic, tanh
from handmlp.book import page
from handmlp.initialisers import Initialiser

ALT = "A line rises from 0 to 9."


def figure(**line):
    with plt.rc_context(page.STYLE):
        fig, ax = plt.subplots()
        ax.plot(range(10), **line)
        ax.fill_between(range(10), 0, 3, alpha=0.5)  # a clip path and a definition, which need ids
        ax.set(xlabel="step <1>", title=r"$\hat y$")
    return fig


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    """What `display` was given, one bundle a call."""
    bundles = []
    monkeypatch.setattr(page, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def ids(drawing: str) -> list[str]:
    return re.findall(r'\bid="([^"]+)"', drawing)


def test_a_figure_is_the_same_bytes_each_time():
    assert page.svg(figure(), ALT) == page.svg(figure(), ALT)


def test_ids_are_unique_within_and_between_figures_and_every_reference_resolves():
    drawings = [page.svg(figure(), ALT), page.svg(figure(), "The same line again."),
                page.svg(figure(color="k"), "A black line.")]
    every = [name for drawing in drawings for name in ids(drawing)]
    assert every
    assert len(set(every)) == len(every)
    for drawing in drawings:
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', drawing)) == set(ids(drawing))


def test_a_figure_takes_ink_and_paper_of_the_page():
    drawing = page.svg(figure(color="white"), ALT)
    assert "#000000" not in drawing
    assert "#ffffff" not in drawing
    assert "currentColor" in drawing
    assert "var(--hm-paper" in drawing
    assert "var(--hm-blue, #0072b2)" in page.svg(figure(color=page.COLOURS["blue"]), ALT)


def test_a_figure_says_what_is_to_be_seen():
    drawing = page.svg(figure(), 'A <b> of "c"')
    assert 'role="img" aria-label="A &lt;b&gt; of &quot;c&quot;"' in drawing


@pytest.mark.parametrize("alt", ["", "  ", "Image", "Accuracy", None,
                                 "Figure size 500x300 with 1 Axes"])
def test_words_that_say_nothing_are_refused(alt):
    with pytest.raises(ValueError, match="alt must be a sentence"):
        page.svg(figure(), alt)
    plt.close("all")


def test_what_is_no_figure_is_refused():
    with pytest.raises(TypeError, match="figure must be a matplotlib Figure or Axes, got 3"):
        page.svg(3, ALT)


def test_numbers_in_labels_are_not_rounded():
    with plt.rc_context(page.STYLE):
        fig, ax = plt.subplots()
        ax.set_title("0.123456 and #000000 <!-- kept -->")
    assert "0.123456" in page.svg(fig, ALT)


def test_words_are_left_as_they_are():
    words = 'black is #000000, white #ffffff, x="1.23456" d="0.123456" <style>a</style>'
    with plt.rc_context(page.STYLE):
        fig, ax = plt.subplots()
        ax.text(0, 0, words)
    drawing = ElementTree.fromstring(page.svg(fig, ALT))
    assert words in [element.text for element in drawing.iter("text")]


def test_a_pattern_and_a_picture_are_found_again_in_the_page():
    with plt.rc_context(page.STYLE):
        fig, (left, right) = plt.subplots(2)
        left.bar([0], [1], hatch="//", color="white")
        right.imshow([[0, 1]])
    drawing = page.svg(fig, ALT)
    names = re.findall(r'(?:url\(#|href="#)([^")]+)', drawing)
    assert set(names) <= set(ids(drawing))
    assert any(f'id="{name}"' in drawing and name.startswith("h") for name in names)
    assert 'href="data:image/png;base64,' in drawing
    assert "#ffffff" not in drawing  # the pattern's ground is the page's paper


def test_a_drawing_is_short_and_holds_nothing_else():
    text = page.svg(figure(), ALT)
    drawing = ElementTree.fromstring(text)
    kinds = {element.tag for element in drawing.iter()}
    assert all(group.attrib for group in drawing.iter("g"))
    assert kinds <= {"svg", "g", "path", "defs", "clipPath", "rect", "text", "tspan", "use"}
    assert not re.search(r' (d|x|y)="[^"]*\.\d\d|\s\s|>\s+<|xlink', text)
    label, *_, in_formula = (element.get("style") for element in drawing.iter()
                             if element.text and element.tag in ("text", "tspan"))
    assert "font-size" in label
    assert "font-family" not in label  # the page's own
    assert "'DejaVu Sans', Verdana, sans-serif" in in_formula


@pytest.mark.parametrize(("colours", "mode"), [("gray", "L"), ("viridis", "RGBA")])
def test_a_grey_raster_has_one_channel_and_every_raster_keeps_its_pixels(colours, mode):
    values = np.arange(12).reshape(3, 4)
    with plt.rc_context(page.STYLE | {"image.cmap": colours}):
        fig, ax = plt.subplots()
        ax.imshow(values)
    data = re.search(r'href="data:image/png;base64,([^"]*)"', page.svg(fig, ALT))[1]
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.mode == mode
    expected = mpl.colormaps[colours](values / 11, bytes=True)
    np.testing.assert_array_equal(picture.convert("RGBA"), expected)


@pytest.fixture
def settings_of_a_reader():
    with plt.rc_context({"axes.grid": True, "lines.linewidth": 9, "axes.titlelocation": "right",
                         "axes.facecolor": "pink", "font.family": "monospace", "font.size": 20,
                         "axes.prop_cycle": plt.cycler(color="r"), "savefig.bbox": "tight"}):
        yield


def test_the_settings_of_a_reader_do_not_show(settings_of_a_reader):
    with plt.rc_context():
        mpl.rcdefaults()
        plain = page.svg(figure(), ALT)
    assert page.svg(figure(), ALT) == plain


def test_a_hundred_figures_leave_none_open_and_no_setting_changed():
    before = dict(mpl.rcParams)
    for _ in range(100):
        page.svg(plt.figure(figsize=(1, 1)), ALT)
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_show_closes_the_figure_and_keeps_the_words_as_text(shown):
    fig = figure()
    page.show(fig.axes[0], ALT, caption="a < b")
    assert plt.get_fignums() == []
    assert shown[0]["text/plain"] == ALT
    assert shown[0]["text/html"].startswith('<figure class="hm-figure"><svg')
    assert "<figcaption>a &lt; b</figcaption>" in shown[0]["text/html"]


def test_say_is_prose_and_text(shown):
    page.say("**97.5 %**")
    assert shown == [{"text/markdown": "**97.5 %**", "text/plain": "**97.5 %**"}]


def commented(x):
    """A docstring, which is not quoted."""
    # a comment, which is

    def inner():
        """Another."""
        return x

    return inner


@pytest.mark.parametrize("thing", [commented, Network.forward, Network, page.svg, Initialiser])
def test_a_quote_is_the_code_that_runs(thing):
    quoted, whole = page.source(thing), inspect.getsource(thing)
    assert '"""' not in quoted
    assert not quoted.startswith((" ", "\n"))
    lines = iter(line.strip() for line in whole.splitlines())
    assert all(line.strip() in lines for line in quoted.splitlines())  # the same lines in order


def test_a_quoted_function_computes_the_same():
    names = {"np": np}
    exec(page.source(type(tanh).slope), names)
    a = np.linspace(-1, 1, 9)
    assert np.array_equal(names["slope"](None, a), tanh.slope(a))


def test_comments_stay_and_a_value_stands_for_its_class():
    assert "# a comment, which is" in page.source(commented)
    assert page.source(tanh) == page.source(type(tanh))
    assert page.source(tanh.slope) == page.source(type(tanh).slope)


@pytest.mark.parametrize("thing", [3, len, np.tanh, "tanh", None])
def test_what_has_no_source_cannot_be_quoted(thing):
    with pytest.raises(TypeError, match="Python knows no source"):
        page.source(thing)


def test_an_equation_stands_beside_its_code(shown):
    page.quote(Network.forward, r"z = aW + b, \quad a < 1")
    assert shown[0]["text/plain"] == page.source(Network.forward)
    equation = r'<div class="math hm-equation">\[z = aW + b, \quad a &lt; 1\]</div>'
    assert equation in shown[0]["text/html"]
    page.quote(Network.forward)
    assert shown[1]["text/html"].startswith('<div class="highlight">')


def test_a_quote_shows_what_a_function_computes_and_not_how_it_is_wrapped():
    assert page.source(logistic.__call__).startswith("def __call__")
