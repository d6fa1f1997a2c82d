"""The network: its parameters, forward, backward, what it predicts, and how it is kept."""

import copy
import io
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import handmlp
from handmlp import (
    Network,
    fan_in,
    logistic,
    logistic_squared_error,
    relu,
    softmax_cross_entropy,
    tanh,
    unit_range,
    zero_mean,
    zero_mean_per_pixel,
)
from handmlp.activations import Activation
from handmlp.network import Parameters
from handmlp.outputs import Output

ACTIVATIONS, OUTPUTS = [logistic, tanh, relu], [logistic_squared_error, softmax_cross_entropy]
DEPTHS = [(), (5,), (4, 3), (6, 5, 4)]


def draw(sizes, hidden=tanh, output=softmax_cross_entropy, seed=0, dtype=np.float32):
    network = Network.draw(sizes, hidden, output, fan_in, unit_range.fit(None),
                           np.random.default_rng(seed))
    network.parameters = Parameters(sizes, network.parameters.flat.astype(dtype))
    return network


def batch(n, sizes, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, sizes[0])).astype(dtype)
    return x, np.eye(sizes[-1], dtype=dtype)[rng.integers(0, sizes[-1], n)]


def toy():
    """A 2-2-2 network with numbers small enough for a margin."""
    network = draw((2, 2, 2), relu, dtype=np.float64)
    network.W[0][:], network.b[0][:] = [[1, -1], [1, 0]], 0
    network.W[1][:], network.b[1][:] = [[1, 3], [2, 5]], [6, 0]
    return network


def test_parameters_are_views_into_one_vector():
    w = Parameters((784, 100, 10))
    assert w.flat.size == 784 * 100 + 100 + 100 * 10 + 10 == 79_510
    assert [W.shape for W in w.W] == [(784, 100), (100, 10)]
    assert [b.shape for b in w.b] == [(100,), (10,)]
    w.W[0][0, 1], w.b[-1][9] = 5, 7
    assert w.flat[1] == 5
    assert w.flat[-1] == 7
    w.flat[:] = 2
    assert {part.min() for part in (*w.W, *w.b)} == {2}


@pytest.mark.parametrize("again", [copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))])
def test_a_copy_has_views_into_its_own_vector(again):
    w = Parameters((3, 2))
    other = again(w)
    other.flat[:] = 1
    assert other.W[0].min() == 1
    assert w.flat.max() == 0


def test_parameters_of_the_wrong_size():
    with pytest.raises(ValueError, match=r"flat must hold 8 numbers .* got shape \(7,\)"):
        Parameters((3, 2), np.zeros(7))
    like = Parameters((3, 2), np.ones(8, np.float64)).like()
    assert like.flat.dtype == np.float64
    assert not like.flat.any()


def test_forward_by_hand():
    x, a, z = toy().forward(np.array([[1.0, 2.0]]))
    assert x.tolist() == [[1, 2]]
    # (1*1 + 2*1, 1*-1 + 2*0) = (3, -1), of which relu leaves (3, 0)
    assert a.tolist() == [[3, 0]]
    # (3*1 + 0*2 + 6, 3*3 + 0*5 + 0)
    assert z.tolist() == [[9, 9]]


def test_backward_by_hand():
    network = toy()
    a = network.forward(np.array([[1.0, 2.0]]))
    out = network.backward(a, np.array([[1.0, 0.0]]), out=network.parameters.like())
    # Equal logits make ŷ = (1/2, 1/2), so δ = ŷ - t = (-1/2, 1/2).
    assert out.b[1].tolist() == [-0.5, 0.5]
    assert out.W[1].tolist() == [[-1.5, 1.5], [0, 0]]          # aᵀ δ with a = (3, 0)
    # δ Wᵀ = (-1/2 * 1 + 1/2 * 3, -1/2 * 2 + 1/2 * 5) = (1, 3/2); relu lets the first pass.
    assert out.b[0].tolist() == [1, 0]
    assert out.W[0].tolist() == [[1, 0], [2, 0]]               # xᵀ δ with x = (1, 2)


