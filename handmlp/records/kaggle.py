"""Take part in Kaggle's Digit Recognizer: `python -m handmlp.records.kaggle train.csv test.csv`.

train.csv has the columns label and pixel0 to pixel783, and test.csv the pixels alone, in any order;
each file may be packed with gzip. What is written has the columns ImageId, from 1, and Label.
"""

import argparse
import csv
import gzip
import io
import os
import reprlib
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter

import numpy as np
from scipy.stats import binomtest
from tqdm.auto import tqdm

from handmlp import Recipe, he, one_cycle, relu, shifted, shuffled, zero_mean
from handmlp.data import Dataset, split
from handmlp.measures import Epoch
from handmlp.network import whole_or_not
from handmlp.outputs import softmax_cross_entropy
from handmlp.runs import start
from handmlp.training import Diverged

# What chapters 12 and 15 found to matter: cross-entropy, scaled first weights and shuffling; then
# relu, more units, and images moved by a pixel. Finer distortions need more than a minute.
RECIPE = Recipe(units=800, hidden=relu, output=softmax_cross_entropy, init=he, inputs=zero_mean,
                order=shuffled, learning_rate=0.1, batch_size=128, epochs=10, momentum=0.9,
                nesterov=True, schedule=one_cycle(), distortion=shifted(1))
HELD = 10  # one image in so many is held out
LABELS, LEVELS = ({str(number): number for number in range(count)} for count in (10, 256))
TEST = {f"pixel{i}": LEVELS for i in range(784)}  # what the cells of each column may say
TRAIN = {"label": LABELS} | TEST
LONGEST = 2**16  # characters of a line to read at once: 10,000 do, and other files may have no ends


def read(path: str | os.PathLike, columns: dict[str, dict[str, int]]) -> np.ndarray:
    """Return the numbers of one of the competition's files, a row each, as `columns` has them.

    `columns` is `TRAIN` or `TEST`.

    Raises
    ------
    ValueError
        If the file cannot be read or is another, saying what is wrong and where.
    """
    try:
        with open(path, "rb") as file:
            packed = file.peek(2).startswith(b"\x1f\x8b")
            text = io.TextIOWrapper(gzip.GzipFile(fileobj=file) if packed else file, "utf-8-sig",
                                    newline="")
            numbers = b"".join(_rows(text, columns))
        if not numbers:
            raise ValueError("expected images, found none below the header")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected a CSV file in UTF-8, found other bytes") from None
    except (OSError, EOFError, zlib.error, csv.Error, ValueError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    return np.frombuffer(numbers, np.uint8).reshape(-1, len(columns))


def _rows(text: io.TextIOBase, columns: dict[str, dict[str, int]]) -> Iterator[bytes]:
    rows = csv.reader(iter(lambda: text.readline(LONGEST), ""), strict=True)
    header, is_blank = next(rows, []), False
    expected, found = Counter([*columns]), Counter(header)
    if expected != found:
        missing, more = (reprlib.repr([*names]) for names in (expected - found, found - expected))
        is_other = expected["label"] != found["label"]
        order = "; train.csv comes first, then test.csv" if is_other else ""
        raise ValueError(f"expected the names {next(iter(columns))} to pixel783, each once, found "
                         f"{missing} missing, {more} doubled or unknown{order}")
    pick = itemgetter(*map(header.index, columns))
    for row in rows:
        if row and is_blank:  # passed over, it would give each image after it another's number
            raise ValueError(f"line {rows.line_num - 1}: expected an image, found a blank line")
        if row and len(row) != len(header):
            raise ValueError(f"line {rows.line_num}: expected {len(header)} cells as in the "
                             f"header, found {len(row)}")
        is_blank = not row
        try:
            yield bytes(map(dict.__getitem__, columns.values(), pick(row))) if row else b""
        except KeyError as error:
            name = next(name for name in columns if row[header.index(name)] not in columns[name])
            raise ValueError(f"line {rows.line_num}, {name}: expected a whole number from 0 to "
                             f"{len(columns[name]) - 1}, found {reprlib.repr(error.args[0])}"
                             ) from None


def submit(train: str, test: str, out: str, recipe: Recipe = RECIPE, seed: int = 0) -> Epoch:
    """Train on one file, write what the images of the other are called; return the last epoch.

    Raises
    ------
    ValueError, Diverged
        If a file is not as it must be, or the loss does not stay finite.
    OSError
        If `out` cannot be written: then it is not written at all.
    """
    if os.path.isdir(out or ".") or os.path.realpath(out) in map(os.path.realpath, (train, test)):
        raise ValueError(f"{out}: expected a file to write, found a folder or a file to read")
    with whole_or_not(out) as file:
        file.touch()  # so that it is said before the training if there is nowhere to write
        known, asked = read(train, TRAIN), read(test, TEST)
        if len(known) < HELD:
            raise ValueError(f"{train}: expected at least {HELD} images, found {len(known)}")
        known = Dataset(known[:, 1:], known[:, 0], len(LABELS))
        data = split(known, known.take(slice(0)), len(known) // HELD)  # no test images are known
        network, epochs = start(recipe, data, seed)
        bar = tqdm(epochs, "training", recipe.epochs + 1, unit="epoch")
        for epoch in bar:
            bar.set_postfix_str(f"{epoch.validation_accuracy:.2%} of those held out")
        lines = (f"{i},{label}\n" for i, label in enumerate(network.predict(asked), 1))
        file.write_text("ImageId,Label\n" + "".join(lines), "ascii", newline="\n")
    return epoch


def main(arguments: list[str] | None = None, recipe: Recipe = RECIPE) -> int:
    """Do what the command line says; return 0 if the submission is written."""
    parser = argparse.ArgumentParser("python -m handmlp.records.kaggle", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", help="images with labels, such as train.csv or train.csv.gz")
    parser.add_argument("test", help="images without")
    parser.add_argument("--out", default="submission.csv", help="file to write (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the order")
    options = parser.parse_args(arguments)
    try:
        epoch = submit(options.train, options.test, options.out, recipe, options.seed)
    except (ValueError, Diverged, OSError) as error:
        is_out = isinstance(error, OSError)  # a file to read has been named already
        print(f"{options.out}: {error.strerror}" if is_out else error, file=sys.stderr)
        return 1
    held, right = int(epoch.confusion.sum()), int(epoch.confusion.trace())
    low, high = binomtest(right, held).proportion_ci(method="wilson")
    print(f"{options.out} is written. Of {held:,} images held out, {right / held:.2%} are read "
          f"right; by chance alone, others may come out anywhere from {low:.2%} to {high:.2%}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
