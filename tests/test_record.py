"""The record run: what is kept is what was trained, and reads as it says."""

import hashlib
import json

import numpy as np
import pytest
import record
import weights
from views import VIEWS, seen

from handmlp.data import Splits

TOLD = json.loads(record.LOG.read_text("utf-8"))


@pytest.fixture(scope="module")
def members():
    return record.networks()


def test_the_log_is_of_these_weights_and_of_this_recipe():
    assert hashlib.sha256(record.WEIGHTS.read_bytes()).hexdigest() == TOLD["sha256"]
    assert TOLD["recipe"] == repr(record.RECIPE)
    assert TOLD["views"] == [*VIEWS]


def test_it_took_at_most_half_an_hour_on_a_core_for_each():
    assert TOLD["wall_seconds"] <= 1800
    assert record.CORES == 2


def test_the_committee_reads_as_the_log_says(members, mnist):
    # Another processor adds up in another order, which may turn an image that is on the edge.
    answers = record.answers(members, mnist.test.images)
    assert np.allclose(answers.sum(axis=2), 1, atol=1e-5)
    assert abs(record.mistakes(answers.mean(axis=0), mnist.test) - TOLD["mistakes"]) <= 1
    for each, alone in zip(answers, TOLD["mistakes_of_each"], strict=True):
        assert abs(record.mistakes(each, mnist.test) - alone) <= 1


def test_the_scaling_is_that_of_the_images_as_each_view_shows_them(members, mnist):
    for network, view in zip(members, VIEWS):
        fitted = record.RECIPE.inputs.fit(seen(mnist.train.images[:5000], view))
        assert float(network.scaling.shift) == pytest.approx(float(fitted.shift), rel=0.02)
        assert float(network.scaling.scale) == pytest.approx(float(fitted.scale), rel=0.02)


def test_half_precision_costs_next_to_nothing():
    assert abs(TOLD["mistakes"] - TOLD["mistakes_in_single_precision"]) <= 1


def test_eight_bits_for_the_browser_read_as_well(members, mnist):
    in_eight_bits = weights.networks(record.in_eight_bits())
    assert len(in_eight_bits) == len(members)
    missed, then = (record.mistakes(record.answers(networks, mnist.test.images).mean(axis=0),
                                    mnist.test) for networks in (in_eight_bits, members))
    assert abs(missed - then) <= 10  # .1 points


# --- the command, on a few digits ---------------------------------------------------------------

@pytest.fixture
def few(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "load_mnist", lambda validation=0: Splits(
        tiny.train, tiny.validation.take([]), tiny.test))
    monkeypatch.setattr(record, "RECIPE", record.RECIPE.but(units=(9, 8), epochs=2))
    monkeypatch.setattr(record, "SIZES", (784, 9, 8, 10))
    for name, file in [("WEIGHTS", "record.bin"), ("LOG", "record.json")]:
        monkeypatch.setattr(record, name, tmp_path / file)
    # In this process, where the functions are patched.
    monkeypatch.setattr(record.joblib, "Parallel", lambda count: list)
    monkeypatch.setattr(record.joblib, "delayed", lambda function: function)
    return tmp_path


def test_what_is_written_is_repeated(few, capsys):
    assert record.main("write") == 0
    assert json.loads((few / "record.json").read_text("utf-8"))["mistakes"] > 0
    before = (few / "record.bin").read_bytes()
    assert record.main("repeat") == 0
    assert capsys.readouterr().out.endswith("the same as on record\n")
    assert (few / "record.bin").read_bytes() == before


def test_another_recipe_is_not_the_same(few, capsys, monkeypatch):
    record.main("write")
    monkeypatch.setattr(record, "RECIPE", record.RECIPE.but(learning_rate=0.2))
    assert record.main("repeat") == 1
    assert "not as on record: recipe, sha256" in capsys.readouterr().out


def test_the_run_of_before_stays_in_the_log(few):
    record.main("write")
    first = json.loads((few / "record.json").read_text("utf-8"))
    record.main("write")
    assert json.loads((few / "record.json").read_text("utf-8"))["before"] == first


def test_each_network_is_asked_through_its_own_view(members, mnist):
    images = mnist.test.images[:50]
    for each, network, view in zip(record.answers(members, images), members, VIEWS):
        assert np.array_equal(each, network.probabilities(seen(images, view)))