def test_backward_by_hand_for_two_examples_and_squared_error():
    network = draw((1, 1), output=logistic_squared_error, dtype=np.float64)
    network.W[0][:] = 0                                        # ŷ = 1/2 for every x
    a = network.forward(np.array([[1.0], [3.0]]))
    out = network.backward(a, np.array([[1.0], [0.0]]), out=network.parameters.like())
    # δ = (-1/2 * 1/4, 1/2 * 1/4) / 2, a mean over two: (-1/16, 1/16)
    assert out.b[0].tolist() == [0]
    assert out.W[0].tolist() == [[2 / 16]]                     # -1/16 * 1 + 1/16 * 3


@pytest.mark.parametrize("units", DEPTHS, ids=str)
@pytest.mark.parametrize("output", OUTPUTS, ids=repr)
@pytest.mark.parametrize("hidden", ACTIVATIONS, ids=repr)
def test_every_gradient_against_finite_differences(hidden, output, units):
    """All parameters, one at a time, worked out apart from handmlp.book.checks."""
    sizes = (7, *units, 3)
    network, (x, t), h = draw(sizes, hidden, output, dtype=np.float64), batch(5, sizes), 1e-6
    network.parameters.flat += 0.1 * np.random.default_rng(2).standard_normal(
        network.parameters.flat.size)                          # so that biases are not zero
    got = network.backward(network.forward(x), t, out=network.parameters.like()).flat
    flat, expected = network.parameters.flat, np.empty_like(got)
    for i, start in enumerate(flat.copy()):
        losses = []
        for flat[i] in (start + h, start - h):
            losses.append(output.loss(network.forward(x)[-1], t).mean())
        flat[i], expected[i] = start, (losses[0] - losses[1]) / (2 * h)
    np.testing.assert_allclose(got, expected, atol=1e-8)
    assert np.abs(expected).max() > 1e-3                       # there was something to get wrong


@pytest.mark.parametrize("output", OUTPUTS, ids=repr)
@given(n=st.integers(1, 6), times=st.integers(2, 4), seed=st.integers(0, 50))
def test_a_batch_given_over_again_has_the_same_gradient(output, n, times, seed):
    network, (x, t) = draw((4, 3, 3), output=output, dtype=np.float64), batch(n, (4, 3), seed=seed)
    once, again = (network.backward(network.forward(np.tile(x, (k, 1))), np.tile(t, (k, 1)),
                                    out=network.parameters.like()).flat for k in (1, times))
    np.testing.assert_allclose(again, once, atol=1e-14)


@given(n=st.integers(2, 6), seed=st.integers(0, 50))
def test_a_gradient_is_the_mean_of_those_of_its_examples(n, seed):
    network, (x, t) = draw((4, 3, 3), dtype=np.float64), batch(n, (4, 3), seed=seed)
    def gradient(rows):
        return network.backward(network.forward(x[rows]), t[rows],
                                out=network.parameters.like()).flat
    single = [gradient([i]) for i in range(n)]
    np.testing.assert_allclose(gradient(slice(None)), np.mean(single, axis=0), atol=1e-14)


def test_what_a_gradient_is_unless_told_otherwise():
    network, (x, t) = draw((4, 3, 3), dtype=np.float64), batch(5, (4, 3))
    a, used = network.forward(x), network.parameters.like()
    used.flat += 7                               # what was there before is written over
    fresh = network.backward(a, t, network.parameters.like(), factor=1.0, keep=0.0)
    np.testing.assert_array_equal(network.backward(a, t, used).flat, fresh.flat)
    np.testing.assert_allclose(network.deltas(a, t)[-1], (network.output(a[-1]) - t) / 5)


def test_the_values_take_the_place_of_the_sums():
    class Asks(Activation):
        def __call__(self, z, out=None):
            assert out is z
            return np.tanh(z, out=out)

    network = draw((2, 2, 2), Asks())
    assert network.forward(np.ones((1, 2), np.float32))[1].shape == (1, 2)


