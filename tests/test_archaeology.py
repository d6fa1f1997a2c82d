"""The code of 2015 once more: what each switch changes, and what is left when all are off."""

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import archaeology
import joblib
import numpy as np
import pytest
from archaeology import (
    FIRST,
    HASTY,
    MEANT,
    ONE_LEARNS,
    PRINTED,
    PUBLISHED,
    SEEDS,
    SUBSETS,
    Run2015,
    descend,
    differs,
    gradient_2015,
    improved,
    jobs_2015,
    step_2015,
    switch,
    tries,
    untrained,
)

from handmlp import Recipe, fan_in, one_hot, shuffled, softmax_cross_entropy, tanh, zero_mean
from handmlp.inputs import zero_mean_per_pixel
from handmlp.network import Parameters
from handmlp.records import Logbook
from handmlp.records.__main__ import main
from handmlp.records.probe import agree
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
    found = Run2015(replace(mended, epochs=2, decay=0.5), tiny, 1).train()
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
    mean, std = images.mean(axis=0, dtype=float), images.std(axis=0, dtype=float)
    expected = np.divide(images - mean, std, out=np.zeros(images.shape), where=std > 0)
    np.testing.assert_allclose(wrong.inputs(images), expected, rtol=1e-5, atol=1e-6)
    # Chapter 6's own scales no pixel up by more than a grey level would be; these it leaves alone.
    gentler, hardly = zero_mean_per_pixel.fit(images)(images), std < 1
    np.testing.assert_array_equal(wrong.inputs(images)[:, ~hardly], gentler[:, ~hardly])


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


def test_one_index_for_all_deltas_lets_one_unit_learn(tiny):
    network, before = drawn(PRINTED, tiny), drawn(PRINTED, tiny)
    [*archaeology.epochs_2015(network, replace(ONE_LEARNS, epochs=1), tiny,
                              np.random.default_rng(0))]
    moved = (network.W[0] != before.W[0]).any(axis=0)
    assert moved.sum() == 1
    assert (network.W[1] != before.W[1]).all()


def test_each_improvement_changes_what_it_names_and_all_four_are_the_improved_network():
    assert improved() == FIRST
    for name in archaeology.IMPROVEMENTS:
        changed = {field for field, value in vars(improved(name)).items()
                   if value != getattr(FIRST, field)} - {"learning_rate"}
        assert changed == {*archaeology.IMPROVEMENTS[name]}
    every = improved(*archaeology.IMPROVEMENTS)
    assert all(every.has(name) for name in ("activations", "mean_0", "shuffled"))
    assert replace(every, activations=None, mean_0=None, shuffled=None, improved=True) == replace(
        MEANT, momentum=0.0, learning_rate=every.learning_rate)


def test_the_rate_of_an_improved_network_is_the_best_that_was_tried():
    book = Logbook(archaeology.RUNS)
    for names in SUBSETS:
        if "activations" in names and "shuffling" not in names:
            best = max(tries(*names), key=lambda job: book.find(job)["accuracy"][-1])
            assert best.choices.learning_rate == improved(*names).learning_rate


def edited(folder, before, after):
    """Return the module with an edit, made once."""
    text = Path(archaeology.__file__).read_text("utf-8")
    assert text.count(before) == 1, before
    path = folder / "edited_2015.py"
    path.write_text(text.replace(before, after), "utf-8")
    spec = importlib.util.spec_from_file_location("edited_2015", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "edited_2015", module)
        spec.loader.exec_module(module)
    return module


STALE = {"FIRST": FIRST, "HASTY": HASTY, "MEANT": MEANT, "PUBLISHED": PUBLISHED}


@pytest.mark.parametrize(("before", "after", "touched"), [
    ("# w ← w - η g", "# downhill", ""),
    ("return n ** (1 // 2) if choices", "return n ** 0 if choices", ""),
    ("(y - t) * logistic.slope(logistic(y))", "logistic.slope(logistic(y)) * (y - t)", ""),
    ("-rate, delta, a, a", "rate, delta, a, a", "FIRST HASTY MEANT PUBLISHED"),
    ("b -= rate * delta[0]", "b += rate * delta[0]", "FIRST HASTY MEANT PUBLISHED"),
    ("logistic.slope(logistic(a)) ", "logistic.slope(a) ", "FIRST HASTY"),
    ("descend(w, previous, choices.momentum)", "descend(w, previous, choices.momentum * rate)",
     "HASTY PUBLISHED"),
    ("descend(v, gradient, rate)", "descend(v, gradient, 2 * rate)", "FIRST MEANT"),
    ("v.flat *= choices.momentum", "v.flat *= choices.momentum * 1.001", "MEANT"),
    ("np.where(std > 0, std, 1)", "np.where(std > 0, std * 1.001, 1)", "PUBLISHED"),
    ("rng.random((100, 10), np.float32)", "rng.random((100, 10), np.float32) * 1.001",
     "PUBLISHED"),
    ("rate /= 1 + choices.decay if number else 1",
     "rate /= 1.01 if number == 4 else 1", "FIRST HASTY MEANT PUBLISHED"),
    ("rate /= 1 + choices.decay if number else 1",
     "rate /= 1000 if number == 1 else 1", "FIRST HASTY MEANT PUBLISHED"),
])
def test_an_edit_is_seen_by_the_runs_that_it_touches(before, after, touched, tiny, tmp_path):
    module = edited(tmp_path, before, after)
    stale = [name for name, choices in STALE.items()
             if not agree(Run2015(choices, tiny, 0).probe(),
                          module.Run2015(choices, tiny, 0).probe())]
    assert stale == touched.split()


