"""What a committed chapter may hold, and that the strict check of its numbers is strict."""

import ast
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import chapter
import nbformat
import pytest
import reading
from refresh import METADATA, refreshed

ROOT = Path(__file__).parent.parent
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("*.ipynb"))
ONE = next((path for path in CHAPTERS if path.name.startswith("01")), None)  # where one will do

INTERVAL = re.compile(r"(?:\(|interval )[+−]?\d+\.\d+ to [+−]?\d+\.\d+")

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def cells(path, kind="code"):
    """Cells of one kind, each with its number among the code cells as nbval counts them."""
    notebook = nbformat.read(path, as_version=4)
    return list(enumerate(cell for cell in notebook.cells if cell.cell_type == kind))


def texts(output):
    """Pairs of the kind and the text of what an output holds."""
    if output.output_type == "stream":
        return [(output.name, output.text)]
    return list(output.get("data", {}).items())


# --- the book -----------------------------------------------------------------------------------


def test_the_contents_name_every_chapter_once():
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    listed = re.findall(r"(?:root|file): *['\"]?([\w/-]+)", contents)
    there = [f"book/{path.stem}" for path in BOOK.iterdir() if path.suffix in (".ipynb", ".md")]
    assert sorted(listed) == sorted(there)


# --- each chapter -------------------------------------------------------------------------------


@each_chapter
def test_metadata_names_no_machine_and_holds_no_widgets(path):
    assert nbformat.read(path, as_version=4).metadata == METADATA


@each_chapter
def test_outputs_are_text_that_repeats(path):
    for number, cell in cells(path):
        for output in cell.outputs:
            assert output.get("name") != "stderr", f"cell {number} commits stderr"
            assert not output.get("traceback"), f"cell {number} commits a traceback"
            for kind, text in texts(output):
                assert not kind.startswith("image/"), f"cell {number} commits a figure"
                assert "widget" not in kind, f"cell {number} commits a widget"
                assert "\r" not in text, f"cell {number} commits a carriage return"
                assert not re.search(r"\b(it|run)/s\b", text), f"cell {number}: a progress bar"
                assert " at 0x" not in text, f"cell {number} commits an object's address"
                assert kind != "text/html" or "</svg>" not in text, f"cell {number}: a drawing"


@each_chapter
def test_every_cell_was_run_from_the_top(path):
    # nbval passes over a cell that was never run, whatever it prints.
    counts = [cell.execution_count for _, cell in cells(path) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))


@each_chapter
def test_a_cell_outside_the_strict_check_says_why(path):
    for number, cell in cells(path):
        assert "NBVAL" not in cell.source, f"cell {number}: use a tag, not a comment"
        tags = {tag for tag in cell.metadata.get("tags", ()) if tag.startswith("nbval")}
        if tags:
            assert tags == {"nbval-ignore-output"}, f"cell {number}: {tags}"
            assert re.match(r"# Not compared: \w", cell.source), f"cell {number} gives no reason"
            assert cell.outputs == [], f"cell {number}: what is not compared is not committed"


@each_chapter
def test_code_that_a_reader_sees_fits_the_page(path):
    for number, cell in cells(path):
        if not {"remove-input", "remove-cell", "hide-cell", "hide-input"} & set(
            cell.metadata.get("tags", ())
        ):
            longest = max(cell.source.splitlines(), key=len, default="")
            assert len(longest) <= 100, f"cell {number}: {longest}"


@each_chapter
def test_a_quoted_function_fits_on_one_screen(path):
    for number, cell in cells(path):
        if not re.search(r"\bquote\(", cell.source):
            continue
        for output in cell.outputs:
            if "text/markdown" in output.get("data", {}):  # prose between two quotes
                continue
            source = textwrap.dedent(output.get("data", {}).get("text/plain", ""))
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.FunctionDef):
                    lines = node.end_lineno - node.lineno + 1
                    assert lines <= 12, f"cell {number}: {node.name} has {lines} lines"


@each_chapter
def test_names_in_the_prose_exist(path):
    prose = "\n".join(cell.source for _, cell in cells(path, "markdown"))
    for name in re.findall(r"`(handmlp(?:\.\w+)+)\b[^`/]*`", prose):
        pkgutil.resolve_name(name)
    for name in re.findall(r"`((?:handmlp|tests|benchmarks)/[\w/]+\.\w+)`", prose):
        assert (ROOT / name).exists(), name


@each_chapter
def test_a_chapter_says_how_long_it_takes_and_none_takes_too_long(path):
    notebook, said = nbformat.read(path, as_version=4), reading.said(path)
    if not path.name[0].isdigit():
        return
    assert said <= 35, f"{reading.minutes(path):.1f} minutes"
    assert f"*About {said} minutes, exercises apart.*" in notebook.cells[0].source
    contents = nbformat.read(BOOK / "intro.ipynb", as_version=4).cells
    rows = [line for cell in contents for line in cell.source.splitlines()
            if line.startswith("|") and f"({path.name})" in line]
    assert [row.split("|")[-2].strip() for row in rows] == [str(said)] * len(rows)