def test_a_factor_scales_the_gradient():
    network, (x, t) = draw((4, 3, 3), dtype=np.float64), batch(5, (4, 3))
    plain, scaled = (network.backward(network.forward(x), t, out=network.parameters.like(),
                                      factor=factor).flat for factor in (1.0, 0.25))
    np.testing.assert_allclose(scaled, plain / 4)


@pytest.mark.parametrize("hidden", ACTIVATIONS, ids=repr)
def test_the_callers_arrays_are_left_alone_in_any_layout(hidden):
    network, (x, t) = draw((6, 5, 4), hidden, dtype=np.float64), batch(8, (6, 4))
    expected = network.backward(network.forward(x), t, out=network.parameters.like()).flat
    for form in (np.asfortranarray, lambda v: np.repeat(v, 2, axis=0)[::2],
                 lambda v: v[::-1].copy()[::-1]):
        given_x, given_t = form(x), form(t)
        given_x.flags.writeable = given_t.flags.writeable = False
        a = network.forward(given_x)
        assert a[0] is given_x
        kept = [layer.copy() for layer in a]
        got = network.backward(a, given_t, out=network.parameters.like()).flat
        np.testing.assert_allclose(got, expected, atol=1e-14)
        for layer, before in zip(a, kept):
            np.testing.assert_array_equal(layer, before)


