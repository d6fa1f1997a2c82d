"""How long a chapter takes to read, by a rule: python tools/reading.py [book/NN-x.ipynb ...]

Minutes are words of prose / 180 + rows of displayed formulas / 3 + lines of code in sight / 10 +
figures and controls / 2. Exercises are left out: they take as long as one likes.
"""

import math
import re
import sys
from pathlib import Path

import nbformat

BOOK = Path(__file__).parents[1] / "book"
OUT_OF_SIGHT = {"hide-input", "remove-input", "hide-cell", "remove-cell", "drawing", "answer"}
FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
NO_PROSE = re.compile(r"\(\S+?\.(?:ipynb|md)\S*\)|:::.*|\{cite[:\w]*\}`.*?`")
WORD = re.compile(r"\$.*?\$|[^\W\d_][\w’'-]*")  # a formula in the line is one


def minutes(path: Path) -> float:
    """Return how many minutes the text of a notebook takes, without its exercises."""
    words = rows = lines = pictures = 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and re.search(r"^## Exercises", cell.source, re.MULTILINE):
            break
        texts = [cell.source] if cell.cell_type == "markdown" else [
            output.data["text/markdown"] for output in cell.outputs
            if "text/markdown" in output.get("data", {})]
        if cell.cell_type == "code":
            tags = {*cell.metadata.get("tags", ())}
            pictures += "drawing" in tags
            lines += 0 if tags & OUT_OF_SIGHT else len(cell.source.split("\n"))
        for text in texts:
            rows += sum(1 + formula.count(r"\\") for formula in FORMULA.findall(text))
            words += len(WORD.findall(NO_PROSE.sub("", FORMULA.sub("", text))))
    return words / 180 + rows / 3 + lines / 10 + pictures / 2


def said(path: Path) -> int:
    """Return the minutes that a page says, rounded up to the next five."""
    return 5 * math.ceil(minutes(path) / 5)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(BOOK.glob("*.ipynb"))):
        print(f"{path.name:40s} {minutes(path):5.1f}: about {said(path):.0f} minutes")
