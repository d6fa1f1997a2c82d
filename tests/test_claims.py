"""No page says that one thing beats another where the interval beside it covers zero."""

import re
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted((Path(__file__).parents[1] / "book").glob("*.ipynb"))
NUMBER = r"([+−-]?\d+(?:\.\d+)?)"
INTERVAL = re.compile(rf"95\s%\sinterval:?\s(?:of\s|from\s)?{NUMBER}\sto\s{NUMBER}")
CLAIM = re.compile(r"\b(better|best|worse|helps?|gains?|improves?|wins?|beats?|costs?|loses?|higher"
                   r"|lower)\b", re.IGNORECASE)
DENIAL = re.compile(r"\b(no|not|none|nothing|neither|nor|cannot|covers? zero|leaves? open)\b",
                    re.IGNORECASE)


def sentences(text):
    """Split Markdown into sentences and table rows; a full stop inside a number is none."""
    return re.split(r"(?<=[.?!])\s+(?=[A-Z*`$\[])|\n", text)


def false_claims(text):
    """Return the sentences that claim a difference which their own interval leaves open."""
    for sentence in sentences(text):
        for low, high in INTERVAL.findall(sentence):
            low, high = (float(number.replace("−", "-")) for number in (low, high))
            if low <= 0 <= high and CLAIM.search(sentence) and not DENIAL.search(sentence):
                yield sentence


def spoken(path):
    """Return all that a page says: its Markdown, and the text that its code has put there."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", ()):
            yield output.get("text", "") or output.get("data", {}).get("text/plain", "")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_claim_goes_beyond_its_interval(path):
    assert [claim for text in spoken(path) for claim in false_claims(text)] == []


def test_a_claim_beyond_its_interval_is_found():
    open_ = "Tanh is better: +0.11 points (95 % interval −0.11 to +0.33, 5 pairs)."
    assert list(false_claims(f"Look. {open_} So be it.")) == [open_]
    assert not list(false_claims(open_.replace("is better", "makes no difference that we see")))
    assert not list(false_claims(open_.replace("−0.11 to", "+0.02 to")))
    assert list(false_claims(open_.replace("better", "worse").replace(" %", "\u00a0%")))


def test_intervals_are_there_to_be_read():
    assert sum(len(INTERVAL.findall(text)) for path in CHAPTERS for text in spoken(path)) > 10