class Single(np.ndarray):
    """An array that stops at the first operation whose result is float64."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
        def plain(value):
            return value.view(np.ndarray) if isinstance(value, Single) else value
        if out is not None:
            settings["out"] = tuple(map(plain, out))
        result = getattr(ufunc, method)(*map(plain, inputs), **settings)
        assert getattr(result, "dtype", None) != np.float64, f"{ufunc.__name__} made float64"
        return result.view(Single) if isinstance(result, np.ndarray) else result


@pytest.mark.parametrize("output", OUTPUTS, ids=repr)
@pytest.mark.parametrize("hidden", ACTIVATIONS, ids=repr)
def test_training_in_float32_never_makes_a_float64(hidden, output):
    from handmlp import Recipe
    from handmlp.training import train_epoch

    recipe = Recipe(learning_rate=np.float64(0.1), momentum=np.float64(0.9),
                    weight_decay=np.float64(0.01))
    network, (x, t) = draw((4, 3, 3), hidden, output), batch(9, (4, 3), np.float32)
    network.parameters = Parameters(network.sizes, network.parameters.flat.view(Single))
    velocity = Parameters(network.sizes, np.zeros_like(network.parameters.flat))
    train_epoch(network, x.view(Single), t.view(Single), np.arange(9).reshape(3, 3), velocity,
                recipe.learning_rate, recipe.momentum, recipe.decay_per_matrix)
    assert isinstance(velocity.flat, Single)
    assert velocity.flat.any()
    assert network.forward(x)[-1].dtype == np.float32
    with pytest.raises(AssertionError, match="multiply made float64"):
        network.parameters.flat * np.float64(2)


# --- What it predicts ----------------------------------------------------------------------------

def test_documented_shapes_agree_row_for_row(tiny):
    network, images = draw((784, 20, 10)), tiny.test.images[:6]
    expected = network.probabilities(images)
    assert expected.shape == (6, 10)
    assert network.predict(images).tolist() == expected.argmax(axis=1).tolist()
    for form in (images.reshape(6, 28, 28), images.astype(float), images.astype(np.int64),
                 np.asfortranarray(images), np.repeat(images, 2, axis=0)[::2],
                 images[::-1].copy()[::-1], images.tolist()):
        np.testing.assert_allclose(network.probabilities(form), expected, rtol=1e-5, atol=1e-7)
    for one in (images[2], images[2:3], images[2].reshape(28, 28)):
        np.testing.assert_allclose(network.probabilities(one), expected[2:3], rtol=1e-5, atol=1e-7)
    assert network.predict(images[:0]).shape == (0,)
    assert network.probabilities(images[:0]).shape == (0, 10)


@pytest.mark.parametrize("shape", [(784, 6), (6, 783), (728,), (6, 28, 27), (), (2, 3, 28, 28)],
                         ids=str)
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected shape \(784,\)") as caught:
        draw((784, 10)).predict(np.zeros(shape))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1, 256])
def test_images_that_are_none_are_refused(value):
    image = np.zeros((2, 784))
    image[1, 5] = value
    with pytest.raises(ValueError, match="row 1, pixel 5"):
        draw((784, 10)).predict(image)


def test_two_outputs_that_round_to_one_are_told_apart_by_their_logits():
    network = draw((784, 3), output=logistic_squared_error)
    network.W[0][:], network.b[0][:] = 0, (20, 30, 0)
    image = np.zeros(784, np.uint8)
    assert network.probabilities(image)[0].tolist() == [1, 1, 0.5]  # 1 - e⁻²⁰ is 1 in float32
    assert network.predict(image).tolist() == [1]
    _, confusion = handmlp.evaluate(network, image[None], np.array([1]))
    assert confusion[1, 1] == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_network_whose_sums_are_not_finite_says_that_it_cannot_answer(value):
    network = draw((784, 10))
    network.W[0][5, 3] = value
    image = np.full(784, 255)
    image[6:] = 0
    network.W[0][:5] = value
    said = ("^this network cannot answer: its weights are so large, or are no longer numbers, that "
            "the sums of its outputs are not finite$")
    for ask in (network.predict, network.probabilities):
        with pytest.raises(ValueError, match=said):
            ask(image)


@pytest.mark.parametrize("output", OUTPUTS, ids=repr)
@pytest.mark.parametrize("hidden", ACTIVATIONS, ids=repr)
def test_floating_errors_may_be_set_to_raise(hidden, output):
    """Sums up to thousands, and pixels so faint that products vanish: no error in any of them."""
    network, images = draw((784, 30, 10), hidden, output), np.zeros((3, 784))
    images[0], images[1], images[2, ::2] = 255, 1e-40, 200
    network.parameters.flat *= 1000
    labels = np.array([0, 1, 2])
    with np.errstate(all="ignore"):
        expected = network.probabilities(images), handmlp.evaluate(network, images, labels)
    with np.errstate(all="raise"):
        got = network.probabilities(images), handmlp.evaluate(network, images, labels)
        assert network.predict(images).shape == (3,)
    np.testing.assert_array_equal(got[0], expected[0])
    assert got[1][0] == expected[1][0]
    np.testing.assert_array_equal(got[1][1], expected[1][1])


def test_answers_that_leave_the_range_of_the_numbers_raise_nothing():
    class Powers(Output):
        def __call__(self, z):
            return np.exp(z)

    network, image = draw((1, 3)), np.zeros((1, 1))
    network.b[0][:] = (3e38, -3e38, 0)           # their difference is beyond float32
    with np.errstate(all="raise"):
        assert network.probabilities(image).tolist() == [[1, 0, 0]]
        network.output, network.b[0][:] = Powers(), (-200, 0, -300)
        assert network.probabilities(image).tolist() == [[0, 1, 0]]


def test_predicting_leaves_the_image_and_the_network_alone(tiny):
    network, images = draw((784, 10)), tiny.test.images
    assert not images.flags.writeable
    flat, before = network.parameters.flat.copy(), images.copy()
    network.predict(images)
    np.testing.assert_array_equal(network.parameters.flat, flat)
    np.testing.assert_array_equal(images, before)


def test_a_network_says_what_it_is():
    assert repr(draw((784, 100, 10))) == "Network(784-100-10, tanh, softmax_cross_entropy)"


# --- Kept in a file ------------------------------------------------------------------------------

@pytest.mark.parametrize("inputs", [unit_range, zero_mean, zero_mean_per_pixel], ids=repr)
@pytest.mark.parametrize("name", ["net.npz", "net", "net.v1"])
def test_saved_and_loaded_the_predictions_are_the_same_bits(tmp_path, tiny, name, inputs):
    network = draw((784, 5, 10), relu, logistic_squared_error)
    network.scaling = inputs.fit(tiny.train.images)
    network.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]  # exactly there, nothing else
    for path in (tmp_path / name, str(tmp_path / name)):
        again = Network.load(path)
        assert (again.sizes, again.hidden, again.output) == ((784, 5, 10), relu,
                                                              logistic_squared_error)
        np.testing.assert_array_equal(again.probabilities(tiny.test.images),
                                      network.probabilities(tiny.test.images))
    assert again.parameters.flat.flags.writeable                 # it can be trained further


def test_another_process_loads_the_same_bits_from_another_folder(tmp_path, tiny):
    network = draw((784, 5, 10))
    network.save(tmp_path / "net.npz")
    ask = ("import numpy, handmlp; images = numpy.arange(784) % 256; "
           "print(handmlp.Network.load('net.npz').probabilities(images).tobytes().hex())")
    root = Path(handmlp.__file__).parents[1]
    answer = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, check=True, text=True,
                            capture_output=True, env=os.environ | {"PYTHONPATH": str(root)})
    assert answer.stdout.strip() == network.probabilities(np.arange(784) % 256).tobytes().hex()


def test_the_file_holds_no_pickle_and_says_its_format(tmp_path):
    draw((3, 2)).save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        assert file["format"] == 1
        assert sorted(file.files) == ["flat", "format", "hidden", "output", "scale", "shift",
                                      "sizes"]


def saved(path, **changes):
    draw((3, 2)).save(path)
    with np.load(path) as file:
        content = {name: file[name] for name in file.files} | changes
    np.savez(path, **content)


def rewritten(path, name, change):
    """Change the bytes of one array of the file."""
    with zipfile.ZipFile(path) as archive:
        content = {member: archive.read(member) for member in archive.namelist()}
    content[f"{name}.npy"] = change(content[f"{name}.npy"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in content.items():
            archive.writestr(member, data)


def later(data):
    """The same array in version 2 of NumPy's form."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.load(io.BytesIO(data)), version=(2, 0))
    return file.getvalue()


