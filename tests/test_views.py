"""The views of the record run, each held against another way to reckon it."""

import numpy as np
import pytest
from views import COLUMNS, VIEWS, all_seen, deslanted, narrowed, seen


def test_a_digit_is_made_upright_row_by_row(tiny):
    """An independent way: the slant by NumPy's fit of a line, each row read by its `interp`."""
    leaning, place = tiny.train.images[:40], np.arange(28)
    upright = deslanted(leaning)
    slants = []
    for before, after in zip(leaning.reshape(-1, 28, 28), upright.reshape(-1, 28, 28)):
        y, x = np.nonzero(before)
        middle = np.average(y, weights=before[y, x])
        slants.append(np.polyfit(y - middle, x, 1, w=np.sqrt(before[y, x]))[0])
        rows = [np.interp(place + slants[-1] * (row - middle), place, before[row], 0, 0)
                for row in place]
        inside = np.s_[:, 1:-1]  # at the frame's edge `interp` ends at once, and we fade
        np.testing.assert_allclose(after[inside], np.rint(rows)[inside], atol=1)
        y, x = np.nonzero(after)
        assert abs(np.polyfit(y, x, 1, w=np.sqrt(after[y, x]))[0]) < 0.05  # some ink is cut off
    assert max(slants) - min(slants) > 0.5
    assert upright.dtype == np.uint8


def test_a_digit_is_made_narrow_column_by_column(tiny):
    """An independent way: each row read by NumPy's `interp` where its new places look."""
    digits, place = tiny.train.images[:40], np.arange(28)
    for before, after in zip(digits.reshape(-1, 28, 28), narrowed(digits).reshape(-1, 28, 28)):
        columns = np.flatnonzero((before > 60).any(axis=0))
        width, middle = np.ptp(columns) + 1, (columns[0] + columns[-1]) / 2
        looks = (place - 13.5) * width / COLUMNS + middle
        rows = [np.interp(looks, place, row, 0, 0) for row in before]
        inside = (looks >= 0) & (looks <= 27)  # at the frame's edge `interp` ends at once
        np.testing.assert_allclose(after[:, inside], np.rint(rows)[:, inside], atol=1)


def test_narrow_digits_are_all_about_as_wide_and_stand_in_the_middle(tiny):
    def ends(images):
        inked = (images.reshape(-1, 28, 28) > 60).any(axis=1)
        return np.array([np.flatnonzero(line)[[0, -1]] for line in inked])

    before, after = (ends(each) for each in (tiny.train.images, narrowed(tiny.train.images)))
    assert np.ptp(before, axis=1).std() > 3
    assert np.abs(np.ptp(after, axis=1) + 1 - COLUMNS).max() <= 4  # a thin stroke is drawn out
    assert np.abs(after.mean(axis=1) - 13.5).max() <= 1


def test_nothing_stays_nothing():
    assert not narrowed(np.zeros((2, 784), np.uint8)).any()


@pytest.mark.parametrize("view", VIEWS)
def test_it_does_not_matter_how_many_are_looked_at_together(view, tiny):
    images = tiny.train.images[:60]
    np.testing.assert_array_equal(seen(images, view)[:7], seen(images[:7], view))
    assert seen(images, view).dtype == np.uint8
    assert seen(images[:0], view).shape == (0, 784)


def test_all_parts_are_seen_and_keep_their_labels(tiny):
    shown = all_seen(tiny, "upright and narrow")
    for name in ("train", "validation", "test"):
        part, before = getattr(shown, name), getattr(tiny, name)
        np.testing.assert_array_equal(part.images, narrowed(deslanted(before.images)))
        np.testing.assert_array_equal(part.labels, before.labels)
