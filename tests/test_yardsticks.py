"""What chapter 17 adds to handmlp, and its runs."""

import json

import numpy as np
import pytest
import views
import yardsticks
from yardsticks import (
    MOVED,
    STRETCHED_TARGETS,
    TRIED,
    Affine,
    Committee,
    Peer,
    Row,
    Stretched,
    asked,
    committee_jobs,
    differs,
    pilot_jobs,
    row_jobs,
    trials,
    yardstick_jobs,
)

from handmlp import (
    Network,
    Recipe,
    Splits,
    fan_in,
    logistic_squared_error,
    run,
    shuffled,
    softmax_cross_entropy,
    unit_range,
)
from handmlp.book.checks import check_gradient
from handmlp.data import Dataset
from handmlp.distortions import look_off
from handmlp.records.__main__ import is_long

SHORT = Recipe(units=20, epochs=2, hidden=Stretched(), output=softmax_cross_entropy, init=fan_in,
               order=shuffled, batch_size=32, learning_rate=0.3)
NEAREST = "neighbours", (("n_neighbors", 3), ("algorithm", "brute"))


@pytest.fixture(scope="module")
def whole(tiny) -> Splits:
    """The tiny digits with none held out, as `load_mnist(validation=0)` has them."""
    return Splits(tiny.train, tiny.validation.take(slice(0)), tiny.test)


# --- What the papers have and handmlp lacks -------------------------------------------------------

def test_the_stretched_tanh_is_one_at_one_and_its_slope_is_that_of_a_difference():
    f, z, h = Stretched(), np.linspace(-4, 4, 33), 1e-6
    np.testing.assert_allclose(f(np.array([-1.0, 0.0, 1.0])), [-1, 0, 1], atol=1e-4)
    np.testing.assert_allclose(f.slope(f(z)), (f(z + h) - f(z - h)) / (2 * h), atol=1e-8)
    assert f(np.float32([2])).dtype == np.float32
    into = np.empty(33)
    assert f(z, out=into) is into
    np.testing.assert_array_equal(into, f(z))


def test_every_slope_of_a_network_with_it_is_right():
    rng = np.random.default_rng(0)
    network = Network.draw((6, 5, 4, 3), Stretched(), logistic_squared_error, fan_in,
                           unit_range.fit(None), rng)
    t = np.eye(3)[rng.integers(0, 3, 8)] * 0.6 + 0.2
    assert check_gradient(network, rng.standard_normal((8, 6)), t).passed


def test_a_stretched_output_is_a_logistic_one_in_disguise():
    """With targets -1 and 1: the same sums times 4/3, and a loss that is larger by a factor."""
    z, t = np.random.default_rng(0).normal(0, 2, (50, 10)), np.eye(10)[np.arange(50) % 10]
    low, high = STRETCHED_TARGETS
    theirs = 0.5 * ((Stretched()(z) - (2 * t - 1)) ** 2).sum(axis=1)
    ours = logistic_squared_error.loss(4 / 3 * z, low + (high - low) * t)
    np.testing.assert_allclose(theirs, (2 * 1.7159) ** 2 * ours, rtol=1e-3)


@pytest.mark.parametrize(("distortion", "down", "right"), [
    (Affine(0, 0, 0), 0, 0),
    (Affine(2, 0, 0), 2, 2),
    (Affine(0, 0.1, 0), 13.5 * (1 / 0.9 - 1), 13.5 * (1 / 0.9 - 1)),
    (Affine(0, 0, 0.2), 0, 13.5 * 0.2)])
def test_how_far_an_affine_field_looks_off(distortion, down, right):
    field = distortion.field(500, 28, np.random.default_rng(0))
    assert field.shape == (2, 500, 28, 28)
    for part, most in zip(field, (down, right)):
        assert 0.9 * most <= np.abs(part).max() <= most + 1e-12
        np.testing.assert_allclose(np.diff(part, n=2, axis=1), 0, atol=1e-12)  # lines stay lines
        np.testing.assert_allclose(np.diff(part, n=2, axis=2), 0, atol=1e-12)
    assert len(np.unique(field[1, :, 0, 0])) == (500 if right else 1)          # one for each image


def test_a_slanted_image_keeps_its_middle_row_and_moves_the_lower_ones():
    bar = np.zeros((1, 29, 29), np.uint8)
    bar[:, :, 14] = 200
    field = np.zeros((2, 1, 29, 29))
    field[1] = (0.5 * (np.arange(29) - 14))[:, None]  # a slant of a half, as Affine draws it
    slanted = look_off(bar, field)[0]
    assert slanted[[14, 16, 12], [14, 13, 15]].tolist() == [200, 200, 200]
    drawn = Affine(0, 0, 0.5).field(1, 29, np.random.default_rng(0))[1, 0]
    np.testing.assert_allclose(drawn[14], 0, atol=1e-12)


def test_affine_images_are_images_and_no_two_are_alike(tiny):
    moved = MOVED(tiny.train.images[:1].repeat(20, axis=0), np.random.default_rng(0))
    assert moved.dtype == np.uint8
    assert len(np.unique(moved, axis=0)) == 20
    ink = moved.sum(axis=1) / tiny.train.images[0].sum()
    assert (np.abs(ink - 1) < 0.3).all()


def test_an_upright_row_learns_and_is_asked_upright_images(monkeypatch, whole):
    monkeypatch.setattr(yardsticks, "everything", lambda: whole)
    yardsticks.upright.cache_clear()
    for row in (Row("a", 1, SHORT, 2), Row("b", 1, SHORT, 2, upright=True)):
        for job in row_jobs(row):
            for mine, given in zip((job.data.train, job.data.test), (whole.train, whole.test)):
                expected = views.deslanted(given.images) if row.upright else given.images
                np.testing.assert_array_equal(mine.images, expected)
                np.testing.assert_array_equal(mine.labels, given.labels)
    yardsticks.upright.cache_clear()


