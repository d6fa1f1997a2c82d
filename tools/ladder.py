"""Draw the README's picture from the logbook: python tools/ladder.py"""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from handmlp import load_mnist
from handmlp.book import page, plots
from handmlp.book.story import STEPS, STORY
from handmlp.records import compare

NAMES = [step if len(step) < 12 else "\n".join(step.rsplit(" ", 1)) for step in STEPS]
SEEDS = range(20)
BOOK = Path(__file__).parents[1] / "book"
# A file that GitHub shows knows nothing of the book's style sheet.
STYLE = ("<style>svg{color:#24272c;font-family:system-ui,sans-serif}"
         "@media(prefers-color-scheme:dark){svg{color:#dcdfe4}}</style>")


@plt.rc_context(page.STYLE)
def drawing() -> str:
    """Return the SVG: one point for each of five seeds, and a line for their mean."""
    results = compare(*STORY, data=load_mnist(), seeds=SEEDS, logbook=BOOK / "runs.jsonl")
    means = [100 * results.final(recipe).mean() for recipe in STORY]
    figure, ax = plt.subplots(figsize=(7, 3))
    for place, (recipe, mean) in enumerate(zip(STORY, means)):
        look = plots.line_style(recipe, place) | {"linestyle": ""}
        ax.plot(place + np.linspace(-0.18, 0.18, len(SEEDS)), 100 * results.final(recipe),
                alpha=0.8, markersize=4, **look)
        ax.plot([place - 0.28, place + 0.28], [mean, mean], color=look["color"])
        ax.text(place + 0.32, mean, f"{mean:.1f}", va="center", color=look["color"])
    ax.set(xticks=range(len(STORY)), xticklabels=NAMES, xlim=(-0.5, 6.75), ylim=(50, 100),
           title="digits read right, in %: a point for each seed, a line for the mean")
    ends = ", ".join(f"{name} {mean:.1f} %".replace("\n", " ") for name, mean in zip(NAMES, means))
    text = page.svg(figure, f"Validation accuracy over twenty seeds after each change: {ends}.")
    text = re.sub(r"var\(--hm-[a-z]+, (#\w+)\)", r"\1", text)
    text = text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return text.replace(">", ">" + STYLE, 1) + "\n"


if __name__ == "__main__":
    (BOOK / "assets" / "ladder.svg").write_text(drawing(), "utf-8")
