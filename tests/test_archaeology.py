"""The code of 2015 once more: what each switch changes, and what is left when all are off."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace

import archaeology
import numpy as np
import pytest
from archaeology import (
    CODE,
    FIRST,
    HASTY,
    JOBS,
    MEANT,
    PUBLISHED,
    descend,
    gradient_2015,
    step_2015,
    switch,
    train_2015,
    untrained,
)

from handmlp import Recipe, fan_in, one_hot, shuffled, softmax_cross_entropy, tanh, zero_mean
from handmlp.inputs import zero_mean_per_pixel
from handmlp.network import Parameters
from handmlp.runs import run

MENDED = switch(FIRST, "integer_division", "logistic_twice")
AS_RECIPE = {
    MENDED: Recipe(init=fan_in, learning_rate=0.1, batch_size=1, epochs=2, rate_decay=1 / 1.5),
    MEANT: Recipe(init=fan_in, learning_rate=0.003, batch_size=1, epochs=2, rate_decay=1 / 1.5,
                  hidden=tanh, output=softmax_cross_entropy, inputs=zero_mean, order=shuffled,
                  momentum=0.5),
}
each_network = pytest.mark.parametrize("mended", AS_RECIPE, ids=["first", "improved"])


def drawn(choices, data):
    return untrained(choices, data, np.random.default_rng(3))


def one_image(network, data, row=5):
    return network.inputs(data.train.images[[row]]), one_hot(data.train.labels[[row]])


def steps(choices, *gradients):
    """Where one weight and one bias, from 0, get to by steps along these gradients."""
    w, v, previous = Parameters((1, 1)), Parameters((1, 1)), []
    for gradient in gradients:
        now = [(np.ones((1, 1), np.float32), np.full((1, 1), gradient, np.float32))]
        step_2015(w, v, now, previous, 0.1, choices)
        previous = now
    return w.flat


# --- with all mistakes mended it is handmlp -----------------------------------------------------


@each_network
def test_the_gradient_of_one_image_is_handmlps(mended, mnist):
    network = drawn(mended, mnist)
    x, t = one_image(network, mnist)
    expected = network.backward(network.forward(x), t, network.parameters.like())
    for l, (a, delta) in enumerate(gradient_2015(network, x, t, mended)):
        np.testing.assert_allclose(a.T @ delta, expected.W[l], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(delta[0], expected.b[l], rtol=1e-4, atol=1e-7)


@each_network
def test_trained_on_single_images_it_is_handmlp_to_rounding(mended, tiny, monkeypatch):
    kept = []
    monkeypatch.setattr(archaeology, "untrained", lambda *given: kept.append(untrained(*given))
                        or kept[-1])
    found = train_2015(replace(mended, epochs=2, decay=0.5), tiny, seed=1)
    network, history = run(AS_RECIPE[mended], tiny, seed=1)
    moved = np.abs(network.parameters.flat - drawn(mended, tiny).parameters.flat).max()
    assert moved > 0.01
    np.testing.assert_allclose(kept[0].parameters.flat, network.parameters.flat, atol=1e-4)
    np.testing.assert_allclose(found["accuracy"], history.curve("validation_accuracy"), atol=0.006)


# --- each switch changes what its name says, and nothing else -----------------------------------


@each_network
def test_integer_division_leaves_the_root_at_one(mended, tiny):
    right, wrong = drawn(mended, tiny), drawn(switch(mended, "integer_division"), tiny)
    np.testing.assert_allclose(wrong.W[0], 28 * right.W[0], rtol=1e-6)  # 28² = 784
    np.testing.assert_allclose(wrong.W[1], 10 * right.W[1], rtol=1e-6)
    assert wrong.scaling.shift == right.scaling.shift


def test_positive_outputs_are_uniform_up_to_one_over_the_root(tiny):
    right, wrong = drawn(MEANT, tiny), drawn(switch(MEANT, "positive_outputs"), tiny)
    np.testing.assert_array_equal(wrong.W[0], right.W[0])
    assert 0 <= wrong.W[1].min() < 0.001
    assert 0.099 < wrong.W[1].max() < 0.1
    assert right.W[1].min() < -0.1
    both = drawn(switch(MEANT, "positive_outputs", "integer_division"), tiny)
    np.testing.assert_allclose(both.W[1], 10 * wrong.W[1], rtol=1e-6)


def test_pixel_by_pixel_scales_each_pixel_on_its_own(tiny):
    right, wrong = drawn(MEANT, tiny), drawn(switch(MEANT, "pixel_by_pixel"), tiny)
    np.testing.assert_array_equal(wrong.parameters.flat, right.parameters.flat)
    images = tiny.train.images
    np.testing.assert_array_equal(right.inputs(images), zero_mean.fit(images)(images))
    np.testing.assert_array_equal(wrong.inputs(images), zero_mean_per_pixel.fit(images)(images))


def test_logistic_twice_takes_every_slope_at_a_value(tiny):
    network = drawn(FIRST, tiny)
    x, t = one_image(network, tiny)
    def f(z):
        return 1 / (1 + np.exp(-z))
    a = f(x @ network.W[0])
    y = f(a @ network.W[1])
    delta = (y - t) * f(y) * (1 - f(y))
    (_, hidden), (_, last) = gradient_2015(network, x, t, FIRST)
    np.testing.assert_allclose(last, delta, rtol=1e-4)
    np.testing.assert_allclose(hidden, delta @ network.W[1].T * f(a) * (1 - f(a)), rtol=1e-3,
                               atol=1e-6)
    (before, once), (_, once_last) = gradient_2015(network, x, t, switch(FIRST, "logistic_twice"))
    np.testing.assert_allclose(once_last, (y - t) * y * (1 - y), rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(before, x)


def test_previous_gradient_arrives_without_the_learning_rate():
    # η = 0.1, μ = 0.5, g = 1 and then 2:
    # meant:    -0.1, then -(0.5 · 0.1 + 0.1 · 2) = -0.25: together -0.35
    # happened: -0.1, then -(0.1 · 2 + 0.5 · 1)   = -0.7:  together -0.8
    np.testing.assert_allclose(steps(MEANT, 1, 2), [-0.35, -0.35], rtol=1e-6)
    np.testing.assert_allclose(steps(switch(MEANT, "previous_gradient"), 1, 2), [-0.8, -0.8],
                               rtol=1e-6)
    np.testing.assert_array_equal(steps(MEANT, 1), steps(switch(MEANT, "previous_gradient"), 1))


def test_a_step_changes_the_weights_in_place_and_no_gradient():
    w = Parameters((3, 2))
    a, delta = np.array([[1, 2, 3]], np.float32), np.array([[1, -1]], np.float32)
    descend(w, [(a, delta)], 0.5)
    np.testing.assert_array_equal(w.W[0], [[-0.5, 0.5], [-1, 1], [-1.5, 1.5]])
    np.testing.assert_array_equal(w.b[0], [-0.5, 0.5])
    np.testing.assert_array_equal(delta, [[1, -1]])


def test_the_published_code_makes_all_four_and_the_mended_none():
    assert switch(PUBLISHED, *archaeology.MISTAKES) == MEANT
    assert switch(HASTY, "previous_gradient") == replace(FIRST, momentum=0.5)


# --- the record ---------------------------------------------------------------------------------


def test_the_record_holds_each_run_and_today_s_code_made_it():
    record = archaeology.on_record()
    assert sorted(record) == sorted(map(archaeology.name, JOBS))
    assert {run["code"] for run in record.values()} == {CODE}
    for choices, seed in JOBS:
        run = record[archaeology.name((choices, seed))]
        assert len(run["accuracy"]) == choices.epochs + 1


@pytest.mark.parametrize(("before", "after", "same"), [
    ("# w ← w - η g", "# downhill", True),
    ('"""Take one step from `w`', '"""Go down from `w`', True),
    ("by up to", "by at most", True),
    ("-rate, delta, a", "+rate, delta, a", False),
    ("1 // 2", "0", False),
    ("momentum: float = 0.0 ", "momentum: float = 0.5 ", False),
])
def test_an_edit_of_the_code_is_another_hash_and_a_comment_is_not(before, after, same, tmp_path):
    text = (archaeology.RECORD.parents[2] / "archaeology.py").read_text("utf-8")
    assert before in text
    path = tmp_path / "edited_2015.py"
    path.write_text(text.replace(before, after), "utf-8")
    spec = importlib.util.spec_from_file_location("edited_2015", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "edited_2015", module)
        spec.loader.exec_module(module)
    assert (module.CODE == CODE) is same


@pytest.fixture
def small(tiny, tmp_path, monkeypatch):
    """A record of two networks at three seeds, on few images."""
    jobs = [(replace(choices, epochs=1), seed) for choices in (FIRST, MEANT) for seed in range(3)]
    monkeypatch.setattr(archaeology, "load_mnist", lambda: tiny)
    monkeypatch.setattr(archaeology, "JOBS", jobs)
    monkeypatch.setattr(archaeology, "RECORD", tmp_path / "2015" / "record.json")
    assert archaeology.main() == 0
    return archaeology.RECORD


def test_check_passes_what_repeats_and_finds_what_does_not(small, capsys):
    status = archaeology.main("check")
    assert (status, type(status)) == (0, int)  # any other type of zero is an error to the shell
    assert "2 checked, 0 differ" in capsys.readouterr().out
    record = json.loads(small.read_text("utf-8"))
    record["runs"][archaeology.name(archaeology.JOBS[0])]["accuracy"][0] += 0.01
    small.write_text(json.dumps(record))
    assert archaeology.main("check") == 1
    assert "2 checked, 1 differ" in capsys.readouterr().out


def test_it_runs_as_a_script_from_anywhere(tmp_path):
    text = (archaeology.RECORD.parents[2] / "archaeology.py").read_text("utf-8")
    text = text.replace("epochs: int = 5", "epochs: int = 0")
    text = text.replace("def on_record()", "JOBS = JOBS[:2]\n\n\ndef on_record()")
    script = tmp_path / "archaeology.py"
    script.write_text(text, "utf-8")
    result = subprocess.run([sys.executable, script, "measure"], cwd=archaeology.RECORD.parent)
    assert result.returncode == 0
    record = json.loads((tmp_path / "runs" / "2015" / "record.json").read_text("utf-8"))
    assert list(record["runs"]) == sorted(map(archaeology.name, (
        (replace(choices, epochs=0), seed) for choices, seed in JOBS[:2])))


def test_what_is_missing_or_stale_is_trained_and_nothing_else(small, capsys, monkeypatch):
    before = archaeology.on_record()
    record = json.loads(small.read_text("utf-8"))
    stale, missing = map(archaeology.name, archaeology.JOBS[1:3])
    record["runs"][stale]["code"] = "older"
    del record["runs"][missing]
    small.write_text(json.dumps(record))
    assert archaeology.main("check") == 1
    assert "2 runs are missing or were recorded by other code" in capsys.readouterr().out
    trained = []

    def watched(jobs):
        trained.extend(map(archaeology.name, jobs))
        return [train_2015(choices, archaeology.load_mnist(), seed) for choices, seed in jobs]

    monkeypatch.setattr(archaeology, "train", watched)
    assert archaeology.main() == 0
    assert trained == [stale, missing]
    assert archaeology.on_record() == before
