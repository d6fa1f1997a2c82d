"""Kaggle's files: a right submission, or one sentence, and never half a file."""

import contextlib
import csv
import gzip
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handmlp import Dataset, Recipe, fan_in, run, softmax_cross_entropy, split
from handmlp.records import kaggle

# Without a hidden layer, so that a run takes milliseconds.
TINY = Recipe(units=(), output=softmax_cross_entropy, init=fan_in, learning_rate=0.1, epochs=3)
NAMES = [f"pixel{i}" for i in range(784)]
PACKED = b"\x1f\x8b"
pytestmark = pytest.mark.filterwarnings("ignore:split. ")  # so few images lack a class


def table(images, labels=None):
    """Return a file of the competition as a list of lines, each a list of cells."""
    numbers = images if labels is None else np.column_stack([labels, images])
    return [["label"] * (labels is not None) + NAMES, *([*map(str, row)] for row in numbers)]


def content(lines, end="\n"):
    return "".join(",".join(line) + end for line in lines).encode()


@pytest.fixture(scope="module")
def made(tiny):
    """The two files, made from MNIST: 200 images with labels, 30 without."""
    train = table(tiny.train.images[:200].tolist(), tiny.train.labels[:200].tolist())
    return train, table(tiny.test.images[:30].tolist())


@pytest.fixture(scope="module")
def right(tiny):
    """What the submission must say: that of the package's own run on the same images."""
    return submission(Dataset(tiny.train.images[:200], tiny.train.labels[:200], 10),
                      tiny.test.images[:30])