BAD_FILES = {
    "half": (lambda path: path.write_bytes(path.read_bytes()[:path.stat().st_size // 2]),
             "damaged or not a saved network"),
    "empty": (lambda path: path.write_bytes(b""), "damaged or not a saved network"),
    "page": (lambda path: path.write_text("<!DOCTYPE html>"), "damaged or not a saved network"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps([1])), "damaged or not a saved network"),
    "npy": (lambda path: path.write_bytes(npy()), "damaged or not a saved network"),
    "plain": (lambda path: np.savez(path, x=np.ones(3)), "not a saved network: .*format.npy"),
    "future": (lambda path: saved(path, format=2), "has format 2; this handmlp reads 1"),
    "function": (lambda path: saved(path, hidden="swish"), "'swish'"),
    "short": (lambda path: saved(path, flat=np.ones(7, np.float32)), r"flat has shape \(7,\)"),
    "sizes": (lambda path: saved(path, sizes=[4, 2]), r"flat has shape \(8,\)"),
    "sizes as floats": (lambda path: saved(path, sizes=[3.0, 2.0]), "sizes has .* float64"),
    "sizes of nothing": (lambda path: saved(path, sizes=[3, 0]), "sizes must be at least two"),
    "one size": (lambda path: saved(path, sizes=[3]), "sizes must be at least two"),
    "sizes beyond reason": (lambda path: saved(path, sizes=[10**9, 10**9]), "sizes must be"),
    "more sizes than read": (lambda path: saved(path, sizes=[1] * 101), r"shape \(101,\)"),
    "two formats": (lambda path: saved(path, format=[1, 1]), r"format has shape \(2,\)"),
    "format as text": (lambda path: saved(path, format="1"), "format has .* <U1"),
    "a module": (lambda path: saved(path, hidden="np"), "activation must be one of .*'np'"),
    "a dunder": (lambda path: saved(path, hidden="__doc__"), "activation must be .*'__doc__'"),
    "the base": (lambda path: saved(path, hidden="Value"), "activation must be .*'Value'"),
    "its own kind": (lambda path: saved(path, hidden="activation"), "activation must be one of"),
    "called": (lambda path: saved(path, hidden="tanh(1)"), "activation must be .*tanh"),
    "code": (lambda path: saved(path, hidden="normal(print(1))"), "activation must be one of"),
    "an activation as output": (lambda path: saved(path, output="logistic"),
                                "output must be one of .*'logistic'"),
    "text as weights": (lambda path: saved(path, flat=np.array(["1"] * 8)), "flat has .* <U1"),
    "whole numbers as weights": (lambda path: saved(path, flat=np.arange(8)), "flat has .* int64"),
    "weights that are none": (lambda path: saved(path, flat=np.full(8, np.nan, np.float32)),
                              "flat holds what is not a finite number"),
    "scale of another shape": (lambda path: saved(path, scale=np.ones(5)), r"scale .* \(5,\)"),
    "scale of zero": (lambda path: saved(path, scale=0.0), "network: scale is 0$"),
    "infinite shift": (lambda path: saved(path, shift=np.inf), "shift holds what is not"),
    "a long name": (lambda path: saved(path, hidden=np.array("tanh", "<U101")),
                    "hidden has .* <U101"),
    "a later form": (lambda path: rewritten(path, "format", later),
                     "network: format is in a later form"),
    "objects": (lambda path: saved(path, flat=np.array([None] * 8)), "flat has .* object"),
}


def npy():
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_gives_one_clear_sentence_with_its_path(tmp_path, kind):
    path = tmp_path / "net.npz"
    draw((3, 2)).save(path)
    spoil, said = BAD_FILES[kind]
    spoil(path)
    with pytest.raises(ValueError, match=said) as caught:
        Network.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_largest_that_is_still_read(tmp_path):
    path = tmp_path / "net.npz"
    draw((1,) * 100).save(path)
    assert Network.load(path).sizes == (1,) * 100
    saved(path, hidden=np.array("tanh", "<U100"))
    assert Network.load(path).hidden == tanh


def test_what_follows_an_array_is_not_read(tmp_path):
    path = tmp_path / "net.npz"
    draw((3, 2)).save(path)
    flat = Network.load(path).parameters.flat
    rewritten(path, "flat", lambda data: data + bytes(10**6))
    np.testing.assert_array_equal(Network.load(path).parameters.flat, flat)


def test_one_changed_byte_is_an_error_or_changes_nothing(tmp_path):
    path = tmp_path / "net.npz"
    draw((3, 2)).save(path)
    good, x = path.read_bytes(), np.array([1, 2, 3], np.uint8)
    expected, refused = Network.load(path).probabilities(x), 0
    unharmed = 0
    for place in range(0, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1:])
        try:
            got = Network.load(path).probabilities(x)
        except ValueError as error:
            refused += str(path) in str(error)
        else:
            unharmed += np.array_equal(got, expected)
    assert refused + unharmed == len(range(0, len(good), 7))
    assert refused > 100


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Network.load(tmp_path / "nowhere.npz")


