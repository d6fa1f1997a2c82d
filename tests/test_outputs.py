"""The last layer: its answers, its loss, and the delta that learning starts from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from handmlp import (
    linear_squared_error,
    logistic_cross_entropy,
    logistic_squared_error,
    softmax_cross_entropy,
    softmax_squared_error,
)

ALL = [linear_squared_error, logistic_cross_entropy, logistic_squared_error, softmax_cross_entropy,
       softmax_squared_error]
CERTAIN = [output for output in ALL if output != linear_squared_error]  # answers stay in 0 to 1
certain = pytest.mark.parametrize("output", CERTAIN, ids=repr)
every = pytest.mark.parametrize("output", ALL, ids=repr)
precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])

Z = np.array([[0, np.log(3)]])
T = np.array([[1.0, 0.0]])
logits = hnp.arrays(np.float64, (3, 4), elements=st.floats(-50, 50))


def test_squared_error_by_hand():
    # ŷ = (1/2, 3/4), since logistic(ln 3) = 1 / (1 + 1/3)
    np.testing.assert_allclose(logistic_squared_error(Z), [[0.5, 0.75]])
    # ½ ((1/2 - 1)² + (3/4 - 0)²) = ½ (.25 + .5625)
    np.testing.assert_allclose(logistic_squared_error.loss(Z, T), [0.40625])
    # (1/2 - 1) * 1/2 * 1/2 = -.125 and 3/4 * 3/4 * 1/4 = .140625
    np.testing.assert_allclose(logistic_squared_error.delta(Z, T), [[-0.125, 0.140625]])


def test_cross_entropy_by_hand():
    # e⁰ = 1 and e^ln 3 = 3, so ŷ = (1/4, 3/4)
    np.testing.assert_allclose(softmax_cross_entropy(Z), [[0.25, 0.75]])
    np.testing.assert_allclose(softmax_cross_entropy.loss(Z, T), [np.log(4)])  # -log 1/4
    np.testing.assert_allclose(softmax_cross_entropy.delta(Z, T), [[-0.75, 0.75]])


def test_logistic_cross_entropy_by_hand():
    np.testing.assert_allclose(logistic_cross_entropy(Z), [[0.5, 0.75]])
    # -log 1/2 for the yes, -log(1 - 3/4) for the no
    np.testing.assert_allclose(logistic_cross_entropy.loss(Z, T), [np.log(2) + np.log(4)])
    np.testing.assert_allclose(logistic_cross_entropy.delta(Z, T), [[-0.5, 0.75]])


def test_softmax_squared_error_by_hand():
    np.testing.assert_allclose(softmax_squared_error(Z), [[0.25, 0.75]])
    np.testing.assert_allclose(softmax_squared_error.loss(Z, T), [0.5625])  # ½ (9/16 + 9/16)
    # errors -3/4 and 3/4, their mean weighted by the shares is 3/8: 1/4 * -9/8 and 3/4 * 3/8
    np.testing.assert_allclose(softmax_squared_error.delta(Z, T), [[-0.28125, 0.28125]])


def test_linear_squared_error_by_hand():
    z = np.array([[-2.0, 3.0]])
    assert linear_squared_error(z).tolist() == z.tolist()
    assert linear_squared_error.loss(z, T).tolist() == [9]              # ½ (3² + 3²)
    assert linear_squared_error.delta(z, T).tolist() == [[-3, 3]]


def test_logistic_cross_entropy_of_large_sums_is_exact():
    z, t = np.array([[1000, -1000]], np.float32), np.array([[0, 1]], np.float32)
    with np.errstate(all="raise"):
        assert logistic_cross_entropy.loss(z, t).tolist() == [2000]     # not infinite
        assert logistic_cross_entropy.loss(z, 1 - t).tolist() == [0]
        assert logistic_cross_entropy.delta(z, t).tolist() == [[1, -1]]


def test_the_slope_of_shares_that_are_next_to_nothing_is_next_to_nothing():
    z, t = np.array([[0.0, -740.0]]), np.array([[0.3, 0.7]])  # e^-740 is below all normal numbers
    with np.errstate(all="raise"):
        np.testing.assert_allclose(softmax_squared_error.delta(z, t), [[0, 0]], atol=1e-15)


def test_only_softmax_with_cross_entropy_asks_for_targets_that_add_up_to_one():
    assert [output for output in ALL if output.shares] == [softmax_cross_entropy]


@pytest.mark.parametrize("output", [one for one in ALL if not one.shares], ids=repr)
def test_delta_is_the_slope_for_any_targets(output):
    z, t = np.array([[0.3, -1.2, 2.0]]), np.array([[0.1, 0.9, 0.1]])
    for i in range(3):
        nudge = 1e-5 * np.eye(3)[i]
        slope = (output.loss(z + nudge, t) - output.loss(z - nudge, t)) / 2e-5
        np.testing.assert_allclose(output.delta(z, t)[:, i], slope, atol=1e-8)


@precisions
def test_logits_of_a_thousand(dtype):
    z, t = np.array([[1000, 0, 0]], dtype), np.array([[0, 1, 0]], dtype)
    with np.errstate(all="raise"):
        assert softmax_cross_entropy(z).tolist() == [[1, 0, 0]]
        assert softmax_cross_entropy.loss(z, t).tolist() == [1000]      # exact, not infinite
        assert softmax_cross_entropy.delta(z, t).tolist() == [[1, -1, 0]]
        assert softmax_cross_entropy.loss(z, np.array([[1, 0, 0]], dtype)).tolist() == [0]


@every
@precisions
@pytest.mark.parametrize("size", [10, 50, 90, 104, 500, 746])
def test_floating_errors_may_be_set_to_raise(output, dtype, size):
    """Around each size some power of e is too small for the dtype, and nothing is to be said."""
    z = np.array([[-size, 0, size], [size, -size, 0]], dtype)
    with np.errstate(all="raise"):
        assert np.isfinite(output(z)).all()
        for t in np.eye(3, dtype=dtype)[:, None]:
            assert np.isfinite(output.loss(z, t)).all()


@precisions
def test_saturated_logistic_outputs(dtype):
    z = np.array([[-1000, -80, 0, 80, 1000]], dtype)
    with np.errstate(all="raise", under="ignore"):
        for target in (0, 1):
            t = np.full_like(z, target)
            # Two outputs are right, two wrong by 1, one wrong by 1/2: ½ (1 + 1 + 1/4)
            np.testing.assert_allclose(logistic_squared_error.loss(z, t), [1.125])
            assert np.isfinite(logistic_squared_error.delta(z, t)).all()


@certain
def test_the_largest_float32_logits_are_finite(output):
    big = np.finfo(np.float32).max
    z, t = np.array([[big, -big, 0]], np.float32), np.eye(3, dtype=np.float32)[[1]]
    with np.errstate(all="raise", under="ignore", over="ignore"):  # what overflows ends as 0
        for part in (output(z), output.loss(z, t), output.delta(z, t)):
            assert np.isfinite(part).all()


def test_an_output_that_is_confidently_wrong_hears_it_only_with_cross_entropy():
    """The mystery of the book in two lines: says 1e-9 to its own digit, and cannot hear it."""
    z, t = np.array([[-20.7, 0.0]]), np.array([[1.0, 0.0]])
    assert abs(logistic_squared_error.delta(z, t)[0, 0]) < 1.1e-9
    assert softmax_cross_entropy.delta(z, t)[0, 0] < -0.999


@every
@given(z=logits, label=st.integers(0, 3))
def test_delta_is_the_slope_of_the_loss(output, z, label):
    t, h = np.eye(4)[[label] * 3], 1e-5
    for i in range(4):
        nudge = h * np.eye(4)[i]
        slope = (output.loss(z + nudge, t) - output.loss(z - nudge, t)) / (2 * h)
        np.testing.assert_allclose(output.delta(z, t)[:, i], slope, atol=1e-8)


@given(z=logits, shift=st.floats(-1e3, 1e3))
def test_softmax_rows_sum_to_one_and_ignore_a_shift(z, shift):
    y = softmax_cross_entropy(z)
    np.testing.assert_allclose(y.sum(axis=1), 1)
    np.testing.assert_allclose(softmax_cross_entropy(z + shift), y, atol=1e-12)
    t = np.eye(4)[[0, 1, 3]]
    np.testing.assert_allclose(softmax_cross_entropy.delta(z, t).sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(softmax_cross_entropy.loss(z + shift, t),
                               softmax_cross_entropy.loss(z, t), atol=1e-9)


def test_softmax_of_two_is_logistic_of_the_difference():
    y = softmax_cross_entropy(np.array([[1.0, 3.0]]))
    np.testing.assert_allclose(y[0, 1], 1 / (1 + np.exp(-2)))


@every
@precisions
def test_dtype_shapes_and_the_callers_arrays(output, dtype):
    z, t = np.linspace(-2, 2, 12, dtype=dtype).reshape(4, 3), np.eye(3, dtype=dtype)[[0, 1, 2, 0]]
    z.flags.writeable = t.flags.writeable = False
    assert output(z).dtype == output.delta(z, t).dtype == dtype
    assert output(z).shape == output.delta(z, t).shape == (4, 3)
    assert output.loss(z, t).shape == (4,)
    assert not np.shares_memory(output.delta(z, t), z)
    for part in (output(z[:0]), output.delta(z[:0], t[:0]), output.loss(z[:0], t[:0])):
        assert len(part) == 0
    for other in (np.asfortranarray(z), np.repeat(z, 2, axis=0)[::2]):
        np.testing.assert_allclose(output.delta(other, t), output.delta(z, t), rtol=1e-6)
