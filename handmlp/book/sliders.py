"""Controls that move through pictures drawn beforehand: they need a browser, and no kernel.

A frame is a pair (figure, text). The text says what is to be seen: it stands below the picture,
and is what those hear who do not see it. A figure may be a matplotlib Figure, an Axes, or the
SVG that `page.svg` returned. One object has two faces: widgets in Jupyter, and on the site the
browser's own handles, which `book/assets/controls.js` links with the pictures.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import product, starmap

import ipywidgets
from ipywidgets import jsdlink

from handmlp.book.page import svg

CHARACTERS = {"phone": 38, "laptop": 84}  # that fit into a line under a slider


class Control(ipywidgets.VBox):
    """Handles above the pictures they move through: as widgets, and as HTML for the site."""

    def __init__(self, handles: list, pictures: ipywidgets.Stack, page: str, texts: list[str]):
        super().__init__([*handles, pictures])
        self.page, self.texts = page, texts

    def _repr_mimebundle_(self, **kwargs) -> dict:
        return super()._repr_mimebundle_(**kwargs) | {"text/html": self.page,
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
    at = stops.index(tuple(each[handle.index] for each, handle in zip(values, handles)))
    return Control(handles, _stack(figures, handles), _page(handles, figures, texts, at), texts)


def _handle(kind: type, label: str, values: Sequence, start) -> ipywidgets.Widget:
    values = list(values)
    if len(values) < 2:
        raise ValueError(f"values of {label!r} must be at least two, got {values}")
    if start is not None and start not in values:
        raise ValueError(f"start of {label!r} must be one of {values}, got {start!r}")
    if len(values) == 2:
        kind = ipywidgets.ToggleButtons  # nothing lies between two stops
    handle = kind(options=[str(value) for value in values], description=label,
                  style={"description_width": "initial"}, layout={"width": "auto"})
    handle.index = 0 if start is None else values.index(start)
    return handle


# --- in Jupyter ---------------------------------------------------------------------------------

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


# --- on the site --------------------------------------------------------------------------------

def _page(handles: list, figures: list[str], texts: list[str], at: int) -> str:
    """The same as HTML: the handles, the picture that stands there first, the others laid by."""
    key = hashlib.sha1("".join(texts).encode()).hexdigest()[:8]  # the drawing may change
    rows = "".join(_row(handle, f"hm-{key}-{place}") for place, handle in enumerate(handles))
    laid_by = "".join(f"<template>{figure}</template>"
                      for place, figure in enumerate(figures) if place != at)
    return (f'<div class="hm-control" data-at="{at}">{rows}'
            f'<div class="hm-frame">{figures[at]}</div>{laid_by}</div>')


def _row(handle: ipywidgets.Widget, key: str) -> str:
    label, names, index = escape(handle.description), handle.options, handle.index
    if isinstance(handle, ipywidgets.ToggleButtons):
        buttons = "".join(
            f'<label><input type="radio" name="{key}" value="{place}" autocomplete="off"'
            f'{" checked" * (place == index)}><span>{escape(name)}</span></label>'
            for place, name in enumerate(names))
        return f'<fieldset class="hm-choice"><legend>{label}</legend>{buttons}</fieldset>'
    return (f'<div class="hm-slider"><label for="{key}">{label}</label>'
            f'<b aria-hidden="true">{escape(names[index])}</b>'
            f'<input type="range" id="{key}" min="0" max="{len(names) - 1}" value="{index}" '
            f'autocomplete="off" aria-valuetext="{escape(names[index])}">'
            f'<div class="hm-ticks" aria-hidden="true">{_ticks(names)}</div></div>')


def _ticks(names: Sequence[str]) -> str:
    """A tick for each stop, with as many of the names as a line of a phone or a laptop holds."""
    longest, last, ticks = max(map(len, names)) + 2, len(names) - 1, []
    longest *= 1.5 if longest > 6 else 1  # at the ends a long name stands to one side of its tick
    every = {screen: math.ceil(longest * last / room) for screen, room in CHARACTERS.items()}
    for place, name in enumerate(names):
        left_out = [f"hm-not-{screen}" for screen, step in every.items() if place % step]
        ticks.append(f'<i class="{" ".join(left_out)}" style="--at:{place / last:.4g}" '
                     f'data-name="{escape(name)}"></i>')
    return "".join(ticks)


def _figure(drawing: str, text: str, longest: str) -> str:
    """A picture above its text, with room for the longest text, so that no move shifts the page."""
    spans = (f'<span style="grid-area:1/1{extra}>{escape(words)}</span>'
             for words, extra in [(text, '"'), (longest, ';visibility:hidden" aria-hidden="true"')])
    return (f'<figure class="hm-figure" style="margin:0">{drawing}<figcaption '
            f'style="display:grid;line-height:1.5">{"".join(spans)}</figcaption></figure>')