@each_chapter
def test_a_sentence_has_at_most_one_interval(path):
    for cell in nbformat.read(path, as_version=4).cells:
        texts = [cell.source] if cell.cell_type == "markdown" else [
            output.data["text/markdown"] for output in cell.outputs
            if "text/markdown" in output.get("data", {})]
        lines = (line for text in texts for line in text.splitlines() if not line.startswith("|"))
        for sentence in re.split(r"(?<=[.:;?!)]) ", " ".join(lines)):
            assert len(INTERVAL.findall(sentence)) <= 1, sentence


# --- one chapter, run again ---------------------------------------------------------------------


def test_a_second_run_changes_no_byte():
    assert refreshed(ONE) == ONE.read_text("utf-8")


def plant_a_wrong_digit(notebook):
    """Change a digit in the last output that has one; return its cell's number."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in reversed(list(enumerate(code))):
        for output in cell.outputs:
            stream = output.output_type == "stream"
            where, key = (output, "text") if stream else (output.get("data", {}), "text/plain")
            if digit := re.search(r"\d", where.get(key, "")):
                wrong = str((int(digit[0]) + 1) % 10)
                where[key] = where[key][: digit.start()] + wrong + where[key][digit.end() :]
                return number
    raise ValueError("no output has a digit in it")


@pytest.fixture
def check():
    """Run pytest in a folder as a reader would, and return what it says."""
    def call(folder, *options, **environment):
        inherited = {name: text for name, text in os.environ.items()
                     if not name.startswith("PYTEST_")}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "--color=no",
             *map(str, options)], cwd=folder, env=inherited | environment, capture_output=True,
            text=True)
    return call


def test_one_wrong_digit_is_found_and_nothing_else(tmp_path, check):
    folder = tmp_path / "another place"  # a chapter must not depend on where it lies
    folder.mkdir()
    notebook = nbformat.read(ONE, as_version=4)
    number = plant_a_wrong_digit(notebook)
    nbformat.write(notebook, folder / "planted.ipynb")
    result = check(ROOT, "-p", "conftest", "-c", "pyproject.toml", folder)
    failed = re.findall(r"^FAILED .*::Cell (\d+)", result.stdout, re.MULTILINE)
    assert failed == [str(number)], result.stdout + result.stderr
    assert f"Cell {number}: Cell outputs differ" in result.stdout


@pytest.mark.parametrize("where", ["beside it", "elsewhere"])
def test_a_chapter_is_checked_from_any_folder(where, tmp_path, check):
    folder, name = (BOOK, ONE.name) if where == "beside it" else (tmp_path, ONE)
    result = check(folder, name)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_home_that_is_no_folder_reaches_no_cell(tmp_path, check):
    # matplotlib would say so on stderr, in the first cell that draws.
    (tmp_path / "home").touch()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(
        "import matplotlib.pyplot", execution_count=1)])
    nbformat.write(notebook, tmp_path / "plain.ipynb")
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    result = check(ROOT, "-p", "conftest", "-c", "pyproject.toml", tmp_path / "plain.ipynb",
                   MPLCONFIGDIR="", **home)
    assert result.returncode == 0, result.stdout + result.stderr


# --- a new chapter ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def new_book(tmp_path_factory):
    """A book of one chapter, as `make chapter` makes it, that reads this book's record."""
    root = tmp_path_factory.mktemp("a new book")
    (root / "book").mkdir()
    for name in ("_config.yml", "tools", "book/assets", "book/runs.jsonl", "book/references.bib",
                 "book/references.md"):
        (root / name).symlink_to(ROOT / name)
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/references\nchapters:\n")
    chapter.create("12-a-new-idea", root)
    return root


@pytest.mark.parametrize("test", [
    test_metadata_names_no_machine_and_holds_no_widgets, test_outputs_are_text_that_repeats,
    test_every_cell_was_run_from_the_top, test_a_cell_outside_the_strict_check_says_why,
    test_code_that_a_reader_sees_fits_the_page, test_a_quoted_function_fits_on_one_screen,
    test_names_in_the_prose_exist])
def test_a_new_chapter_passes(test, new_book):
    test(new_book / "book" / "12-a-new-idea.ipynb")


def test_a_new_chapter_passes_the_strict_check(new_book, check):
    result = check(ROOT, "-p", "conftest", "-c", "pyproject.toml", new_book / "book")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_new_chapter_builds_without_a_warning(new_book):
    assert "- file: book/12-a-new-idea\n" in (new_book / "_toc.yml").read_text()
    build = Path(sys.executable).with_name("jupyter-book")
    result = subprocess.run([build, "build", new_book, "-W", "-n", "--keep-going"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_new_chapter_follows_those_with_a_lower_number():
    contents = "chapters:\n  - file: book/01-a\n  - file: book/11-b\n  - file: book/lab\n"
    assert chapter.listed("12-c", contents).split() == contents.replace(
        "11-b\n", "11-b\n  - file: book/12-c\n").split()
    assert chapter.listed("05-c", contents).split() == contents.replace(
        "01-a\n", "01-a\n  - file: book/05-c\n").split()


@pytest.mark.parametrize("name", ["", "momentum", "12 rates", "12-Rates", "../12-x", ONE.stem])
def test_no_chapter_is_made_of_a_wrong_or_taken_name(name):
    with pytest.raises(ValueError, match="NAME must"):
        chapter.create(name)
