"""Distortions: what an image shows afterwards, against SciPy and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from handmlp import Dataset, Recipe, Splits, elastic, run, shifted, undistorted
from handmlp.distortions import Distortion, look_off

OURS = [shifted(2), elastic(), elastic(20, 3, 15, 0.15)]


@pytest.mark.parametrize("size", [0.3, 2.0, 40.0])
def test_between_pixels_it_interpolates_as_scipy_does(size):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 9, 9), np.uint8)
    field = rng.normal(0, size, (2, 3, 9, 9))
    ours = look_off(images, field)
    assert ours.dtype == np.uint8
    for image, off, changed in zip(images, field.transpose(1, 0, 2, 3), ours):
        framed = np.pad(image, 1).astype(float)  # beyond the frame all is 0, as beyond the image
        there = np.clip(np.indices((9, 9)) + 1 + off, 0, 10)
        theirs = ndimage.map_coordinates(framed, there, order=1)
        np.testing.assert_allclose(changed, theirs, atol=0.501)


def test_a_whole_step_moves_what_is_seen_the_other_way_and_leaves_0_behind():
    image = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3)
    field = np.array([1, 0]).reshape(2, 1, 1, 1)
    np.testing.assert_array_equal(look_off(image, field)[0], [[4, 5, 6], [7, 8, 9], [0, 0, 0]])


def test_without_a_field_nothing_changes(tiny):
    images = tiny.train.images.reshape(-1, 28, 28)
    np.testing.assert_array_equal(look_off(images, np.zeros((2, len(images), 1, 1))), images)
    for nothing in (undistorted, elastic(0)):
        np.testing.assert_array_equal(nothing(tiny.train.images, np.random.default_rng(0)),
                                      tiny.train.images)


def test_shifts_are_whole_steps_in_all_directions_equally_often():
    image = np.zeros((28, 28), np.uint8)
    image[10, 12] = 255
    images = np.tile(image.ravel(), (9000, 1))
    moved = shifted(1)(images, np.random.default_rng(0))
    assert (moved.sum(axis=1) == 255).all()
    places, counts = np.unique(moved.argmax(axis=1), return_counts=True)
    assert places.tolist() == [28 * row + column for row in (9, 10, 11) for column in (11, 12, 13)]
    assert np.abs(counts - 1000).max() < 150  # five standard deviations


def test_the_noise_is_smoothed_as_scipy_smooths():
    """The field again, from the same random numbers, by SciPy's Gaussian filter."""
    distortion = elastic(30, 3)
    field = distortion.field(4, 28, np.random.default_rng(0))
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 4, 28, 28))
    smooth = ndimage.gaussian_filter(noise, 3, mode="constant", truncate=20, axes=(2, 3))
    # It makes the weights of the bell add up to 1, we its integral: .01 % apart.
    np.testing.assert_allclose(field, 30 * smooth, rtol=1e-3, atol=1e-4)


def test_turning_and_stretching_leave_the_middle_and_keep_right_angles():
    """Without noise the field is linear in the place: a turn, then a stretch down and across."""
    field = elastic(0, 4, 20, 0.2).field(200, 29, np.random.default_rng(0))
    np.testing.assert_allclose(field[:, :, 14, 14], 0, atol=1e-12)
    down = field[:, :, 15, 14] + [[1], [0]]     # where the next pixel down and the one right look
    right = field[:, :, 14, 15] + [[0], [1]]
    longer = 1 / np.hypot(down[0], right[0])
    wider = 1 / np.hypot(down[1], right[1])
    angle = np.degrees(np.arctan2(down[1] * wider, down[0] * longer))
    np.testing.assert_allclose(np.arctan2(-right[0] * longer, right[1] * wider),
                               np.radians(angle), atol=1e-9)
    for found, most in ((angle, 20), (longer - 1, 0.2), (wider - 1, 0.2)):
        assert np.abs(found).max() <= most
        assert np.abs(found).max() > 0.95 * most
        assert abs(np.mean(found)) < 0.15 * most


@pytest.mark.parametrize("distortion", OURS, ids=repr)
def test_each_image_in_its_own_way_and_by_the_generator_alone(tiny, distortion):
    images = np.repeat(tiny.train.images[:1], 700, axis=0)
    once = distortion(images, np.random.default_rng(3))
    again = distortion(images, np.random.default_rng(3))
    other = distortion(images, np.random.default_rng(4))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()
    assert len(np.unique(once, axis=0)) >= 25          # of 25 shifts by up to 2, all
    assert once.dtype == np.uint8
    assert images.tobytes() == np.repeat(tiny.train.images[:1], 700, axis=0).tobytes()


@given(side=st.integers(1, 30), n=st.integers(0, 3), which=st.sampled_from(OURS))
def test_images_of_any_side(side, n, which):
    images = np.full((n, side * side), 255, np.uint8)
    assert which(images, np.random.default_rng(0)).shape == images.shape


def test_images_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match=r"shifted\(1\) distorts square images only, got 12 pix"):
        shifted(1)(np.zeros((2, 12), np.uint8), np.random.default_rng(0))


@pytest.mark.parametrize(("make", "said"), [
    (lambda: shifted(0), "pixels must be a whole number from 1, got 0"),
    (lambda: shifted(1.5), "pixels must be a whole number from 1, got 1.5"),
    (lambda: elastic(-1), "strength must be at least 0, got -1"),
    (lambda: elastic(1, 0), "smoothness must be positive, got 0"),
    (lambda: elastic(1, 1, 181), "degrees must be from 0 to 180, got 181"),
    (lambda: elastic(1, 1, 0, 1), r"stretch must be a share in \[0, 1\), got 1"),
    (lambda: elastic("much"), "strength must be at least 0, got 'much'")])
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_the_strength_and_width_of_simard_and_half_a_turn():
    assert elastic() == elastic(34, 4, 0, 0)
    assert elastic(degrees=180).degrees == 180


def test_a_recipe_names_it_and_a_run_repeats_it(tiny):
    recipe = Recipe(distortion=elastic(20, 3, 15), units=(8,), epochs=2, learning_rate=1.0)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    once, again = (run(recipe, tiny, 0)[0].parameters.flat for _ in range(2))
    np.testing.assert_array_equal(once, again)
    plain = run(recipe.but(distortion=undistorted), tiny, 0)[0].parameters.flat
    assert (once != plain).any()


def test_one_of_your_own(tiny):
    class Mirrored(Distortion):
        def __call__(self, images, rng):
            return images.reshape(-1, 28, 28)[:, :, ::-1].reshape(len(images), -1)

    mirrored = Dataset(Mirrored()(tiny.train.images, None), tiny.train.labels)
    recipe = Recipe(units=(8,), epochs=1, learning_rate=1.0)
    by_recipe = run(recipe.but(distortion=Mirrored()), tiny, 0)[0]
    by_data = run(recipe, Splits(mirrored, tiny.validation, tiny.test), 0)[0]
    np.testing.assert_array_equal(by_recipe.parameters.flat, by_data.parameters.flat)
