"""What a hidden unit makes of its weighted sum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from handmlp import logistic, relu, tanh

ALL = [logistic, tanh, relu]
every = pytest.mark.parametrize("f", ALL, ids=repr)
precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.mark.parametrize(("f", "z", "a", "slope"), [
    (logistic, 0.0, 0.5, 0.25),                  # 1 / (1 + 1) = .5;      .5 * .5 = .25
    (logistic, np.log(3), 0.75, 0.1875),         # 1 / (1 + 1/3) = 3/4;   .75 * .25 = .1875
    (logistic, -np.log(3), 0.25, 0.1875),        # 1 / (1 + 3) = 1/4
    (tanh, 0.0, 0.0, 1.0),
    (tanh, np.log(2), 0.6, 0.64),                # (2 - 1/2) / (2 + 1/2) = .6;  1 - .36 = .64
    (relu, 2.0, 2.0, 1.0),
    (relu, -2.0, 0.0, 0.0),
    (relu, 0.0, 0.0, 0.0),                       # at the kink the slope is taken as 0
], ids=str)
def test_values_and_slopes_by_hand(f, z, a, slope):
    got = f(np.array([[z]]))
    np.testing.assert_allclose(got, [[a]], rtol=1e-15)
    np.testing.assert_allclose(f.slope(got), [[slope]], rtol=1e-15)


@precisions
def test_no_overflow_and_no_warning(dtype):
    z = np.array([[-1000, -90, 0, 90, 1000]], dtype)
    with np.errstate(all="raise"):
        assert logistic(z)[0, [0, 2, 4]].tolist() == [0, 0.5, 1]
        assert tanh(z).tolist() == [[-1, -1, 0, 1, 1]]
        assert relu(z).tolist() == [[0, 0, 0, 90, 1000]]
    with np.errstate(all="raise", under="ignore"):
        for f in ALL:
            assert np.isfinite(f.slope(f(np.concatenate([z, z / 100, z * 1e-40])))).all()


@every
def test_the_slope_is_the_slope(f):
    z, h = np.linspace(-4, 4, 81) + 0.01, 1e-6   # away from the kink of relu
    np.testing.assert_allclose(f.slope(f(z)), (f(z + h) - f(z - h)) / (2 * h), atol=1e-9)


@given(z=hnp.arrays(np.float64, 5, elements=st.floats(-700, 700)))
def test_identities(z):
    np.testing.assert_allclose(logistic(z) + logistic(-z), 1)
    np.testing.assert_allclose(tanh(z), 2 * logistic(2 * z) - 1, atol=1e-15)
    np.testing.assert_array_equal(relu(z) - relu(-z), z)


@every
@precisions
@given(data=st.data())
def test_the_dtype_stays_and_the_argument_too(f, dtype, data):
    width = np.dtype(dtype).itemsize * 8
    z = data.draw(hnp.arrays(dtype, (2, 3), elements=st.floats(-1e6, 1e6, width=width)))
    before = z.copy()
    z.flags.writeable = False
    a = f(z)
    assert a.dtype == f.slope(a).dtype == dtype
    np.testing.assert_array_equal(z, before)


@every
def test_out_is_written_and_returned(f):
    z = np.linspace(-3, 3, 6).reshape(2, 3)
    expected, home = f(z), np.empty_like(z)
    assert f(z, out=home) is home
    np.testing.assert_array_equal(home, expected)
    assert f(z, out=z) is z                      # the weighted sums make room for the values
    np.testing.assert_array_equal(z, expected)


@every
def test_layout_of_memory_and_empty_batches(f):
    z = np.linspace(-3, 3, 12).reshape(3, 4)
    np.testing.assert_array_equal(f(np.asfortranarray(z)), f(z))
    np.testing.assert_array_equal(f(z[::-1, ::2]), f(z)[::-1, ::2])
    assert f(z[:0]).shape == (0, 4)


@every
def test_what_is_not_a_number_stays_so(f):
    assert np.isnan(f(np.array([np.nan]))).all()  # a mistake must not be hidden