def test_a_probe_and_a_name_tell_every_network_from_every_other(mnist):
    probes = [Run2015(choices, mnist, 0).probe() for choices in SEEDS]
    assert len({job.name for job in jobs_2015()}) == len(jobs_2015())
    assert not any(agree(one, other) for i, one in enumerate(probes) for other in probes[:i])


def test_the_record_of_the_book_holds_each_run_and_todays_code_would_repeat_it():
    book = Logbook(archaeology.RUNS)
    for job in jobs_2015():
        found = book.find(job)
        assert found is not None, job.name
        assert len(found["accuracy"]) == job.choices.epochs + 1


@pytest.fixture
def jobs(tiny):
    """Two networks at three seeds, on few images, trained in this process."""
    with joblib.parallel_config(n_jobs=1):
        yield [Run2015(replace(choices, epochs=1), tiny, seed)
               for choices in (FIRST, MEANT) for seed in range(3)]


@pytest.fixture
def small(jobs, tmp_path):
    """Their record."""
    path = tmp_path / "runs.jsonl"
    Logbook(path).complete(jobs, progress=False)
    return path


def command(word, path, jobs):
    return main([word, str(path)], lambda logbook: jobs, differs)


def tamper(path, number, change):
    lines = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    change(lines[number])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_what_is_recorded_is_found(small, jobs):
    for job in jobs:
        assert Logbook(small).find(job) == job.train()
    assert Logbook(small).find(jobs[0]._replace(seed=3)) is None


def test_check_passes_what_repeats_and_finds_what_does_not(small, jobs, capsys):
    assert command("check", small, jobs) == 0
    assert "2 passed, 0 failed" in capsys.readouterr().out

    def a_little_better(line):
        line["accuracy"][0] += 0.01
    tamper(small, 0, a_little_better)
    assert command("check", small, jobs) == 1
    out = capsys.readouterr().out
    assert "1 passed, 1 failed" in out
    assert "accuracy is off by 0.0100" in out


def test_a_run_may_leave_the_record_by_a_point_and_five_standard_deviations():
    def ran(last):
        return {"accuracy": [0.1, last], "asleep": []}
    others = [ran(0.8), ran(0.82), ran(0.84)]            # with the recorded .82: deviation 0.0163
    assert differs(ran(0.82 - 0.091), ran(0.82), others) is None
    assert "off by 0.0920" in differs(ran(0.82 - 0.092), ran(0.82), others)
    assert "off by 0.0030" in differs({"accuracy": [0.103, 0.82]}, ran(0.82), others)
    assert differs(ran(0.82 - 0.209), ran(0.82), []) is None        # of one seed alone: four points
    assert "off by 0.2110" in differs(ran(0.82 - 0.211), ran(0.82), [])


def test_what_is_missing_or_stale_is_trained_and_nothing_else(small, jobs, capsys, monkeypatch):
    before, trained, train = Logbook(small).lines(), [], Run2015.train

    def other_code(line):
        line["probe"][0] *= 1.001
    tamper(small, 1, other_code)
    lines = small.read_text("utf-8").splitlines()
    del lines[2]
    small.write_text("".join(line + "\n" for line in lines), "utf-8")
    assert command("check", small, jobs) == 2
    assert "6 runs, 2 of them not as today's code would make them" in capsys.readouterr().out
    monkeypatch.setattr(Run2015, "train", lambda job: trained.append(job) or train(job))
    assert command("update", small, jobs) == 0
    assert trained == jobs[1:3]
    assert Logbook(small).lines() == before


def test_a_chapter_finds_what_is_recorded_and_records_what_is_not(tiny, small, jobs, monkeypatch):
    monkeypatch.setattr(archaeology, "load_mnist", lambda: tiny)
    monkeypatch.setattr(archaeology, "RUNS", small)
    results = archaeology.recorded(replace(FIRST, epochs=1), range(4))
    assert results[:3] == [job.train() for job in jobs[:3]]
    assert len(small.read_text("utf-8").splitlines()) == 7


def test_its_runs_are_kept_from_anywhere_by_processes_of_their_own(tmp_path):
    """By book/runs.py, beside a copy of two small runs; other kinds have none."""
    script, runs = tmp_path / "runs.py", tmp_path / "runs.jsonl"
    shutil.copy(Path(archaeology.__file__).with_name("runs.py"), script)
    for kind, jobs in [("sleepers", "watched"), ("modern", "modern"), ("yardsticks", "yardstick")]:
        (tmp_path / f"{kind}.py").write_text(
            f"def {jobs}_jobs(logbook):\n    return []\n\n\ndiffers = None\n")
    text = Path(archaeology.__file__).read_text("utf-8")
    for before, after in [("epochs: int = 5", "epochs: int = 0"), ("range(count)]", "range(1)]"),
                          ("SEEDS.items()", "[*SEEDS.items()][:2]"), ("in TRIED for", "in () for")]:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    (tmp_path / "archaeology.py").write_text(text, "utf-8")
    runs.touch()
    result = subprocess.run([sys.executable, script, "update", "runs.jsonl"], cwd=tmp_path)
    assert result.returncode == 0
    assert len(Logbook(runs).lines()) == 2
    assert {line["choices"]["epochs"] for line in Logbook(runs).lines().values()} == {0}
    result = subprocess.run([sys.executable, script, "check", "runs.jsonl"], cwd=tmp_path)
    assert result.returncode == 1  # the first kind has nothing to check


def test_an_unknown_word_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["chekc", str(archaeology.RUNS)], jobs_2015, differs)
    assert "invalid choice: 'chekc'" in capsys.readouterr().err
