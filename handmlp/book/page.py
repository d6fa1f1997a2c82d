"""What a chapter puts on its page: figures, sentences with computed numbers, and quoted code.

Figures become SVG inside the page, drawn in the ink of the page, so that they follow its theme.
"""

import ast
import base64
import html
import inspect
import io
import re
import textwrap
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
from IPython.display import display
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

# The palette of Okabe and Ito. The book's style sheet shifts each a little in the light and in
# the dark, so that lines and labels stay legible on both.
COLOURS = {"blue": "#0072b2", "orange": "#e69f00", "green": "#009e73", "vermillion": "#d55e00",
           "purple": "#cc79a7", "sky": "#56b4e9"}

# What figures are drawn with, whatever a reader's own settings are: `plt.rcParams.update(STYLE)` in
# a notebook, and `@plt.rc_context(STYLE)` where nothing may change. Black is the page's ink.
STYLE = mpl.rcParamsDefault.find_all(r"\.") | {  # with a dot: none of backend, toolbar, timezone
    "figure.figsize": (5, 3), "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.06, "figure.constrained_layout.w_pad": 0.06,
    "figure.max_open_warning": 0,  # `show` closes them
    "font.size": 10, "axes.titlesize": "medium", "axes.titlelocation": "left",
    "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": plt.cycler(color=list(COLOURS.values())),
    "image.interpolation": "none", "image.cmap": "gray_r",
}
INK = {"#000000": "currentColor", "#ffffff": "var(--hm-paper, #fff)",
       # On the cells of a raster, whose light and dark change places in the dark.
       "#000001": "var(--hm-on-light, #000)", "#fffffe": "var(--hm-on-dark, #fff)",
       **{value: f"var(--hm-{name}, {value})" for name, value in COLOURS.items()}}
PNG = "data:image/png;base64,"  # how a raster begins
PIXELS_PER_POINT = 1.5  # text of 15 pixels on a laptop, as large as the captions


def svg(figure, alt: str) -> str:
    """Return the SVG of a figure (or of the figure of an Axes), named `alt`, and close the figure.

    Raises
    ------
    ValueError
        If `alt` is too short to say what is to be seen.
    """
    if not isinstance(alt, str) or len(alt.split()) < 3 or alt.startswith("Figure size"):
        raise ValueError(f"alt must be a sentence that says what is to be seen, got {alt!r}")
    figure = getattr(figure, "figure", figure)
    if not hasattr(figure, "savefig"):
        raise TypeError(f"figure must be a matplotlib Figure or Axes, got {figure!r}")
    file, (width, height) = io.StringIO(), figure.get_size_inches() * 72
    # Salted with its words, so that a figure has the same ids each time, and no other has them.
    with plt.rc_context(STYLE | {"svg.fonttype": "none", "svg.hashsalt": alt}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    plt.close(figure)
    style = f"width:{width * PIXELS_PER_POINT:.0f}px;max-width:100%;height:auto"
    return (f'<svg role="img" aria-label="{html.escape(alt)}" viewBox="0 0 {width:g} {height:g}" '
            f'preserveAspectRatio="xMinYMid" '
            f'style="{style}" fill="currentColor" stroke-linejoin="round">'
            f"{_in_page_ink(file.getvalue())}</svg>")


def _in_page_ink(drawing: str) -> str:
    """Make matplotlib's file a part of a page: nothing but the drawing, colours of the theme."""
    root = ElementTree.fromstring(drawing)
    for element in reversed([*root.iter()]):  # the innermost first
        element.tag = element.tag.split("}")[1]
        element[:] = [inner for part in element if part.tag not in ("metadata", "style")
                      for inner in ([part] if part.attrib or part.tag != "g" else part)]
        element.attrib = {name.split("}")[-1]: _in_short(element.tag, name, value)
                          for name, value in element.items() if not _is_idle(name, value)}
        element.text, element.tail = (element.text or "").strip("\n ") or None, None
    return "".join(ElementTree.tostring(part, "unicode") for part in root)


def _is_idle(name: str, value: str) -> bool:
    """Ids of groups are the same in all figures, and a turn by 0 is none."""
    pattern = {"id": r"[A-Za-z\d.]+_\d+", "transform": r"rotate\(-?0 .*\)"}.get(name)
    return bool(pattern and re.fullmatch(pattern, value))


def _in_short(tag: str, name: str, value: str) -> str:
    if value.startswith(PNG):
        return _in_grey(value)
    if name in ("d", "x", "y"):  # a tenth of a point is finer than a screen shows
        value = re.sub(r"\d+\.\d+", lambda m: f"{float(m[0]):.1f}".removesuffix(".0"), value)
        return " ".join(value.split())
    if name in ("style", "fill", "stroke", "stop-color"):
        value = re.sub(r"#[\da-f]{6}\b", lambda m: INK.get(m[0], m[0]), value)
    if tag == "text":  # the page's own font
        value = re.sub(r"font-family: [^;]*(; )?", "", value)
    return value.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")  # mathematics


def _in_grey(png: str) -> str:
    """Store a picture that is all grey and opaque as such: half the bytes, the same pixels."""
    picture, file = Image.open(io.BytesIO(base64.b64decode(png.removeprefix(PNG)))), io.BytesIO()
    red, green, blue, alpha = picture.convert("RGBA").split()
    if not (red == green == blue and alpha.getextrema() == (255, 255)):
        return png
    red.save(file, "png", optimize=True)
    return PNG + base64.b64encode(file.getvalue()).decode()


def show(figure, alt: str, caption: str = "") -> None:
    """Display a figure, and close it; `alt` says in a sentence what is to be seen in it."""
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    figure = f'<figure class="hm-figure">{svg(figure, alt)}{below}</figure>'
    display({"text/html": figure, "text/plain": alt}, raw=True)


def say(markdown: str) -> None:
    """Display a piece of prose in Markdown, with numbers that code has put into it."""
    display({"text/markdown": markdown, "text/plain": markdown}, raw=True)


def source(thing) -> str:
    """Return the source of a function, a class or a value's class, without docstrings, decorators.

    Raises
    ------
    TypeError
        If Python knows no source for it.
    """
    named = inspect.isroutine(thing) or inspect.isclass(thing)
    try:
        text = textwrap.dedent(inspect.getsource(thing if named else type(thing)))
    except (TypeError, OSError) as error:
        raise TypeError(f"cannot quote {thing!r}: Python knows no source for it") from error
    hidden = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            told = node.body[:1] if ast.get_docstring(node) and len(node.body) > 1 else []
            for part in [*node.decorator_list, *told]:
                hidden |= {*range(part.lineno, part.end_lineno + 1)}
    lines = [line for number, line in enumerate(text.splitlines(), 1) if number not in hidden]
    return re.sub(r":\n(?:\s*\n)+", ":\n", "\n".join(lines))  # what stood between


def quote(thing, equation: str = "") -> None:
    """Display the source of `thing`, beside its `equation` (LaTeX) if there is one."""
    text = source(thing)
    code = highlight(text, PythonLexer(), HtmlFormatter()).strip()
    if equation:
        formula = f'<div class="math hm-equation">\\[{html.escape(equation)}\\]</div>'
        code = f'<div class="hm-pair full-width">{formula}{code}</div>'
    display({"text/html": code, "text/plain": text}, raw=True)
