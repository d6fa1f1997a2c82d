"""In which order an epoch visits the examples."""

from itertools import groupby, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handmlp import file_order, runs_of, shuffled, shuffled_once, sorted_by_class
from handmlp.orders import Order

ALL = [file_order, shuffled_once, shuffled, sorted_by_class, runs_of(3)]
every = pytest.mark.parametrize("order", ALL, ids=repr)
LABELS = np.repeat(np.arange(10), 12)[np.random.default_rng(0).permutation(120)]


def epochs(order: Order, labels=LABELS, seed=0, count=3):
    return list(islice(order.epochs(np.asarray(labels), np.random.default_rng(seed)), count))


@every
@given(labels=st.lists(st.integers(0, 9), min_size=1, max_size=30), seed=st.integers(0, 99))
def test_every_epoch_names_each_row_once(order, labels, seed):
    for rows in epochs(order, labels, seed):
        assert sorted(rows.tolist()) == list(range(len(labels)))


@given(labels=st.lists(st.integers(0, 9), min_size=1, max_size=30), length=st.integers(1, 40))
def test_runs_of_any_length_name_each_row_once(labels, length):
    for rows in epochs(runs_of(length), labels):
        assert sorted(rows.tolist()) == list(range(len(labels)))


@every
def test_what_repeats_and_what_does_not(order):
    first, second, third = epochs(order)
    new_each_time = order in (shuffled, runs_of(3))
    assert np.array_equal(first, second) == np.array_equal(second, third) == (not new_each_time)
    for again, rows in zip(epochs(order), (first, second, third)):
        np.testing.assert_array_equal(again, rows)
    drawn = order not in (file_order, sorted_by_class)
    assert np.array_equal(epochs(order, seed=1)[0], first) == (not drawn)


def test_file_order():
    assert epochs(file_order, [3, 1, 2])[1].tolist() == [0, 1, 2]


def test_sorted_by_class_keeps_the_files_order_within_a_class():
    assert epochs(sorted_by_class, [1, 0, 1, 0])[0].tolist() == [1, 3, 0, 2]


def test_sorted_by_class_keeps_the_files_order_of_many_rows_too():
    rows = np.arange(200)                      # enough that a quicker sort would mix them
    expected = [*rows[::2], *rows[1::2]]
    assert epochs(sorted_by_class, rows % 2)[0].tolist() == expected


def test_runs_hold_equal_labels():
    # 12 rows of each class make four runs of 3; neighbours may be of one class: 3, 6, 9 ...
    for rows in epochs(runs_of(3)):
        lengths = [len(list(run)) for _, run in groupby(LABELS[rows])]
        assert all(length % 3 == 0 for length in lengths)
        assert len(lengths) > 20               # 40 runs, about 36 after neighbours have joined
    for rows in epochs(runs_of(1000)):         # longer than a class: ten runs, in any order
        assert len(list(groupby(LABELS[rows]))) == 10
    starts = [LABELS[rows[0]] for rows in epochs(runs_of(1000), count=8)]
    assert len(set(starts)) > 1


@every
def test_the_global_generator_is_neither_read_nor_moved(order):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    rows = epochs(order)[0]
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(epochs(order)[0], rows)


@pytest.mark.parametrize("length", [0, -1, 2.5, "3", True, None])
def test_a_length_that_makes_no_sense(length):
    with pytest.raises(ValueError, match=f"length must be a whole number from 1, got {length!r}"):
        runs_of(length)
