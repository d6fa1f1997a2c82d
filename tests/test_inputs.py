"""From pixel values to what the network sees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from handmlp import (
    Recipe,
    centred,
    centred_each,
    inverted,
    mean_of,
    unit_range,
    zero_mean,
    zero_mean_per_pixel,
)
from handmlp.inputs import LEAST, zero_mean_each
from handmlp.runs import draw

ALL = [unit_range, inverted, centred, centred_each, zero_mean, mean_of(2.0), zero_mean_each,
       zero_mean_per_pixel]
every = pytest.mark.parametrize("inputs", ALL, ids=repr)

# Two images of two pixels. All four numbers have mean 5 and standard deviation 5.
IMAGES = np.array([[0, 10], [10, 0]], np.uint8)


@pytest.mark.parametrize(("inputs", "expected"), [
    (unit_range, [[0, 0.2], [1, 0.4]]),          # 51 / 255 = .2, 102 / 255 = .4
    (inverted, [[1, 0.8], [0, 0.6]]),            # (51 - 255) / -255 = .8
], ids=repr)
def test_scalings_that_ask_nothing_of_the_data(inputs, expected):
    pixels = np.array([[0, 51], [255, 102]], np.uint8)
    np.testing.assert_allclose(inputs.fit(IMAGES)(pixels), expected, rtol=1e-6)


def test_zero_mean_by_hand():
    # (0 - 5) / 5 = -1, (10 - 5) / 5 = 1; an image shown later gets the same two numbers: 20 -> 3
    scaling = zero_mean.fit(IMAGES)
    assert scaling(IMAGES).tolist() == [[-1, 1], [1, -1]]
    assert scaling(np.array([[20, 5]], np.uint8)).tolist() == [[3, 0]]


def test_centred_shifts_and_leaves_the_spread():
    # The mean of all is 7, those of the two pixels are 5 and 9; 255 grey levels are 1.
    images = np.array([[0, 7], [10, 11]], np.uint8)
    one, each = centred.fit(images)(images), centred_each.fit(images)(images)
    np.testing.assert_allclose(one, np.array([[-7, 0], [3, 4]]) / 255, atol=1e-7)
    np.testing.assert_allclose(each, np.array([[-5, -2], [5, 2]]) / 255, atol=1e-7)


def test_mean_of_by_hand():
    assert mean_of(2).fit(IMAGES)(IMAGES).tolist() == [[1, 3], [3, 1]]


def test_each_pixel_has_mean_zero_and_one_scale_serves_all():
    # Variances 25 and 1, and their mean is 13: the bright pixel stays five times as loud.
    images = np.array([[0, 7], [10, 9]], np.uint8)
    expected = np.array([[-5, -1], [5, 1]]) / np.sqrt(13)
    np.testing.assert_allclose(zero_mean_each.fit(images)(images), expected, rtol=1e-6)


def test_each_pixel_by_itself_and_a_constant_one_becomes_zero():
    # First pixel: mean 5, standard deviation 5. Second: always 7, so only its mean goes.
    scaling = zero_mean_per_pixel.fit(np.array([[0, 7], [10, 7]], np.uint8))
    assert scaling(np.array([[0, 7], [10, 7], [5, 9]], np.uint8)).tolist() == [[-1, 0], [1, 0],
                                                                               [0, 0]]


def test_a_pixel_that_hardly_changed_does_not_outshout_the_others():
    """Grey 1 in one of 50,000 images: a standard deviation of 1/224, raised to `LEAST`."""
    images = np.zeros((50_000, 2), np.uint8)
    images[7, 0] = 1
    x = zero_mean_per_pixel.fit(images)(np.full((1, 2), 255, np.uint8))
    np.testing.assert_allclose(x, [[255 / LEAST, 0]], rtol=1e-4)


def test_a_bright_pixel_where_there_was_none_changes_no_answer(tiny):
    network = draw(Recipe(inputs=zero_mean_per_pixel), tiny, np.random.default_rng(0))
    lit = tiny.test.images.copy()
    lit[:, tiny.train.images.std(axis=0) == 0] = 255
    np.testing.assert_array_equal(network.probabilities(lit),
                                  network.probabilities(tiny.test.images))


@every
def test_images_that_are_all_alike_stay_finite(inputs):
    for grey in (0, 255, 0.1):
        images = np.full((3, 4), grey, np.float32)
        assert np.isfinite(inputs.fit(images)(images)).all()


def test_mean_and_spread_of_the_digits(tiny):
    images = tiny.train.images
    for inputs in (zero_mean, mean_of(2.0)):
        x = inputs.fit(images)(images)
        np.testing.assert_allclose([x.mean(dtype=float), x.std(dtype=float)],
                                   [2.0 if inputs == mean_of(2.0) else 0.0, 1], atol=1e-5)
    x = zero_mean_per_pixel.fit(images)(images).astype(float)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    raw = images.std(axis=0)
    np.testing.assert_allclose(x.std(axis=0), np.where(raw < LEAST, raw / LEAST, 1), atol=1e-5)


@every
@given(data=st.data())
def test_bytes_do_not_wrap_round(inputs, data):
    """Arithmetic on 8-bit pixels would wrap at 256: 0 - 5 = 251."""
    images = data.draw(hnp.arrays(np.uint8, (4, 3)))
    expected = inputs.fit(images.astype(np.float64))(images.astype(np.float64))
    for dtype in (np.uint8, np.int16, np.int64, np.float32):
        np.testing.assert_array_equal(inputs.fit(images.astype(dtype))(images.astype(dtype)),
                                      expected)


@every
def test_float32_comes_out_and_the_callers_images_are_left_alone(inputs):
    images = np.arange(24, dtype=np.uint8).reshape(4, 6)
    images.flags.writeable = False
    expected = inputs.fit(images)(images)
    assert expected.dtype == np.float32
    for view in (np.asfortranarray(images), np.repeat(images, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(inputs.fit(view)(view), expected)
    assert images.ravel().tolist() == list(range(24))
    assert inputs.fit(images)(images[:0]).shape == (0, 6)
