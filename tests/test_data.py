"""IDX files, the checks on images and labels, and how MNIST is shared out."""

import copy
import dataclasses
import gzip
import hashlib
import math
import pickle
import shutil
import socket
import tracemalloc
from importlib import resources
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from handmlp import Recipe, data, fan_in, run, shuffled, softmax_cross_entropy, tanh, zero_mean
from handmlp.data import Dataset, Splits, as_labels, as_pixels, load_idx, load_mnist, one_hot, split
from handmlp.idx import SHA256, read_idx

# Two images of 2 x 3 pixels, written out by hand.
SIX = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(12)])
rng = np.random.default_rng(0)
DIGITS = rng.integers(0, 256, (6, 4), dtype=np.uint8)
FOLDER = resources.files("handmlp") / "mnist"


def idx(array):
    """Return the bytes of an IDX file, worked out apart from the reader."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def refusal(call, *args, error=ValueError):
    with pytest.raises(error) as caught:
        call(*args)
    return str(caught.value)


# --- IDX files -----------------------------------------------------------------------------------

def test_an_idx_file_written_by_hand(tmp_path):
    (tmp_path / "a").write_bytes(SIX)
    values = read_idx(tmp_path / "a")
    assert values.dtype == np.uint8
    assert values.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]


@pytest.mark.parametrize("name", ["a", "a.gz", "a-idx3-ubyte", "a.idx3-ubyte.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_the_bytes_tell_the_packing_and_not_the_name(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(SIX))
    assert read_idx(tmp_path / name).shape == (2, 2, 3)
    assert read_idx(str(tmp_path / name)).shape == (2, 2, 3)


NAMES = ["train-images-idx3-ubyte", "train-images.idx3-ubyte"]
NAMES += [f"{name}.gz" for name in NAMES]


@pytest.mark.parametrize("asked", [*NAMES, "train-images"])
@pytest.mark.parametrize("there", NAMES)
def test_both_spellings_are_found(tmp_path, asked, there):
    (tmp_path / there).write_bytes(SIX)
    (tmp_path / "train-images-small").mkdir()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"")
    assert read_idx(tmp_path / asked).shape == (2, 2, 3)


@settings(max_examples=50)
@given(array=hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, max_side=5)), packed=st.booleans())
def test_idx_round_trip(tmp_path_factory, array, packed):
    path = tmp_path_factory.mktemp("idx") / "a"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    np.testing.assert_array_equal(read_idx(path), array)


HUGE = bytes([0, 0, 8, 3]) + b"\xff" * 12
BAD_FILES = {
    "empty": (b"", "an empty file"),
    "web page": (b"<!DOCTYPE html><title>403</title>", "a web page"),
    "web page, other start": (b"\xef\xbb\xbf\n <HTML lang=en>", "a web page"),
    "packed web page": (gzip.compress(b"<html>"), "a web page"),
    "another format": (b"PK\3\4 and so on", r"beginning with b'PK\x03\x04'"),
    "packed twice": (gzip.compress(gzip.compress(SIX)), r"beginning with b'\x1f\x8b"),
    "three bytes": (SIX[:3], r"beginning with b'\x00\x00\x08'"),
    "no axes": (b"\0\0\x08\0\7", r"beginning with b'\x00\x00\x08\x00'"),
    "40 axes": (b"\0\0\x08\x28" + bytes(160), "another format"),
    "floats": (b"\0\0\x0d" + SIX[3:], "IDX type 0x0d, not 0x08"),
    "cut header": (SIX[:10], "cut short: 10 bytes"),
    "cut values": (SIX[:-1], "cut short: 27 bytes, sizes (2, 2, 3) promise 28"),
    "trailing byte": (SIX + b"\n", "too many values: sizes (2, 2, 3) promise 28 bytes"),
    "no values": (idx(np.zeros((0, 28, 28), np.uint8)), "no values or too many: sizes (0, 28, 28)"),
    "huge": (HUGE, "sizes (4294967295, 4294967295, 4294967295)"),
    "huge but empty": (HUGE[:4] + bytes(4) + HUGE[8:], "sizes (0, 4294967295, 4294967295)"),
    "packed and cut": (gzip.compress(SIX)[:-3], "ended before the end"),
    "packed, a header only": (gzip.compress(SIX)[:5], "ended before the end"),
    "packed, wrong checksum": (gzip.compress(SIX)[:-5] + b"\0" + gzip.compress(SIX)[-4:],
                               "CRC check failed"),
    "packed, trailing bytes": (gzip.compress(SIX) + b"more", "Not a gzipped file"),
}


@pytest.mark.parametrize(("content", "found"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_named_with_what_was_found_and_what_to_do(tmp_path, content, found):
    (tmp_path / "bad.gz").write_bytes(content)
    message = refusal(read_idx, tmp_path / "bad.gz")
    assert message.startswith(f"{tmp_path / 'bad.gz'}: expected an IDX file of bytes, found ")
    assert found in message
    assert "Get the file again" in message


def test_the_real_file_cut_at_one_megabyte(tmp_path):
    (tmp_path / "a").write_bytes((FOLDER / "train-images-idx3-ubyte.gz").read_bytes()[:1_000_000])
    assert "ended before the end" in refusal(read_idx, tmp_path / "a")


@pytest.mark.parametrize("name", ["gone", ".", "no-folder/train-images-idx3-ubyte"])
def test_a_missing_file_says_where_data_can_be_had(tmp_path, name):
    message = refusal(read_idx, tmp_path / name, error=FileNotFoundError)
    assert message.startswith(str(tmp_path / name))
    for remedy in ("load_mnist()", "torchvision", "TensorFlow Datasets", "handmlp.idx.SHA256"):
        assert remedy in message


def test_a_spoiled_mnist_file_of_the_readers_own_is_suspected(tmp_path):
    name = "t10k-labels-idx1-ubyte"
    content = bytearray(gzip.decompress((FOLDER / f"{name}.gz").read_bytes()))
    (tmp_path / name).write_bytes(content)
    assert read_idx(tmp_path / name).shape == (10_000,)  # no warning, or it would be an error here
    content[5_000] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.warns(UserWarning, match="name and size of an MNIST file but another content"):
        assert read_idx(tmp_path / name).shape == (10_000,)


def test_what_is_promised_is_read_and_no_more(tmp_path):
    zeros = gzip.compress(bytes(2**26), 1)  # by and by 2 GB
    bomb = gzip.compress(SIX) + zeros * 32
    for name, content in {"more": bomb, "less": gzip.compress(HUGE[:4] + b"\0\0\x3f\xff" * 2
                                                              + b"\0\0\0\3" + bytes(99))}.items():
        (tmp_path / name).write_bytes(content)
        tracemalloc.start()
        message = refusal(read_idx, tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert str(tmp_path / name) in message
        assert peak < 3_000_000
    (tmp_path / "much").write_bytes(HUGE[:3] + b"\1\x40\0\0\0" + bytes(99))  # 2**30 and a header
    assert "at most 1,073,741,824 are read" in refusal(read_idx, tmp_path / "much")


def test_a_name_that_fits_two_files_is_refused_and_both_are_named(tmp_path):
    for name in ("digits-idx3-ubyte", "digits.idx1-ubyte.gz"):
        (tmp_path / name).write_bytes(SIX)
    message = refusal(read_idx, tmp_path / "digits")
    assert message == (f"{tmp_path / 'digits'}: could be digits-idx3-ubyte or digits.idx1-ubyte.gz;"
                       " give the whole name of one")
    assert read_idx(tmp_path / "digits-idx1-ubyte").shape == (2, 2, 3)
    (tmp_path / "digits-idx1-ubyte").write_bytes(gzip.compress(SIX))  # the same file, unpacked
    assert read_idx(tmp_path / "digits.idx1-ubyte").shape == (2, 2, 3)
    assert "digits-idx1-ubyte or digits-idx3-ubyte or" in refusal(read_idx, tmp_path / "digits")


def test_load_idx_names_the_file_with_a_label_beyond_the_classes(tmp_path):
    (tmp_path / "images").write_bytes(SIX)
    (tmp_path / "labels").write_bytes(idx(np.array([7, 10], np.uint8)))
    assert load_idx(tmp_path / "images", tmp_path / "labels").classes == 11
    assert load_idx(tmp_path / "images", tmp_path / "labels", 26).classes == 26
    message = refusal(load_idx, tmp_path / "images", tmp_path / "labels", 10)
    assert message.startswith(f"{tmp_path / 'labels'}: labels: expected 2 whole")
    assert "from 0 to 9, " in message
    assert "first bad value 10 in row 1" in message


def test_load_idx_flattens_and_checks_that_the_files_belong_together(tmp_path):
    for name, array in {"images": SIX, "two": idx(np.array([7, 1], np.uint8)),
                        "three": idx(np.array([7, 1, 2], np.uint8))}.items():
        (tmp_path / name).write_bytes(array if isinstance(array, bytes) else idx(array))
    ours = load_idx(tmp_path / "images", tmp_path / "two")
    assert ours.images.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert ours.labels.tolist() == [7, 1]
    for pair in (["images", "three"], ["two", "images"], ["images", "images"], ["two", "two"]):
        message = refusal(load_idx, *(tmp_path / name for name in pair))
        assert all(str(tmp_path / name) in message for name in pair)
        assert "belong together, images first" in message


# --- Images --------------------------------------------------------------------------------------

def test_documented_shapes_agree_row_for_row():
    for images in (DIGITS, DIGITS.reshape(6, 2, 2), DIGITS.tolist(), np.asfortranarray(DIGITS)):
        np.testing.assert_array_equal(as_pixels(images, 4), DIGITS)
    for image in (DIGITS[0], DIGITS[0].reshape(2, 2), DIGITS[:1], DIGITS[0].tolist()):
        np.testing.assert_array_equal(as_pixels(image, 4), DIGITS[:1])
    np.testing.assert_array_equal(as_pixels(DIGITS[::2], 4), DIGITS[[0, 2, 4]])
    np.testing.assert_array_equal(as_pixels(DIGITS[::-1, ::-1], 4), DIGITS[::-1, ::-1])
    assert as_pixels(np.zeros((0, 784)), 784).shape == (0, 784)
    assert as_pixels(np.zeros((0, 28, 28), np.uint8), 784).shape == (0, 784)
    assert as_pixels(np.zeros((3, 6)), 6).shape == (3, 6)  # 6 pixels are no square


def test_bytes_are_not_copied():
    frozen = DIGITS.copy()
    frozen.flags.writeable = False
    assert np.shares_memory(as_pixels(frozen, 4), frozen)
    assert np.shares_memory(as_pixels(frozen.reshape(6, 2, 2), 4), frozen)


@pytest.mark.parametrize("shape", [(784, 1), (784, 5), (5, 783), (783,), (5, 28, 27), (28, 27), (),
                                   (0,), (0, 783), (1, 5, 784), (5, 1, 28, 28), (5, 28, 28, 1)])
def test_other_shapes_are_refused_with_both_shapes(shape):
    message = refusal(as_pixels, np.zeros(shape), 784)
    assert message == ("images: expected shape (784,) or (rows, columns), 784 pixels, with n "
                       f"before it for n images, got {shape}")


@given(images=hnp.arrays(np.uint8, (3, 4)),
       dtype=st.sampled_from(["i2", "i8", "u8", ">i4", "f2", "f4", "f8", ">f8", "g"]))
def test_the_dtype_of_whole_numbers_changes_nothing(images, dtype):
    copy = images.astype(dtype)
    if copy.dtype.kind == "f" and copy.max() == 1:  # the one stated exception
        assert "multiply by 255" in refusal(as_pixels, copy, 4)
        return
    result = as_pixels(copy, 4)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, images)


def test_fractions_are_kept_as_float32():
    result = as_pixels([[0, 0.5, 254.75, 255]], 4)
    assert result.dtype == np.float32
    assert result.tolist() == [[0, 0.5, 254.75, 255]]


@pytest.mark.parametrize("value", [-1, 256, -0.5, 255.5, np.nan, np.inf, -np.inf, 2**40])
def test_what_is_no_pixel_value_is_refused_with_its_place(value):
    images = np.full((3, 4), 9, np.asarray(value).dtype)
    images[1, 2] = images[2, 0] = value
    message = refusal(as_pixels, images, 4)
    assert message == ("images: expected pixel values 0 to 255, "
                       f"got {images[1, 2]} in row 1, pixel 2")


def test_scaled_images_are_refused_and_not_guessed():
    for scaled in (DIGITS / 255, (DIGITS / 255).astype(np.float32), DIGITS > 99):
        assert "looks scaled to 0..1: multiply by 255" in refusal(as_pixels, scaled, 4)
    np.testing.assert_allclose(as_pixels(DIGITS / 255 * 255, 4), DIGITS, atol=1e-4)
    assert as_pixels(np.zeros((2, 4)), 4).max() == 0  # black is black at any scale
    assert as_pixels(np.eye(4, dtype=int), 4).dtype == np.uint8  # whole numbers mean what they say


@pytest.mark.parametrize("images", ["abcd", [["1"] * 4], [[None] * 4], [[1j] * 4], None])
def test_what_is_no_number_is_refused(images):
    message = refusal(as_pixels, images, 4)
    assert message.startswith("images: expected numbers, got shape")


# --- Labels --------------------------------------------------------------------------------------

LABELS = np.array([3, 0, 9, 1])
FORMS = {
    "list": [3, 0, 9, 1], "int64": LABELS, "uint8": LABELS.astype(np.uint8),
    "uint64": LABELS.astype(np.uint64), "float64": LABELS.astype(float), "column": LABELS[:, None],
    "float column": LABELS[:, None].astype(np.float32), "one-hot": np.eye(10)[LABELS],
    "one-hot bytes": np.eye(10, dtype=np.uint8)[LABELS], "compared": LABELS[:, None] == range(10),
    "read-only": np.frombuffer(b"\3\0\x09\1", np.uint8), "reversed": LABELS[::-1].copy()[::-1],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_clear_form_of_labels_is_the_same(form):
    labels = as_labels(form, 4)
    assert labels.dtype == np.int64
    assert labels.tolist() == [3, 0, 9, 1]
    assert not np.shares_memory(labels, LABELS)


@pytest.mark.parametrize(("labels", "said"), [
    ([3, 1.5, 9, 1], "shape (4,), dtype float64, first bad value 1.5 in row 1"),
    ([3, -1, 9, -2], "dtype int64, first bad value -1 in row 1"),
    ([3, 0, 10, 1], "dtype int64, first bad value 10 in row 2"),
    (np.array([[3], [0], [255], [1]], np.uint8), "(4, 1), dtype uint8, first bad value [255]"),
    ([3, 0, 9, np.nan], "dtype float64, first bad value nan in row 3"),
    ([np.inf, 0, 9, 1], "first bad value inf in row 0"),
    (np.array([3, 0, 9, 2**64 - 1], np.uint64), "uint64, first bad value 18446744073709551615 in"),
    ([True, False, True, True], "dtype bool, first bad value True in row 0"),
    (["3", "0", "9", "1"], "shape (4,), dtype <U1, values '3', '0', '9'"),
    ([3, None, 9, 1], "dtype object"),
    ("3", "shape (), dtype <U1, values '3'"),
    (None, "shape (), dtype object"),
    ([3, 0, 9], "expected 4 whole numbers from 0 to 9"),
    ([3, 0, 9], "got shape (3,), dtype int64"),
    ([[3, 0, 9, 1]], "got shape (1, 4)"),
    (np.zeros((4, 4)), "got shape (4, 4)"),
    (np.eye(10)[LABELS].T, "got shape (10, 4)"),
    (np.zeros((4, 10)), "in row 0"),
    (np.full((4, 10), 0.1), "in row 0"),
    (np.eye(10)[LABELS] + (np.arange(4) == 2)[:, None] * np.eye(10)[0], "in row 2"),
])
def test_every_other_form_is_refused(labels, said):
    message = refusal(as_labels, labels, 4)
    assert message.startswith("labels: expected ")
    assert said in message


def test_no_labels_at_all():
    for nothing in ([], np.zeros((0, 1)), np.zeros((0, 10))):
        assert as_labels(nothing, 0).shape == (0,)


def test_one_hot():
    assert one_hot([2, 0], classes=3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot([2, 0]).dtype == np.float32
    assert one_hot([2.0], like=np.zeros(1)).dtype == np.float64
    assert "first bad value 3" in refusal(one_hot, [0, 3], 3)


@given(st.lists(st.integers(0, 9), max_size=20))
def test_labels_come_back_from_one_hot(labels):
    assert as_labels(one_hot(labels), len(labels)).tolist() == labels


# --- Dataset and Splits --------------------------------------------------------------------------

def ten_of_each(n=200):
    images = np.arange(n, dtype=np.uint8)[:, None].repeat(4, axis=1)
    return Dataset(images, np.arange(n) * 10 // n)  # sorted by class


def test_a_dataset_is_a_read_only_copy():
    images, labels = DIGITS.copy(), np.arange(6)
    ours = Dataset(images, labels)
    images[:], labels[:] = 0, 0
    assert ours.images.tolist() == DIGITS.tolist()
    assert ours.labels.tolist() == [0, 1, 2, 3, 4, 5]
    for part in (ours, ours.take([1, 2]), ours.take(slice(2))):
        for array in (part.images, part.labels):
            assert not array.flags.writeable
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        ours.images = images
    assert images.flags.writeable


def test_the_form_that_data_arrive_in_changes_nothing():
    one = Dataset(DIGITS, [0, 1, 2, 3, 4, 5], classes=10)
    for images in (DIGITS.astype(float), DIGITS.reshape(6, 2, 2), np.asfortranarray(DIGITS)):
        other = Dataset(images, np.eye(10)[:6])
        assert Splits(other, one, one).fingerprint == Splits(one, one, one).fingerprint
        assert other.images.flags.c_contiguous


def test_a_dataset_says_what_it_is():
    assert repr(ten_of_each(100)) == "Dataset(100 images of 4 pixels)"
    assert len(ten_of_each(100)) == 100
    assert len(Dataset(np.zeros((0, 4)), [])) == 0


def test_a_dataset_checks_what_it_is_given():
    assert "in row 0, pixel 3" in refusal(Dataset, [[0, 0, 0, np.nan]], [1])
    assert "expected 6 whole numbers" in refusal(Dataset, DIGITS, [1, 2])
    assert "got (784,)" in refusal(Dataset, np.zeros(784), [1])
    assert "got (2, 0)" in refusal(Dataset, np.zeros((2, 0)), [1, 2])
    assert "got (2, 3, 5, 1)" in refusal(Dataset, np.zeros((2, 3, 5, 1)), [1, 2])
    for ragged in ([[1, 2], [3]], [np.zeros(2), np.zeros(3)]):
        for name, pair in {"images": (ragged, [1, 2]), "labels": (DIGITS[:2], ragged)}.items():
            assert refusal(Dataset, *pair).startswith(
                f"{name}: expected numbers in rows of one length, got [")


def test_take():
    ours = Dataset(DIGITS, [0, 1, 2, 3, 4, 5])
    for rows in ([4, 1, 1], np.array([4, 1, 1]), slice(4, 0, -2), np.arange(6) % 4 == 0, []):
        part = ours.take(rows)
        assert part.labels.tolist() == np.arange(6)[rows].tolist()
        assert part.images.tolist() == DIGITS[rows].tolist()
        assert part.images.flags.c_contiguous
    for rows in (2, np.int64(2), None):
        assert "expected a slice, a list or a mask" in refusal(ours.take, rows, error=TypeError)
    dim = Dataset([[0.5, 0, 0, 0], [9.5, 0, 0, 0]], [1, 2])
    assert dim.take([0]).images.tolist() == [[0.5, 0, 0, 0]]


def test_fingerprint_sees_every_change():
    one = Dataset(DIGITS, [0, 1, 2, 3, 4, 5])
    pixel = DIGITS.copy()
    pixel[5, 3] ^= 1
    others = [Dataset(pixel, one.labels), Dataset(DIGITS, [0, 1, 2, 3, 4, 4]), one.take([0]),
              Dataset(DIGITS * 0.5, one.labels), one.take([1, 0, 2, 3, 4, 5])]
    prints = [Splits(one, one, one).fingerprint]
    for other in others:
        prints += [Splits(other, one, one).fingerprint, Splits(one, other, one).fingerprint,
                   Splits(one, one, other).fingerprint]
    wide, more = Dataset(DIGITS.reshape(3, 8), [0, 1, 2]), Dataset(DIGITS, one.labels, classes=7)
    prints += [Splits(wide, wide, wide).fingerprint, Splits(one, more, one).fingerprint,
               Splits(more, one, one).fingerprint]  # 7 classes to draw wrong labels from
    assert len(set(prints)) == len(prints) == 19
    assert all(len(name) == 12 and int(name, 16) for name in prints)
    empty = Splits(one.take([]), one, one)
    assert empty.fingerprint == Splits(one.take([]), one, one).fingerprint


def test_split_shuffles_what_it_holds_out_and_keeps_the_order():
    ours = ten_of_each()
    parts = split(ours, test=ours, validation=80)
    train, held = (part.images[:, 0].tolist() for part in (parts.train, parts.validation))
    assert len(train) == 120
    assert len(held) == 80
    assert train == sorted(train)
    assert held == sorted(held)
    assert sorted(train + held) == list(range(200))
    assert held != list(range(120, 200))
    assert set(parts.validation.labels) == set(parts.train.labels) == set(range(10))
    assert parts.test is ours
    for part in (parts.train, parts.validation):  # images and labels did not part
        assert (part.images[:, 0] // 20 == part.labels).all()
    again, other = split(ours, ours, 80), split(ours, ours, 80, seed=1)
    assert again.fingerprint == parts.fingerprint != other.fingerprint


def test_split_warns_of_an_absent_class():
    ours = ten_of_each(20)
    with pytest.warns(UserWarning, match=r"split: validation has no image of class \["):
        split(ours, ours, validation=5)
    two = ten_of_each().take(slice(0, 40))  # only zeros and ones: the other eight are not missed
    split(two, two, validation=20)


@pytest.mark.parametrize("rows", [-1, 200, 201, 2.5, 2.0, 0.2, True, None, [1], math.nan, "2"])
def test_split_leaves_rows_to_train_on(rows):
    message = refusal(split, ten_of_each(), ten_of_each(), rows)
    assert message == ("validation: expected a whole number of rows that leaves some of the 200 to "
                       f"train on, got {rows!r}")
    with pytest.raises(ValueError, match=r"leaves some of the 0 to train on, got 0"):
        split(ten_of_each().take([]), ten_of_each(), 0)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "1"])
def test_split_is_repeatable_or_refuses(seed):
    assert refusal(split, ten_of_each(), ten_of_each(), 80, seed).startswith("seed must be a whole")


@pytest.mark.parametrize("rows", [-1, 0.2, 0.0, True, False, None, [1], {}, "10000"])
def test_mnist_has_a_whole_number_of_images_to_choose_with(rows):
    assert refusal(load_mnist, rows) == f"validation must be a whole number from 0, got {rows!r}"
    assert load_mnist(10_000) is load_mnist(validation=np.int64(10_000)) is load_mnist()


def test_split_may_hold_out_nothing():
    parts = split(ten_of_each(), ten_of_each(), validation=0)
    assert len(parts.validation) == 0
    np.testing.assert_array_equal(parts.train.images, ten_of_each().images)


def test_mislabel_changes_a_share_of_the_labels_and_nothing_else():
    given = ten_of_each()
    before = given.labels.copy()
    wrong = given.mislabel(0.2, np.random.default_rng(0))
    assert (wrong.labels != given.labels).sum() == 0.2 * len(given)
    assert set(wrong.labels) <= set(range(10))
    assert not wrong.labels.flags.writeable
    np.testing.assert_array_equal(given.labels, before)
    np.testing.assert_array_equal(wrong.images, given.images)


@pytest.mark.parametrize("share", [-0.5, 1.5, math.nan, math.inf, True, None, "0.2", [0.2], 1j])
def test_mislabel_takes_a_share(share):
    message = refusal(ten_of_each().mislabel, share, np.random.default_rng(0))
    assert message == f"share must be a share in [0, 1], got {share!r}"


@pytest.mark.parametrize("classes", [2, 3, 27])
def test_mislabel_draws_each_other_class_alike(classes):
    given = Dataset(np.zeros((5200, 1)), np.arange(5200) % classes, classes)
    wrong = given.mislabel(1, np.random.default_rng(0)).labels
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (given.labels, wrong), 1)
    assert not counts.diagonal().any()
    expected = 5200 / classes / (classes - 1)
    others = counts[~np.eye(classes, dtype=bool)]
    assert (abs(others - expected) <= 5 * np.sqrt(expected) + 1).all()


def test_of_one_class_none_can_be_mislabelled():
    alike = Dataset(DIGITS, np.zeros(6, int))
    assert "no other class, got 0.5" in refusal(alike.mislabel, 0.5, np.random.default_rng(0))
    assert alike.mislabel(0, np.random.default_rng(0)).labels.tolist() == [0] * 6


def test_as_many_classes_as_the_labels_tell_or_as_is_said():
    letters = np.arange(6) + 21
    assert Dataset(DIGITS, letters).classes == 27
    assert Dataset(DIGITS, letters[:, None].astype(float)).classes == 27
    assert Dataset(DIGITS, np.eye(40)[letters]).classes == 40
    assert Dataset(DIGITS, letters, 30).classes == 30
    assert Dataset(DIGITS, [999] * 6).classes == 1000
    assert type(Dataset(DIGITS, letters, np.int64(30)).classes) is int
    ours = Dataset(DIGITS, letters)
    assert ours.take([0]).classes == ours.take([]).classes == 27
    assert ours.mislabel(1, np.random.default_rng(0)).classes == 27
    assert Splits(ours.take([0]), Dataset(DIGITS, [29] * 6), ours).classes == 30
    assert load_mnist().classes == load_mnist().test.take([]).classes == 10


@pytest.mark.parametrize(("labels", "classes", "said"), [
    ([26] * 6, 26, "from 0 to 25"), ([1000] * 6, None, "from 0 to 999"),
    ([10**9] * 6, None, "first bad value 1000000000 in row 0"), ([-1] * 6, None, "bad value -1"),
    (np.eye(26)[:6], 27, "got shape (6, 26)"),
    (np.eye(1001)[:6], None, "labels: expected 1 to 1,000 classes, got 1001"),
    *(([0] * 6, wrong, f"labels: expected 1 to 1,000 classes, got {wrong!r}")
      for wrong in (0, -1, 1001, 10**12, 2.0, True, "10", [10])),
])
def test_labels_beyond_the_classes_are_refused(labels, classes, said):
    message = refusal(Dataset, DIGITS, labels, classes)
    assert message.startswith("labels: expected ")
    assert said in message


# 27 x 27 pixels; wider than high; a row; a column; one pixel.
@pytest.mark.parametrize("shape", [(27, 27), (20, 30), (1, 9), (9, 1), (1, 1)])
def test_images_of_any_size(shape):
    images = rng.integers(0, 256, (5, *shape), dtype=np.uint8)
    ours = Dataset(images, [0, 1, 2, 3, 4])
    assert ours.images.tolist() == [image.ravel().tolist() for image in images]
    assert len(Dataset(images[:0], [])) == 0
    if 1 not in shape:  # what was trained on can be asked about, in the same form
        pixels = math.prod(shape)
        np.testing.assert_array_equal(as_pixels(images, pixels), ours.images)
        np.testing.assert_array_equal(as_pixels(images[0], pixels), ours.images[:1])


def test_letters_from_files_are_learned(tmp_path, tiny):
    """As EMNIST has them: labels from 1, and images turned; made of digits and their negatives."""
    stem = f"{tmp_path}/letters-"
    for name, part in {"train": tiny.train, "test": tiny.test}.items():
        images = part.images.reshape(-1, 28, 28).transpose(0, 2, 1)[:, :27, :27]
        both = np.concatenate([images, 255 - images])
        labels = np.concatenate([part.labels + 1, part.labels + 11]).astype(np.uint8)
        Path(f"{stem}{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(both), 1))
        Path(f"{stem}{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    train, test = (load_idx(f"{stem}{name}-images", f"{stem}{name}-labels")
                   for name in ("train", "test"))
    recipe = Recipe(hidden=tanh, output=softmax_cross_entropy, init=fan_in, inputs=zero_mean,
                    order=shuffled, learning_rate=0.1, epochs=3, wrong_labels=0.1)
    network, history = run(recipe, split(train, test, 200), seed=0, test=True)
    assert network.sizes == (27 * 27, 100, 21)
    assert history.last.confusion.shape == (21, 21)
    assert history.last.test_accuracy > 0.5
    found = network.predict(test.images.reshape(-1, 27, 27))
    assert (found == test.labels).mean() == history.last.test_accuracy


@pytest.mark.parametrize("place", [0, 1, 2])
def test_splits_are_of_one_size_and_data(place):
    parts = [Dataset(np.zeros((2, 28, 28)), [0, 1])] * 3
    parts[place] = Dataset(np.zeros((0, 27, 27)), [])  # an empty part too
    name = ["validation", "validation", "test"][place]
    expected = [729, 784, 784][place]
    message = refusal(Splits, *parts)
    assert message.startswith(f"{name} must have images of {expected} pixels, as train has, got ")
    parts[place] = None
    name = ["train", "validation", "test"][place]
    assert refusal(Splits, *parts, error=TypeError) == f"{name} must be a Dataset, got None"
    parts[place] = np.zeros((2, 784))
    assert f"{name} must be a Dataset" in refusal(Splits, *parts, error=TypeError)


COPIES = {"deepcopy": copy.deepcopy, "copy": copy.copy, "replace": dataclasses.replace,
          **{f"pickle {protocol}": lambda value, protocol=protocol: pickle.loads(
              pickle.dumps(value, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)}}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_is_read_only_and_takes_its_own_fingerprint(copied):
    dim = Dataset([[0.5, 0, 0, 0], [9.5, 0, 0, 0]], [1, 2], 30).take([0])
    ours = Splits(Dataset(DIGITS, range(6)), dim, dim)
    known = ours.fingerprint
    other = copied(ours)
    assert "fingerprint" not in vars(other)
    assert other.fingerprint == known
    assert other.classes == 30
    for part in (other.train, other.validation, other.test, copied(ours).test.take([0])):
        assert not part.images.flags.writeable
        assert not part.labels.flags.writeable
        assert part.images.flags.c_contiguous


def place(part):
    return isinstance(part.images.base, np.memmap), part.images.flags.writeable, part.classes


def test_workers_share_the_images(tiny):
    big = Dataset(tiny.train.images, tiny.train.labels, 12)
    told = joblib.Parallel(n_jobs=2, max_nbytes=1000)(joblib.delayed(place)(big) for _ in "ab")
    assert told == [(True, False, 12)] * 2


# --- MNIST ---------------------------------------------------------------------------------------

def test_mnist_is_mnist():
    mnist = load_mnist()
    assert repr(mnist.train) == "Dataset(50,000 images of 784 pixels)"
    assert [len(part) for part in (mnist.train, mnist.validation, mnist.test)] == [
        50_000, 10_000, 10_000]
    assert mnist.train.images.dtype == np.uint8
    # The counts of each digit that are known for the 60,000 and the 10,000.
    both = np.concatenate([mnist.train.labels, mnist.validation.labels])
    assert np.bincount(both).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.test.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    total = sum(part.images.sum(dtype=int) for part in (mnist.train, mnist.validation))
    assert round(total / 255 / 60_000 / 784, 4) == 0.1307  # the mean pixel that is quoted for it


def test_the_held_out_images_never_change():
    assert data.SPLIT_SEED == 1998
    assert load_mnist().fingerprint == "54d9c0324347"
    counts = np.bincount(load_mnist().validation.labels)
    assert counts.min() > 850
    assert counts.max() < 1200


def test_mnist_is_read_once_without_network_and_leaves_nothing(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("asked for the network")
    monkeypatch.setattr(socket, "socket", refuse)
    before = sorted(FOLDER.iterdir())
    state = np.random.get_state()[1].tolist()
    read = data._load_mnist.__wrapped__(FOLDER)  # past the cache, which other tests go on using
    assert read.fingerprint == load_mnist().fingerprint
    assert load_mnist() is load_mnist()
    assert sorted(FOLDER.iterdir()) == before
    assert np.random.get_state()[1].tolist() == state


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "mnist")
    return tmp_path / "mnist"


@pytest.mark.parametrize("name", SHA256)
def test_one_flipped_bit_is_caught(copied, name):
    path = copied / f"{name}.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[len(content) // 2] ^= 1
    path.write_bytes(gzip.compress(content, 1))
    message = refusal(data._load_mnist, copied)
    assert message.startswith(f"{path}: expected content of SHA-256 {SHA256[name]}, found "
                              f"{hashlib.sha256(content).hexdigest()}")
    assert "install handmlp again" in message


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_one_flipped_bit_of_the_packed_file_is_caught(copied, place):
    path = copied / "t10k-labels-idx1-ubyte.gz"
    packed = bytearray(path.read_bytes())
    packed[math.floor(len(packed) * place)] ^= 1
    path.write_bytes(packed)
    message = refusal(data._load_mnist, copied)
    assert str(path) in message
    assert SHA256["t10k-labels-idx1-ubyte"] in message


def test_a_lost_file_is_named(copied):
    (copied / "t10k-labels-idx1-ubyte.gz").unlink()
    message = refusal(data._load_mnist, copied, error=FileNotFoundError)
    assert str(copied / "t10k-labels-idx1-ubyte.gz") in message
    assert "torchvision" in message


def test_the_sums_are_those_in_the_notes_beside_the_files():
    notes = (FOLDER / "README.md").read_text("utf-8")
    for name, known in SHA256.items():
        assert f"`{name}.gz`" in notes
        assert f"`{known}`" in notes
