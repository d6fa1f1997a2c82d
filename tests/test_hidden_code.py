"""Code that a page hides is short: what stands in several chapters belongs into handmlp/book."""

import ast
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted((Path(__file__).parent.parent / "book").glob("*.ipynb"))
HIDDEN = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
DRAWS = ("show(", "slider(", "sliders(", "choice(", "live(")

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def hidden_cells(path):
    """Cells whose code a reader does not see: pairs of the tags and the source."""
    for cell in nbformat.read(path, as_version=4).cells:
        tags = set(cell.metadata.get("tags", ()))
        if cell.cell_type == "code" and tags & HIDDEN and not tags & {"check", "solution"}:
            yield tags, cell.source


def is_set_up(tags, source) -> bool:
    """Imports are folded for the reader's sake, and hide nothing."""
    first = ast.parse(source).body[0]
    return "hide-input" in tags and isinstance(first, ast.Import | ast.ImportFrom)


@each_chapter
def test_a_chapter_hides_at_most_150_lines_beyond_its_drawings(path):
    lines = [len(source.splitlines()) for tags, source in hidden_cells(path)
             if "drawing" not in tags and not is_set_up(tags, source)]
    assert sum(lines) <= 150, f"lines of the hidden cells: {lines}"


@each_chapter
def test_a_drawing_draws_and_says_nothing(path):
    for tags, source in hidden_cells(path):
        if "drawing" in tags:
            assert any(draws in source for draws in DRAWS), source
            assert "say(" not in source, source


def test_no_function_of_more_than_two_lines_stands_in_two_chapters():
    where = {}
    for path in CHAPTERS:
        for cell in nbformat.read(path, as_version=4).cells:
            for function in ast.walk(ast.parse(cell.source if cell.cell_type == "code" else "")):
                if isinstance(function, ast.FunctionDef) and len(function.body) > 1:
                    same = ast.unparse(function).replace(function.name, "f")
                    where.setdefault(same, set()).add(path.stem)
    assert not {same: sorted(paths) for same, paths in where.items() if len(paths) > 1}