def submission(known, asked):
    data = split(known, known.take(slice(0)), len(known) // 10)
    called = run(TINY, data, 0)[0].predict(asked)
    return "ImageId,Label\n" + "".join(f"{i + 1},{called[i]}\n" for i in range(len(asked)))


def attempt(folder, train, test, *options):
    """Write two files, if they are bytes, and run the command on them.

    Returns the submission if there is one, or else the sentence, after looking that all else is
    as it must be.
    """
    for name, given_ in [("train.csv", train), ("test.csv", test)]:
        path = folder / name
        path.unlink(missing_ok=True)
        if given_ is not None:
            path.write_bytes(given_)
    out, before = folder / "submission.csv", sorted(folder.iterdir())
    said, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
        code = kaggle.main([f"{folder / 'train.csv'}", f"{folder / 'test.csv'}", "--out", f"{out}",
                            *options], TINY)
    assert sorted(folder.iterdir()) == sorted({*before, out} if code == 0 else before)
    if code == 0:
        assert re.fullmatch(r".*submission\.csv is written\. Of \d+ images held out, .* read right"
                            r".*\n", said.getvalue())
        text = out.read_bytes().decode()
        out.unlink()
        return text
    sentence = re.sub("\r.*\n(?=.)", "", complaint.getvalue())  # the bar, if training had begun
    assert code == 1
    assert said.getvalue() == ""
    assert re.fullmatch(r"\S.{10,600}\n", sentence), sentence
    return sentence.replace(f"{folder}/", "").rstrip()


# --- files of every right kind -------------------------------------------------------------------


def other_order(lines):
    order = np.random.default_rng(0).permutation(len(lines[0]))
    return [[line[i] for i in order] for line in lines]


def quoted(lines):
    return [[f'"{cell}"' for cell in lines[0]], *lines[1:]]


RIGHT = {
    "plain": content,
    "CRLF": lambda lines: content(lines, "\r\n"),
    "CR": lambda lines: content(lines, "\r"),
    "byte order mark": lambda lines: b"\xef\xbb\xbf" + content(lines),
    "blank last line": lambda lines: content(lines) + b"\r\n",
    "blank last lines": lambda lines: content(lines) + b"\n\n\n",
    "no last line end": lambda lines: content(lines).rstrip(),
    "quoted header": lambda lines: content(quoted(lines)),
    "quoted cells": lambda lines: content(quoted(quoted(lines)[::-1])[::-1]),
    "packed": lambda lines: gzip.compress(content(lines), 1),
    "packed in two parts": lambda lines: gzip.compress(content(lines[:9]), 1) + gzip.compress(
        content(lines[9:]), 1),
    "other order": lambda lines: content(other_order(lines)),
    "all at once": lambda lines: gzip.compress(b"\xef\xbb\xbf" + content(
        quoted(other_order(lines)), "\r\n") + b"\r\n", 1)}


@pytest.mark.parametrize("kind", RIGHT.values(), ids=RIGHT)
def test_each_right_kind_of_file_gives_the_submission_of_the_packages_own_run(
        kind, made, right, tmp_path):
    assert attempt(tmp_path, *map(kind, made)) == right


def test_the_columns_of_the_two_files_may_stand_in_different_orders(made, right, tmp_path):
    assert attempt(tmp_path, content(made[0]), content(other_order(made[1]))) == right


def test_the_seed_is_that_of_the_run_and_one_seed_repeats(made, right, tmp_path):
    one, two = (attempt(tmp_path, *map(content, made), "--seed", seed) for seed in ("1", "1"))
    assert one == two
    assert one != right
    assert attempt(tmp_path, *map(content, made), "--seed=-1").startswith("seed must be ")


def test_an_old_submission_is_replaced_or_stays(made, right, tmp_path):
    (tmp_path / "submission.csv").write_text("old")
    attempt(tmp_path, b"", content(made[1]))
    assert (tmp_path / "submission.csv").read_text() == "old"
    assert attempt(tmp_path, *map(content, made)) == right


def test_a_submission_can_be_read_and_is_mostly_right(mnist, tmp_path):
    train = mnist.train.take(slice(1000))
    text = attempt(tmp_path, content(table(train.images.tolist(), train.labels.tolist())),
                   content(table(mnist.test.images[:200].tolist())))
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [int(row["ImageId"]) for row in rows] == [*range(1, 201)]
    assert np.mean([int(row["Label"]) for row in rows] == mnist.test.labels[:200]) > 0.75


def test_the_command_shows_its_bar_and_its_own_recipe_learns(made, tmp_path):
    for name, lines in zip(["train.csv", "test.csv"], made):
        (tmp_path / name).write_bytes(content(lines))
    done = subprocess.run([sys.executable, "-m", "handmlp.records.kaggle", "train.csv", "test.csv"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = re.fullmatch(r"submission\.csv is written\. Of 20 images held out, (.*)% are read "
                        r"right; by chance alone, .* from (.*)% to (.*)%\.\n", done.stdout)
    right, low, high = map(float, said.groups())
    assert 0 <= low < right < high <= 100
    assert re.search(r"training: 100%.*held out", done.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "submission.csv", "test.csv", "train.csv"]


# --- other files: one sentence -------------------------------------------------------------------


def with_cell(lines, row, column, cell):
    changed = [line.copy() for line in lines]
    changed[row][column] = cell
    return changed


def without(lines, column):
    return [line[:column] + line[column + 1:] for line in lines]


WRONG = {  # what becomes of the lines of train.csv, and what is said
    "no file": (lambda lines: None, "train.csv: No such file or directory"),
    "empty": (lambda lines: b"", "expected the names label to pixel783, .* missing"),
    "only blank": (lambda lines: b"\n\n", "expected the names label to pixel783"),
    "header alone": (lambda lines: content(lines[:1]), "expected images, found none"),
    "few images": (lambda lines: content(lines[:6]), "at least 10 images, found 5"),
    "no CSV": (lambda lines: b"<!doctype html>\n<p>404</p>", r"unknown$|unknown;"),
    "a picture": (lambda lines: b"\x89PNG\r\n\x1a\n\xff\xd8", "expected a CSV file in UTF-8"),
    "a zip archive": (lambda lines: b"PK\x03\x04\x14\0\xff\xfe", "expected a CSV file in UTF-8"),
    "semicolons": (lambda lines: content(lines).replace(b",", b";"), "missing"),
    "no header": (lambda lines: content(lines[1:]), "missing"),
    "missing column": (lambda lines: content(without(lines, 9)), r"\['pixel8'\] missing, \[\]"),
    "no label": (lambda lines: content(without(lines, 0)), "train.csv comes first, then test.csv"),
    "doubled column": (lambda lines: content(with_cell(lines, 0, 9, "pixel3")),
                       r"\['pixel8'\] missing, \['pixel3'\] doubled"),
    "one column more": (lambda lines: content([[*line, line[-1]] for line in lines]),
                        r"\[\] missing, \['pixel783'\] doubled"),
    "no line ends": (lambda lines: content(lines, ","), "missing"),
    "a blank line within": (lambda lines: content(lines[:6]) + b"\n" + content(lines[6:]),
                            "line 7: expected an image, found a blank line"),
    "a short row": (lambda lines: content([*lines[:6], lines[6][:-1], *lines[7:]]),
                    "line 7: expected 785 cells as in the header, found 784"),
    "a long row": (lambda lines: content([*lines[:6], [*lines[6], "0"], *lines[7:]]),
                   "line 7: expected 785 cells as in the header, found 786"),
    "half a row at the end": (lambda lines: content(lines)[:-700], "line 201: expected 785 cells"),
    "an open quote": (lambda lines: content(with_cell(lines, 6, 4, '"0')), "unexpected end of data"
                                                                         "|field larger than"),
    "UTF-16": (lambda lines: content(lines).decode().encode("utf-16"), "expected a CSV"),
    "UTF-16 without a mark": (lambda lines: content(lines).decode().encode("utf-16-le"), "missing"),
    "UTF-32": (lambda lines: content(lines).decode().encode("utf-32"), "expected a CSV"),
    "Latin-1": (lambda lines: content(with_cell(lines, 3, 3, "é")).decode().encode("latin-1"),
                "expected a CSV file in UTF-8"),
    "EBCDIC": (lambda lines: content(lines).decode().encode("cp037"), "in UTF-8|missing"),
    "packed and cut short": (lambda lines: gzip.compress(content(lines), 1)[:-300], "ended before"),
    "packed and damaged": (lambda lines: gzip.compress(content(lines), 1)[:-300] + bytes(300), "."),
    "packed twice": (lambda lines: gzip.compress(gzip.compress(content(lines), 1)), "in UTF-8"),
    "a NUL byte": (lambda lines: content(with_cell(lines, 6, 4, "\0")),
                   r"line 7, pixel3: .* 0 to 255, found '\\x00'"),
    "a NUL byte in the header": (lambda lines: content(with_cell(lines, 0, 4, "pixel3\0")),
                                 r"\['pixel3'\] missing, \['pixel3\\x00'\]"),
    "huge number": (lambda lines: content(with_cell(lines, 6, 4, "9" * 5000)), "line 7, pixel3"),
    "huger number": (lambda lines: content(with_cell(lines, 6, 4, "9" * 200_000)), "line 7"),
    "zeros without end": (lambda lines: gzip.compress(bytes(2**24)), "missing|field larger"),
} | {f"pixel {cell!r}": (lambda lines, cell=cell: content(with_cell(lines, 6, 4, cell)),
                         "line 7, pixel3: expected a whole number from 0 to 255, found ")
     for cell in ["", "-1", "256", "0.5", "1e2", "nan", "x", " 7", "007", "+7", "1_0", "0x7", "٣"]
} | {f"label {cell!r}": (lambda lines, cell=cell: content(with_cell(lines, 6, 0, cell)),
                         "line 7, label: expected a whole number from 0 to 9, found ")
     for cell in ["", "-1", "10", "3.0", "seven"]}


@pytest.mark.parametrize(("spoil", "said"), WRONG.values(), ids=WRONG)
def test_each_wrong_kind_of_file_gets_one_sentence(spoil, said, made, tmp_path):
    sentence = attempt(tmp_path, spoil(made[0]), content(made[1]))
    assert sentence.startswith("train.csv: ")
    assert re.search(said, sentence), sentence


@pytest.mark.parametrize("spoil", [
    lambda lines: None, lambda lines: b"", lambda lines: content(lines[:1]),
    lambda lines: content(without(lines, 3)), lambda lines: content(lines)[:-700],
    lambda lines: content(with_cell(lines, 6, 4, "256"))])
def test_the_other_file_gets_one_too(spoil, made, tmp_path):
    assert attempt(tmp_path, content(made[0]), spoil(made[1])).startswith("test.csv: ")


def test_swapped_files_are_seen(made, tmp_path):
    train, test = map(content, made)
    assert "train.csv comes first, then test.csv" in attempt(tmp_path, test, train)
    assert "train.csv comes first, then test.csv" in attempt(tmp_path, train, train)
    assert "train.csv comes first, then test.csv" in attempt(tmp_path, test, test)


def test_a_folder_is_no_file(made, tmp_path):
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "train.csv").mkdir()
    with contextlib.redirect_stderr(io.StringIO()) as said:
        assert kaggle.main([f"{tmp_path}/digits/train.csv", "x", "--out", f"{tmp_path}/out"]) == 1
    assert said.getvalue() == f"{tmp_path}/digits/train.csv: Is a directory\n"


@pytest.mark.parametrize(("out", "said"), [
    ("nowhere/out.csv", "No such file or directory"), ("train.csv/out.csv", "Not a directory"),
    ("folder", "expected a file to write"), ("train.csv", "expected a file to write"),
    ("folder/../test.csv", "expected a file to write"), ("o" * 300, "File name too long"),
    ("", "expected a file to write"), ("a\0b", "null byte")])
def test_where_nothing_can_be_written_one_sentence_says_so_and_nothing_changes(
        out, said, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert said in attempt(tmp_path, *map(content, made), "--out", out)
    assert (tmp_path / "train.csv").read_bytes() == content(made[0])


def test_a_disk_that_is_full_at_the_end_leaves_the_old_submission(made, tmp_path, monkeypatch):
    (tmp_path / "submission.csv").write_text("old")

    def full(path, text, *options, **more):
        path.write_bytes(text[:9].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    assert attempt(tmp_path, *map(content, made)) == "submission.csv: No space left on device"
    assert (tmp_path / "submission.csv").read_bytes() == b"old"


# --- any file ------------------------------------------------------------------------------------

ODD_CELLS = st.sampled_from(["", "0", "9", "255", "256", "-1", "1.0", "nan", "9" * 400, "\0", " 7",
                             '"7"', '"', '"7', "٣", "label", "pixel0", "5,5", "5\n", "\r", "é"])
PLACES = st.integers(0, 10) | st.integers(-60, -1) | st.integers(0, 10**6)
EDITS = st.lists(st.tuples(st.sampled_from(["cell", "line", "lines", "column"]), PLACES, PLACES,
                           ODD_CELLS), max_size=2)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
ENCODINGS = st.sampled_from([*["utf-8"] * 5, "utf-8-sig", "utf-16", "latin-1", "cp037"])
SLIPS = st.lists(st.tuples(PLACES, st.integers(0, 9) | PLACES, st.booleans(),
                           st.binary(max_size=8) | st.sampled_from([b"0", b",", b"\n", b"\0"])),
                 max_size=1)
PLANS = st.tuples(EDITS, ENDS, ENCODINGS, st.integers(0, 3), SLIPS)


def spoiled(lines, plan):
    """Return a file that a plan has spoiled: its cells, lines and columns, then its bytes."""
    edits, end, encoding, packing, slips = plan
    lines = [line.copy() for line in lines]
    for what, at, place, cell in edits:
        at, column = at % len(lines), place % 785
        if what == "cell":
            lines[at][column:column + 1] = [cell]
        elif what == "line":  # gone, blank, cut short, or said twice
            line = lines[at]
            lines[at:at + 1] = [[], [[]], [line[:column]], [line, line.copy()]][place % 4]
        elif what == "lines":
            lines[at:] = lines[at:][::-1]
        else:  # a column goes elsewhere
            for line in lines:
                line[at:at], line[column:column + 1] = line[column:column + 1], []
    text = content(lines, end).decode().encode(encoding, "replace")
    made = bytearray(text if packing else gzip.compress(text, 1))
    for place, length, is_put_in, more in slips:
        place %= len(made) + 1
        made[place:place if is_put_in else max(0, place + length)] = more
    return bytes(made)


def independently(content):
    """Read a file another way: NumPy's reader of text, and its columns by name."""
    text = (gzip.decompress(content) if content.startswith(PACKED) else content).decode("utf-8-sig")
    names = text.splitlines()[0].replace('"', "").split(",")
    numbers = np.loadtxt(io.StringIO(text, None), int, delimiter=",", skiprows=1, quotechar='"',
                         ndmin=2)
    images = numbers[:, [names.index(name) for name in NAMES]]
    assert len(names) == numbers.shape[1] == 784 + ("label" in names)
    return images, numbers[:, names.index("label")] if "label" in names else None


@pytest.fixture(scope="module")
def spoil(tiny):
    """A function that spoils two files, of forty images with labels and of four without."""
    both = (table(tiny.train.images[:40].tolist(), tiny.train.labels[:40].tolist()),
            table(tiny.test.images[:4].tolist()))
    return lambda *plans: map(spoiled, both, plans)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kaggle")


COUNT = {"submission": 0, "sentence": 0}


@settings(max_examples=max(500, settings.default.max_examples))
@given(PLANS, PLANS)
def test_any_file_gives_a_right_submission_or_one_sentence(spoil, folder, first, second):
    train, test = spoil(first, second)
    got = attempt(folder, train, test)
    COUNT["submission" if got.startswith("ImageId") else "sentence"] += 1
    if got.startswith("ImageId"):
        images, labels = independently(train)
        asked, nothing = independently(test)
        assert nothing is None
        assert got == submission(Dataset(images, labels, 10), asked)
    else:
        assert re.match(r"(train|test)\.csv: ", got), got


def test_both_ends_were_met_often():
    # Hypothesis also tries constants of the modules that happen to be loaded: the count varies.
    assert min(COUNT.values()) > 25, COUNT
