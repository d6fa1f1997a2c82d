"""Whatever a file holds and whatever a recipe or a set of data is given: an answer, or one
sentence of an error that is documented; no warning, no other error, and little memory.

`make fuzz` tries many more inputs than a plain run of the tests.
"""

import dataclasses
import gzip
import io
import json
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import handmlp
from handmlp import Dataset, Network, Recipe, Splits
from handmlp.idx import read_idx

PEAK = 2**25  # bytes; the files are of some kB
fuzzed = settings(max_examples=max(300, settings.default.max_examples))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


def answer(call, *beginnings):
    """Return what a call answers, or None if it refuses, saying what; it may take little memory."""
    tracemalloc.start()
    try:
        return call()
    except (ValueError, TypeError) as error:
        message = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < PEAK
    assert message.startswith(beginnings)
    return None


def idx_file(array, kind=8):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


def npz_file(members, method=zipfile.ZIP_STORED):
    """Return an .npz with members that are arrays, or bytes to stand in the place of one."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, member in members.items():
            if not isinstance(member, bytes):
                npy = io.BytesIO()
                np.lib.format.write_array(npy, np.asanyarray(member))
                member = npy.getvalue()
            archive.writestr(f"{name}.npy", member)
    return made.getvalue()


def saved(sizes=(4, 3, 2)):
    count = sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))
    return {"format": np.int64(1), "sizes": np.array(sizes), "hidden": np.str_("tanh"),
            "flat": np.linspace(-1, 1, count, dtype=np.float32), "scale": np.float32(255),
            "output": np.str_("softmax_cross_entropy"), "shift": np.zeros(sizes[0], np.float32)}


@st.composite
def spoiled(draw, files):
    """Draw a file and spoil it: bytes written over, cut out, put in or said twice."""
    content = bytearray(draw(files))
    for _ in range(draw(st.integers(0, 4))):
        # The beginning and the end of a file say most about it.
        place = draw(st.integers(-60, 60) | st.integers(0, len(content))) % (len(content) + 1)
        length = draw(st.integers(0, 9) | st.integers(0, len(content)))
        put_in = draw(st.binary(max_size=8) | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f"])
                      | st.just(bytes(content[place:place + length] * 2)))
        content[place:place + draw(st.sampled_from([len(put_in), length, 0]))] = put_in
    return bytes(content)


# --- IDX files -----------------------------------------------------------------------------------

def pack(content):
    return gzip.compress(content, 1)


ARRAYS = hnp.arrays(np.uint8, hnp.array_shapes(max_dims=5, max_side=9))
WHOLE_IDX = st.builds(idx_file, ARRAYS, st.just(8) | st.integers(0, 255))
HEADERS = st.builds(lambda sizes: bytes([0, 0, 8, len(sizes)]) +
                    b"".join(size.to_bytes(4, "big") for size in sizes),
                    st.lists(st.integers(0, 70) | st.integers(0, 2**32 - 1), max_size=5))
BOMBS = st.builds(lambda head, zeros, tail: head + bytes(zeros) + tail,
                  HEADERS, st.integers(0, 2**22), st.binary(max_size=3))
IDX = st.one_of(WHOLE_IDX, HEADERS, st.binary(max_size=80), BOMBS.map(pack), WHOLE_IDX.map(pack),
                spoiled(WHOLE_IDX).map(pack),
                st.builds(lambda a, b: pack(a) + pack(b), WHOLE_IDX, WHOLE_IDX))


@fuzzed
@given(spoiled(IDX))
def test_any_file_is_read_as_idx_or_refused_by_name(path, content):
    path.write_bytes(content)
    values = answer(lambda: read_idx(path), f"{path}: expected an IDX file of bytes, found ")
    if values is None:
        return
    # What was read says all that the file holds.
    unpacked = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    assert idx_file(values) == unpacked


# --- Saved networks ------------------------------------------------------------------------------

METHODS = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2,
                           zipfile.ZIP_LZMA])
ODD_ARRAYS = hnp.arrays(st.one_of(
    hnp.scalar_dtypes(), hnp.unicode_string_dtypes(max_len=9), hnp.byte_string_dtypes(max_len=9)),
    hnp.array_shapes(min_dims=0, max_dims=3, max_side=5))
DESCRIPTIONS = st.sampled_from([
    "'<f4'", "'>f8'", "'<U9'", "'|O'", "'|V9'", "'<i8'", "'<f2'", "'a9'", "'<M8[s]'", "'<f4' 'L'",
    "'<U999999999'", "[('a', '<f4')]", "('<f4', (2,))", "'\\d'", "None", "1", "[]", "''"])
SHAPES = st.sampled_from([
    "()", "(2,)", "(23,)", "(3,)", "(-1,)", "(23L,)", "(10**9,)", "(4000000000,)", "(True,)",
    "None", "(1.0,)", "[3]", "(0,)", "(0, 2)", "(" * 300 + ")" * 300, "'\\d'", f"({'9' * 5000},)"])
MAGIC = st.builds(lambda version: b"\x93NUMPY" + bytes([version, 0]), st.integers(1, 4))


def npy(magic, descr, fortran, shape, values, length):
    head = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    wide = 2 if magic.endswith(b"\1\0") else 4
    length = len(head) if length is None else length
    return magic + length.to_bytes(wide, "little") + head + values


ODD_MEMBERS = st.builds(npy, MAGIC, DESCRIPTIONS, st.sampled_from(["False", "True", "3"]), SHAPES,
                        st.binary(max_size=100), st.none() | st.integers(0, 65535))
SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=4) | st.lists(
    st.integers(-1, 2**33), max_size=4) | st.lists(st.just(1), min_size=99, max_size=102)
NAMES = ["format", "sizes", "flat", "hidden", "output", "shift", "scale", "more"]
NPZ = st.builds(
    lambda sizes, changes, gone, method: npz_file(
        {name: held for name, held in (saved(sizes) | changes).items() if name != gone}, method),
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.dictionaries(st.sampled_from(NAMES), st.one_of(
        ODD_ARRAYS, ODD_MEMBERS, spoiled(ODD_MEMBERS), SIZES.map(lambda s: np.array(s, np.int64)),
        st.sampled_from([np.zeros(10**6, np.float32), np.str_("relu"), np.str_("np"), np.int64(1),
                         np.str_("tanh("), np.str_("Value"), np.str_("(" * 500)])), max_size=2),
    st.none() | st.sampled_from(NAMES), METHODS)


@fuzzed
@given(spoiled(NPZ) | NPZ | st.binary(max_size=80))
def test_any_file_is_loaded_as_a_network_or_refused_by_name(path, content):
    path.write_bytes(content)
    network = answer(lambda: Network.load(path), f"{path} is damaged or not a saved network: ")
    if network is None:
        return
    images = np.zeros((2, network.sizes[0]), np.uint8)
    told = answer(lambda: network.probabilities(images), "this network cannot answer: ")
    assert told is None or told.shape == (2, network.sizes[-1])


# --- Recipes -------------------------------------------------------------------------------------

CHOICES = [handmlp.logistic, handmlp.tanh, handmlp.relu, handmlp.softmax_cross_entropy,
           handmlp.logistic_squared_error, handmlp.fan_in, handmlp.normal(0.1), handmlp.he,
           handmlp.unit_range, handmlp.zero_mean, handmlp.mean_of(0.5), handmlp.inverted,
           handmlp.shuffled, handmlp.runs_of(7), handmlp.sorted_by_class, handmlp.file_order,
           handmlp.constant, handmlp.falling, handmlp.one_cycle(0.5), handmlp.undistorted,
           handmlp.shifted(1), handmlp.elastic(degrees=9)]
SCALARS = st.one_of(
    st.integers(-2, 3), st.integers(), st.floats(), st.floats(0, 1), st.booleans(), st.none(),
    st.text(max_size=3), st.complex_numbers(), st.fractions(), st.decimals(),
    st.sampled_from([10**400, -10**400, np.int64(3), np.float32(0.5), np.float64(0.5),
                     np.bool_(True), np.array(3), np.array([0.5]), np.datetime64("2015"), float,
                     np.longdouble(0.5), np.longdouble("1e4000"), object(), ..., b"1"]),
    st.sampled_from(CHOICES), st.sampled_from([type(choice) for choice in CHOICES]))
VALUES = SCALARS | st.recursive(SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.sets(st.integers()),
    st.dictionaries(st.text(max_size=2), inner, max_size=2)), max_leaves=4)
FIELDS = {  # what is right, or nearly
    "units": st.lists(st.integers(-1, 9), max_size=3) | st.integers(0, 9),
    "hidden": st.sampled_from(CHOICES[:4]), "output": st.sampled_from(CHOICES[2:5]),
    "init": st.sampled_from(CHOICES[4:8]) | st.lists(st.sampled_from(CHOICES[4:8]), max_size=3),
    "targets": st.tuples(st.floats(-0.1, 1), st.floats(0, 1.1)),
    "inputs": st.sampled_from(CHOICES[7:12]),
    "order": st.sampled_from(CHOICES[11:16]), "learning_rate": st.floats(0, 10),
    "batch_size": st.integers(0, 20), "epochs": st.integers(-1, 9), "momentum": st.floats(0, 1),
    "weight_decay": st.lists(st.floats(0, 1), max_size=3) | st.floats(-0.1, 1),
    "nesterov": st.booleans() | st.integers(0, 1), "schedule": st.sampled_from(CHOICES[15:20]),
    "dropout": st.floats(0, 1), "distortion": st.sampled_from(CHOICES[18:]),
    "rate_decay": st.floats(0, 1), "images": st.none() | st.integers(0, 99),
    "wrong_labels": st.floats(0, 1), "fold": st.tuples(st.integers(0, 3), st.integers(1, 4))}
ONE = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.fixed_dictionaries({name: FIELDS[name] | VALUES}))
SOME = st.builds(lambda most, one: most | one, st.fixed_dictionaries({}, optional=FIELDS), ONE)


def test_each_choice_is_tried():
    assert FIELDS.keys() == {field.name for field in dataclasses.fields(Recipe)}


@fuzzed
@given(SOME | ONE, SOME | ONE)
def test_any_choice_makes_a_recipe_or_is_refused_by_name(first, changes):
    recipe = Recipe()
    for chosen in (first, changes):
        recipe = answer(lambda: recipe.but(**chosen), *chosen) or recipe  # noqa: B023
    assert recipe == recipe.but()
    assert hash(recipe) == hash(recipe.but())
    assert eval(repr(recipe), vars(handmlp).copy()) == recipe
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()), object_hook=tuples)) == recipe
    assert recipe.changes_from(Recipe()).keys() <= first.keys() | changes.keys()


def tuples(told):
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in told.items()}


# --- Data ----------------------------------------------------------------------------------------

SHAPED = hnp.arrays(st.one_of(hnp.scalar_dtypes(), st.just(np.dtype("u1"))),
                    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
SIZED = st.integers(0, 4).flatmap(lambda n: st.tuples(
    hnp.arrays(st.sampled_from(["u1", "i8", "f4", "f8"]), st.tuples(
        st.just(n), st.integers(1, 3), st.integers(1, 3)), elements=st.integers(0, 255)),
    st.one_of(st.lists(st.integers(0, 4), min_size=n, max_size=n),
              st.lists(st.integers(-1, 1001), min_size=n, max_size=n),
              st.permutations(range(5)).map(lambda rows: np.eye(5)[rows[:n]]))))
PAIRS = SIZED | st.tuples(SHAPED | VALUES, SHAPED | VALUES) | st.builds(
    lambda pair, odd: (pair[0], odd), SIZED, SHAPED | VALUES)
CLASSES = st.none() | st.integers(3, 6) | VALUES


@fuzzed
@given(PAIRS, CLASSES, VALUES, VALUES)
def test_any_data_make_a_dataset_or_are_refused_by_name(pair, classes, share, rows):
    ours = answer(lambda: Dataset(*pair, classes), "images: ", "labels: ")
    if ours is None:
        return
    assert ours.images.dtype in (np.uint8, np.float32)
    assert 0 <= ours.images.min(initial=0) <= ours.images.max(initial=0) <= 255
    assert ours.labels.shape == (len(ours.images),)
    assert all(0 <= label < ours.classes <= 1000 for label in ours.labels)
    assert Splits(ours, ours, ours).classes == ours.classes
    answer(lambda: ours.mislabel(share, np.random.default_rng(0)), "share must be ")
    answer(lambda: handmlp.split(ours, ours, 0, rows), "seed must be ", "validation: expected ")
    with warnings.catch_warnings(action="ignore"):  # that a class is absent
        answer(lambda: handmlp.split(ours, ours, rows), "validation: expected ")