# --- Jobs -----------------------------------------------------------------------------------------

@pytest.fixture
def jobs(tiny, whole):
    committee = Committee(SHORT, whole, 1, 3)
    return [yardsticks.Network(SHORT.but(distortion=MOVED), tiny, 0),
            yardsticks.Network(SHORT, whole, 0), Peer(NEAREST, tiny, 0), committee]


def test_a_line_of_the_record_tells_the_run(jobs):
    for job in jobs:
        result = job.train()
        read = job.read(json.loads(json.dumps(job.told(result))))
        assert {*read} == {*result}
        for name in result:
            np.testing.assert_array_equal(read[name], result[name])
        assert result["right"].mean() > 0.3
        assert "recipe" not in job.told(result)  # or handmlp.records would take it for its own


def test_the_validation_images_are_asked_as_long_as_there_are_any(jobs, tiny):
    held, free, *_ = jobs
    assert asked(tiny) is tiny.validation
    _, history = run(held.recipe, tiny, 0)
    np.testing.assert_array_equal(held.train()["right"], history.last.right)
    _, history = run(free.recipe, free.data, 0, test=True)
    np.testing.assert_array_equal(free.train()["right"], history.last.test_right)


def test_a_run_that_diverges_is_an_error(whole):
    with pytest.raises(RuntimeError, match="come to its end"):
        yardsticks.Network(SHORT.but(learning_rate=1e38), whole, 0).train()


def test_the_nearest_neighbours_are_those_of_a_loop(tiny):
    right = Peer(NEAREST, tiny, 0).train()["right"]
    train, held = tiny.train, tiny.validation
    for place in range(40):
        gaps = ((train.images.astype(int) - held.images[place].astype(int)) ** 2).sum(axis=1)
        votes = np.bincount(train.labels[np.argsort(gaps, kind="stable")[:3]], minlength=10)
        if (votes == votes.max()).sum() == 1:
            assert right[place] == (votes.argmax() == held.labels[place])


def test_what_is_handed_over_is_told_by_the_probe(tiny, whole):
    one = Peer(NEAREST, tiny, 0)
    assert one.probe() == Peer(NEAREST, tiny, 0).probe() != Peer(NEAREST, whole, 0).probe()
    x, _ = Peer.handed(Dataset(np.uint8([[0, 51], [102, 255]]), np.array([0, 1])))
    np.testing.assert_allclose(x, [[0, 0.2], [0.4, 1]])


def test_a_committee_is_the_mean_of_the_probabilities_of_its_members(whole):
    committee = Committee(SHORT, whole, 1, 3).train()
    images, labels = whole.test.images, whole.test.labels
    total = np.zeros((len(labels), 10))
    for member, seed in zip(committee["members"], (3, 4, 5)):
        network, history = run(SHORT, whole, seed, test=True)
        np.testing.assert_array_equal(member, history.last.test_right)
        total += network.probabilities(images)
    np.testing.assert_array_equal(committee["right"], total.argmax(axis=1) == labels)


def test_a_committee_through_views_learns_and_is_asked_what_each_of_them_shows(tiny):
    names = "as it is", "narrow"
    committee = Committee(SHORT, tiny, 0, 2, names)
    found, total = committee.train(), 0
    for member, seed, name in zip(found["members"], (0, 1), names):
        network, history = run(SHORT, views.all_seen(tiny, name), seed)
        np.testing.assert_array_equal(member, history.last.right)
        total = total + network.probabilities(views.seen(tiny.validation.images, name))
    np.testing.assert_array_equal(found["right"], total.argmax(axis=1) == tiny.validation.labels)
    assert found["members"][1].mean() > 0.3


def test_the_probe_of_a_committee_hears_of_a_view_that_changes(tiny, monkeypatch):
    committee = Committee(SHORT, tiny, 0, 2, ("as it is", "narrow"))
    before = committee.probe()
    monkeypatch.setattr(views, "COLUMNS", 17)
    assert committee.probe() != before


# --- The record -----------------------------------------------------------------------------------

def test_no_two_jobs_have_one_name_and_the_long_ones_say_so():
    jobs = yardstick_jobs()
    assert len({job.name for job in jobs}) == len(jobs)
    assert any(is_long(job) for job in jobs)
    assert not all(is_long(job) for job in jobs)


def test_the_test_images_are_asked_by_nothing_that_is_chosen():
    """Rates and committees were tried on validation images; what reads the test images has held
    none out."""
    tried = {*committee_jobs(), *trials(), *(job for recipe in TRIED for job in pilot_jobs(recipe))}
    for job in yardstick_jobs():
        assert (asked(job.data) is job.data.validation) == (job in tried)


def test_the_record_holds_each_run_and_nothing_else_and_today_would_repeat_it(holds_all):
    holds_all(yardsticks.RUNS, "yardsticks", yardstick_jobs())


def test_a_run_may_leave_the_record_by_what_seeds_differ():
    def told(share, images=1000):
        return {"right": np.arange(images) < share * images}

    assert differs(told(0.95), told(0.95), []) is None
    assert differs(told(0.955), told(0.95), []) is None
    assert "0.0300" in differs(told(0.92), told(0.95), [])
    assert differs(told(0.92), told(0.95), [told(0.90), told(0.93), told(0.96)]) is None
