"""Controls that move through pictures drawn beforehand: they need a browser, and no kernel.

A frame is a pair (figure, text). The text says what is to be seen: it stands below the picture,
and is what those hear who do not see it. A figure may be a matplotlib Figure, an Axes, or the
SVG that `page.svg` returned.
"""

import html
from collections.abc import Callable, Sequence
from itertools import product, starmap

import ipywidgets
from ipywidgets import jsdlink

from handmlp.book.page import svg


class Control(ipywidgets.VBox):
    """Handles above the pictures they move through; one picture stands in where they cannot."""

    def __init__(self, handles: list, pictures: ipywidgets.Stack, stand_in: str, texts: list[str]):
        super().__init__([*handles, pictures])
        self.add_class("hm-control")
        self.stand_in, self.texts = stand_in, texts

    def _repr_mimebundle_(self, **kwargs) -> dict:
        return super()._repr_mimebundle_(**kwargs) | {"text/html": self.stand_in,
                                                      "text/plain": "\n".join(self.texts)}


def slider(frames: Sequence | Callable, label: str, values: Sequence, start=None) -> Control:
    """Make a slider with one stop, and one frame, for each value.

    Parameters
    ----------
    frames : sequence of (figure, text), or function
        One frame for each value, or a function that returns the frame of a value.
    label : str
        What is chosen, in plain characters: no LaTeX.
    values : sequence
        What the stops are called.
    start : one of the values
        Where the slider stands at first; the first value unless given.

    Raises
    ------
    ValueError
        If there are fewer than two values, not one frame for each, or `start` is not among them.
    """
    return _control(ipywidgets.SelectionSlider, frames, [label], [values], [start])


def choice(frames: Sequence | Callable, label: str, values: Sequence, start=None) -> Control:
    """Make a row of buttons, one for each value; otherwise like `slider`."""
    return _control(ipywidgets.ToggleButtons, frames, [label], [values], [start])


def two_sliders(frames: Callable, labels: tuple[str, str], values: tuple[Sequence, Sequence],
                start: tuple = (None, None)) -> Control:
    """Make two sliders; `frames(one, two)` returns the frame of a pair of values."""
    return _control(ipywidgets.SelectionSlider, frames, labels, values, start)


def _control(kind: type, frames, labels: Sequence, values: Sequence, start: Sequence) -> Control:
    handles = [_handle(kind, *each) for each in zip(labels, values, start, strict=True)]
    stops = list(product(*values))
    if callable(frames):
        frames = starmap(frames, stops)  # one figure open at a time
    frames = [(drawing if isinstance(drawing, str) else svg(drawing, text), text)
              for drawing, text in frames]
    if len(frames) != len(stops):
        raise ValueError(f"frames must be one for each of {len(stops)} values, got {len(frames)}")
    texts = [text for _, text in frames]
    if len(set(texts)) < len(texts):
        raise ValueError(f"text of each frame must differ from every other, got {texts}")
    figures = [_figure(drawing, text, max(texts, key=len)) for drawing, text in frames]
    chosen = "".join(f"<p>{html.escape(handle.description)}: {html.escape(handle.value)}</p>"
                     for handle in handles)
    at = stops.index(tuple(each[handle.index] for each, handle in zip(values, handles)))
    stand_in = f'<div class="hm-stand-in">{chosen}{figures[at]}</div>'
    return Control(handles, _stack(figures, handles), stand_in, texts)


def _handle(kind: type, label: str, values: Sequence, start) -> ipywidgets.Widget:
    values = list(values)
    if len(values) < 2:
        raise ValueError(f"values of {label!r} must be at least two, got {values}")
    if start is not None and start not in values:
        raise ValueError(f"start of {label!r} must be one of {values}, got {start!r}")
    handle = kind(options=[str(value) for value in values], description=label,
                  style={"description_width": "initial"}, layout={"width": "auto"})
    handle.index = 0 if start is None else values.index(start)
    return handle


def _stack(figures: list[str], handles: list) -> ipywidgets.Stack:
    """Stack the pictures of the last handle, then stack the stacks under the handle before it."""
    pictures = [ipywidgets.HTML(figure) for figure in figures]
    for handle in reversed(handles):
        count = len(handle.options)
        pictures = [ipywidgets.Stack(pictures[first:first + count], selected_index=handle.index)
                    for first in range(0, len(pictures), count)]
        for stack in pictures:
            jsdlink((handle, "index"), (stack, "selected_index"))
    return pictures[0]


def _figure(drawing: str, text: str, longest: str) -> str:
    """A picture above its text, with room for the longest text, so that no move shifts the page."""
    spans = (f'<span style="grid-area:1/1{extra}>{html.escape(words)}</span>'
             for words, extra in [(text, '"'), (longest, ';visibility:hidden" aria-hidden="true"')])
    return (f'<figure class="hm-figure" style="margin:0">{drawing}<figcaption '
            f'style="display:grid;line-height:1.5">{"".join(spans)}</figcaption></figure>')