def test_your_own_function_cannot_be_saved_not_even_under_a_known_name(tmp_path):
    class Tanh(Activation):
        def __call__(self, z, out=None):
            return np.tanh(2 * z, out=out)

    with pytest.raises(ValueError, match="handmlp's own functions only, got Tanh"):
        draw((3, 2, 2), Tanh()).save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", [str, Path])
def test_a_folder_is_no_place_for_a_network(tmp_path, form):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="path must name a file, got the folder"):
        draw((3, 2)).save(form(tmp_path / "folder"))
    with pytest.raises(FileNotFoundError):
        draw((3, 2)).save(form(tmp_path / "nowhere" / "net.npz"))
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]   # nothing is left behind


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path, network = tmp_path / "net.npz", draw((3, 2))
    network.save(path)
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"PK\x03\x04")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        network.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["net.npz"]


def test_no_more_is_read_than_the_file_may_hold(tmp_path):
    """A file of a few kB that unpacks to 400 MB is refused by its first lines."""
    path = tmp_path / "net.npz"
    draw((3, 2)).save(path)
    with np.load(path) as file:
        content = {name: file[name] for name in file.files}
    np.savez_compressed(path, **content | {"flat": np.zeros(10**8, np.float32)})
    assert path.stat().st_size < 10**6
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"flat has shape \(100000000,\)"):
        Network.load(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()
