"""Live pieces: places in a page where a script of the site answers the reader, without a server."""

import dataclasses
import html
import json

from IPython.display import display

from handmlp.recipe import Recipe

# What a recipe of book/assets/training.js has; a choice that is new in Python is not among it.
TWIN = {"units", "hidden", "output", "init", "inputs", "order", "learning_rate", "batch_size",
        "epochs", "momentum", "weight_decay", "images", "wrong_labels"}


def live(name: str, words: str, **data) -> None:
    """Display the place of a live piece, which `book/assets/live/<name>.js` fills on the site.

    Parameters
    ----------
    name : str
        Which piece.
    words : str
        What stands there where no script runs, and in Jupyter.
    **data
        What the piece is told, as JSON can hold it: recorded numbers, say.
    """
    told = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    piece = (f'<div class="hm-live" data-live="{html.escape(name)}">'
             f'<script type="application/json">{told}</script>'
             f'<p class="hm-stand-in">{html.escape(words)}</p></div>')
    display({"text/html": piece, "text/plain": words}, raw=True)


def choices(recipe: Recipe, images: int) -> dict:
    """Return a recipe, with so many images, as `book/assets/training.js` takes it.

    The rule of the first weights and the weight decay are told for each weight matrix.

    Raises
    ------
    ValueError
        If it makes a choice that the twin in JavaScript does not have.
    """
    told = recipe.but(images=images, init=recipe.init_per_matrix,
                      weight_decay=recipe.decay_per_matrix).to_dict()
    for field in dataclasses.fields(recipe):
        if field.name not in TWIN and getattr(recipe, field.name) != field.default:
            raise ValueError(f"{field.name} must be {field.default!r} for a live piece, "
                             f"got {getattr(recipe, field.name)!r}")
    return {name: choice for name, choice in told.items() if name in TWIN}
