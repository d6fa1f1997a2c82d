"""Every exercise has a check that hears a wrong answer, a cell to answer in, and a solution.

That the outputs below are what the cells print is for nbval to see.
"""

import re
from pathlib import Path

import nbformat
import pytest

from handmlp.book.checks import is_missing

BOOK = Path(__file__).parents[1] / "book"
CHAPTERS = sorted(path for path in BOOK.glob("*.ipynb")
                  if "## Exercises" in path.read_text("utf-8"))
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
PARTS = ["check", "answer", "solution"]


def parts(path):
    """The cells of a chapter's exercises, each with its part."""
    for cell in nbformat.read(path, as_version=4).cells:
        found = [part for part in PARTS if part in cell.metadata.get("tags", ())]
        if found:
            yield found[0], cell


def printed(cell):
    """The lines that a cell prints."""
    return [line for output in cell.outputs if output.output_type == "stream"
            for line in output.text.splitlines()]


def asked(cell):
    """The number of the exercise that a cell checks last: the 3 of check_3(...)."""
    return int(re.findall(r"\bcheck_(\d+)\(", cell.source)[-1])


@each_chapter
def test_each_exercise_is_complete_and_numbered(path):
    text = path.read_text("utf-8")
    found = [*parts(path)]
    assert [part for part, _ in found] == PARTS * (len(found) // 3)
    assert [asked(cell) for _, cell in found] == [1 + place // 3 for place in range(len(found))]
    numbers = {int(number) for number in re.findall(r"admonition\}+ Exercise (\d+)", text)}
    assert numbers == {*range(1, len(found) // 3 + 1)}


@each_chapter
def test_a_check_hears_a_wrong_answer(path):
    for part, cell in parts(path):
        if part == "check":
            said = printed(cell)
            assert said, cell.source
            assert said[0].startswith("not yet: "), said
            assert "remove-cell" in cell.metadata.tags, cell.source
            assert f"def check_{asked(cell)}(" in cell.source


@each_chapter
def test_an_empty_answer_is_missing_and_not_wrong(path, capsys):
    assert is_missing(...)
    missing = capsys.readouterr().out.splitlines()
    for part, cell in parts(path):
        if part == "answer":
            assert "..." in cell.source
            assert {*printed(cell)} == {*missing}, cell.source
            assert not {"remove-cell", "hide-cell", "hide-input"} & {*cell.metadata.tags}


@each_chapter
def test_a_solution_passes_its_check(path):
    for part, cell in parts(path):
        if part == "solution":
            said = printed(cell)
            assert any(line == "right" or line.startswith("reached: ") for line in said), said
            assert not any(line.startswith("not yet") for line in said), said
            assert "hide-cell" in cell.metadata.tags


@each_chapter
def test_solutions_and_checks_stay_folded_in_jupyterlab(path):
    for part, cell in parts(path):
        folded = cell.metadata.get("jupyter", {})
        assert folded == ({} if part == "answer" else {"source_hidden": True,
                                                       "outputs_hidden": True})
