"""The logbook: nothing is lost, nothing stale is found, nothing is trained in vain."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import runs

from handmlp import Recipe, Splits, fan_in, load_mnist, normal, relu, run, softmax_cross_entropy
from handmlp.activations import Activation
from handmlp.records import Logbook, compare, logbook
from handmlp.records.__main__ import disagreement, jobs_on_record, main
from handmlp.records.logbook import Job

ROOT = Path(__file__).parents[1]
QUICK = Recipe(units=(8,), output=softmax_cross_entropy, init=fan_in, epochs=2, learning_rate=0.1)
WILD = QUICK.but(hidden=relu, init=normal(1), learning_rate=1e6)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Train in this process, where a test can look."""
    with joblib.parallel_config(n_jobs=1):
        yield


@pytest.fixture
def trained(monkeypatch) -> list:
    """Every run that is made, as (recipe, seed)."""
    made, train = [], logbook._train

    def seen(expected, kind, *parts):
        made.append((parts[0], parts[2]))
        return train(expected, kind, *parts)

    monkeypatch.setattr(logbook, "_train", seen)
    return made


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "runs.jsonl"


def same(one, other) -> bool:
    return json.dumps(one.to_dict()) == json.dumps(other.to_dict())


def recorded(path, data, *seeds, recipe=QUICK):
    book = Logbook(path)
    return book.complete([Job(recipe, data, seed) for seed in seeds], progress=False)


# --- what is recorded is found ------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [QUICK, WILD, QUICK.but(units=(9, 9, 9), images=100,
                                                          wrong_labels=0.1, fold=(0, 3))])
@pytest.mark.parametrize("test", [False, True])
def test_what_is_recorded_is_found_number_for_number(tiny, path, recipe, test):
    history = run(recipe, tiny, 3, test)[1]
    job = Job(recipe, tiny, 3, test)
    Logbook(path).record(job, history)
    assert same(Logbook(path).find(job), history)
    assert Logbook(path).find(job._replace(seed=4)) is None
    assert Logbook(path).find(job._replace(recipe=recipe.but(epochs=1))) is None


def test_a_run_that_tells_no_test_accuracy_does_not_serve_who_asks_for_it(tiny, path, trained):
    recorded(path, tiny, 0)
    assert Logbook(path).find(Job(QUICK, tiny, 0, test=True)) is None
    results = compare(QUICK, data=tiny, seeds=[0], logbook=path, test=True, progress=False)
    assert results[QUICK][0].last.test_accuracy is not None
    assert Logbook(path).find(Job(QUICK, tiny, 0)) is not None
    assert len(trained) == 2


def test_other_data_are_another_run(tiny, path):
    recorded(path, tiny, 0)
    other = Splits(tiny.train.take(slice(599)), tiny.validation, tiny.test)
    assert Logbook(path).find(Job(QUICK, other, 0)) is None


def test_a_second_time_nothing_is_trained(tiny, path, trained):
    first = compare(QUICK, QUICK.but(epochs=1), data=tiny, seeds=range(2), logbook=path)
    assert len(trained) == 4
    again = compare(QUICK, QUICK.but(epochs=1), data=tiny, seeds=range(2), logbook=path)
    assert len(trained) == 4
    assert all(same(*pair) for pair in zip(first[QUICK], again[QUICK]))


def test_without_a_file_everything_is_trained(tiny, trained):
    for _ in range(2):
        compare(QUICK, data=tiny, seeds=[0], progress=False)
    assert len(trained) == 2


def test_of_two_lines_with_one_name_the_last_counts(tiny, path):
    job = Job(QUICK, tiny, 0)
    early, late = run(QUICK, tiny, 0)[1], run(QUICK, tiny, 1)[1]
    for history in (early, late):
        Logbook(path).record(job, history)
    assert len(path.read_text().splitlines()) == 2
    assert Logbook(path).find(job).last.loss == late.last.loss
    Logbook(path).compact()
    assert len(path.read_text().splitlines()) == 1
    assert Logbook(path).find(job).last.loss == late.last.loss


def test_a_line_is_json_for_any_reader(tiny, path):
    everything = Splits(tiny.train, tiny.validation.take([]), tiny.test)  # NaN where not watched
    for data, recipe in [(tiny, WILD), (everything, QUICK)]:
        recorded(path, data, 0, recipe=recipe)
    for line in path.read_text("utf-8").splitlines():
        told = json.loads(line, parse_constant=lambda word: pytest.fail(f"bare {word}"))
        assert list(told)[:3] == ["name", "measured", "probe"]
        assert set(told["measured"]) == {"numpy", "kernel", "python", "date"}


# --- choices of one's own -----------------------------------------------------------------------


def test_your_own_choice_is_neither_looked_up_nor_recorded(tiny, path, trained):
    class Tanh(Activation):
        def __call__(self, z, out=None):
            return np.tanh(z, out=out)

        def slope(self, a):
            return 1 - a * a

    mine = QUICK.but(hidden=Tanh())
    for _ in range(2):
        compare(mine, data=tiny, seeds=[0], logbook=path, progress=False)
    assert len(trained) == 2
    assert not path.exists()


def test_a_class_that_was_defined_again_is_told(tiny):
    def defined():
        class Same(Activation):
            def __call__(self, z, out=None):
                return np.tanh(z, out=out)

            def slope(self, a):
                return 1 - a * a
        return QUICK.but(hidden=Same())

    results = compare(defined(), data=tiny, seeds=[0], progress=False)
    with pytest.raises(KeyError, match="compare again"):
        results[defined()]


# --- nothing is lost ----------------------------------------------------------------------------

MANY = """
import os, random, signal, sys, time
import numpy as np
from handmlp import Dataset, Recipe, Splits, run
from handmlp.records import Logbook
from handmlp.records.logbook import Job
one = Dataset(np.arange(320, dtype=np.uint8).reshape(20, 16), np.arange(20) % 10)
data, recipe = Splits(one, one, one), Recipe(units=2, epochs=0)
history, path = run(recipe, data, 0)[1], sys.argv[1]
Job(recipe, data, 0).probe()  # now, so that none waits for it

def record(seeds):
    for seed in seeds:
        Logbook(path).record(Job(recipe, data, seed), history)
        yield seed
"""
TWO_HUNDRED = MANY + """
first = int(sys.argv[2])
assert len([*record(range(first, first + 200))]) == 200
"""
FIFTY_KILLS = MANY + """
moments, known = random.Random(0), 0
for kill in range(50):
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        for seed in record(range(known, known + 1000)):
            os.write(writes, b".")  # this one is done
        os._exit(0)
    os.close(writes)
    time.sleep(moments.uniform(0.001, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    done = 0
    while dots := os.read(reads, 1000):
        done += len(dots)
    os.close(reads)
    found = len(Logbook(path).lines())
    assert known + done <= found <= known + done + 1, (kill, known, done, found)
    known = found
print(known)
"""


def test_two_processes_that_record_at_once_lose_nothing(path):
    both = [subprocess.Popen([sys.executable, "-c", TWO_HUNDRED, path, first])
            for first in ("0", "200")]
    assert [process.wait(120) for process in both] == [0, 0]
    names = [json.loads(line)["name"] for line in path.read_text("utf-8").splitlines()]
    assert len(names) == len(set(names)) == len(Logbook(path).lines()) == 400


def test_a_kill_at_any_of_fifty_moments_costs_at_most_the_run_in_hand(path):
    killed = subprocess.run([sys.executable, "-c", FIFTY_KILLS, path], text=True, check=True,
                            stdout=subprocess.PIPE)
    assert int(killed.stdout) > 50


def test_a_torn_line_at_any_place_is_passed_over_and_then_replaced(tiny, path):
    recorded(path, tiny, 0, 1)
    whole = path.read_bytes()
    last = whole.index(b"\n") + 1
    for end in range(last, len(whole), 997):
        path.write_bytes(whole[:end])
        assert len(Logbook(path).lines()) == 1
        recorded(path, tiny, 1)
        assert path.read_bytes() == whole


def test_a_full_disk_leaves_what_was_there_and_the_results_come_back(tiny, path, monkeypatch):
    recorded(path, tiny, 0)
    before, whole = path.read_bytes(), Path.open

    def full(self, mode="r", *args, **kwargs):
        file = whole(self, mode, *args, **kwargs)
        if "a" in mode:
            class Full:
                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    file.close()

                def __getattr__(self, name):
                    return getattr(file, name)

                def write(self, text):
                    file.write(text[:100])
                    file.flush()
                    raise OSError(28, "No space left on device")
            return Full()
        return file

    monkeypatch.setattr(Path, "open", full)
    with pytest.warns(UserWarning, match="not kept, since .*runs.jsonl cannot be written") as told:
        results = compare(QUICK, data=tiny, seeds=range(3), logbook=path, progress=False)
    assert len(told) == 1
    assert np.isfinite(results.final(QUICK)).all()
    assert path.read_bytes() == before


def test_a_merge_keeps_the_lines_of_both_sides(tiny, tmp_path):
    """By git's own union driver, which .gitattributes asks for."""
    assert "book/runs.jsonl merge=union" in (ROOT / ".gitattributes").read_text()
    base, ours, theirs = (tmp_path / name for name in ("base", "ours", "theirs"))
    recorded(base, tiny, 0)
    for path, seed in [(ours, 1), (theirs, 2)]:
        path.write_bytes(base.read_bytes())
        recorded(path, tiny, seed)
    subprocess.run(["git", "merge-file", "--union", ours, base, theirs], check=True)
    assert len(Logbook(ours).lines()) == 3


@pytest.mark.parametrize(("line", "said"), [
    (b"<<<<<<< HEAD\n", "line 1 is the mark of a merge: remove it, and keep the lines of both"),
    (b"=======\n", "line 1 is the mark of a merge"),
    (b"{}\n", "line 1 is not a run: remove it, or restore the file"),
    (b"[1]\n", "line 1 is not a run"),
    (b"<!DOCTYPE html>\n", "line 1 is not a run"),
    (b"\xff\xfe\n", "line 1 is not a run"),
])
def test_a_damaged_line_is_named_before_anything_is_trained(tiny, path, trained, line, said):
    recorded(path, tiny, 0)
    trained.clear()
    path.write_bytes(line + path.read_bytes())
    with pytest.raises(ValueError, match=said) as caught:
        compare(QUICK, data=tiny, seeds=range(2), logbook=path)
    assert str(path) in str(caught.value)
    assert not trained


def test_a_folder_is_refused_before_anything_is_trained(tiny, tmp_path, trained):
    with pytest.raises(ValueError, match="logbook must be a file"):
        compare(QUICK, data=tiny, logbook=tmp_path)
    assert not trained


# --- how many processes -------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "jobs", "used"), [(1, 3, 1), (2, 3, 2), (8, 3, 3), (-1, 1, 1)])
def test_never_more_workers_than_runs_and_as_many_as_asked(tiny, monkeypatch, asked, jobs, used):
    seen, parallel = [], joblib.Parallel

    def watched(n_jobs, **options):
        seen.append(n_jobs)
        return parallel(1, **options)

    monkeypatch.setattr(joblib, "Parallel", watched)
    compare(QUICK, data=tiny, seeds=range(jobs), n_jobs=asked, progress=False)
    with joblib.parallel_config(n_jobs=asked):
        compare(QUICK, data=tiny, seeds=range(jobs), progress=False)
    assert seen == [used, used]


def test_processes_of_their_own_find_the_same(tiny):
    here = compare(QUICK, data=tiny, seeds=range(2), n_jobs=1, progress=False)
    there = compare(QUICK, data=tiny, seeds=range(2), n_jobs=2, progress=False)
    assert all(same(*pair) for pair in zip(here[QUICK], there[QUICK]))


def test_a_worker_with_other_code_refuses_to_train(tiny):
    job = Job(QUICK, tiny, 0)
    other = tuple(value * 1.001 for value in job.probe())
    with pytest.raises(RuntimeError, match="another handmlp than this process.*restart"):
        logbook._train(other, Job, *job)


SWEEP = """
import sys
from pathlib import Path
from handmlp import Recipe, load_mnist
from handmlp.records import compare
compare(Recipe(epochs=50), data=load_mnist(), seeds=range(4), n_jobs=2, progress=False)
"""


def test_who_is_asked_to_end_in_mid_sweep_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-c", SWEEP], stderr=subprocess.DEVNULL,
                               env=os.environ | {"JOBLIB_TEMP_FOLDER": str(folder)})
    end = time.monotonic() + 60
    while not (workers := children(process.pid)) or not list(folder.rglob("*.pkl")):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    end = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers) or any(folder.iterdir()):
        assert time.monotonic() < end, "something stayed"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [int(word) for file in Path(f"/proc/{pid}/task").glob("*/children")
            for word in file.read_text().split()]


# --- python -m handmlp.records ------------------------------------------------------------------


@pytest.fixture
def small(tiny, path, monkeypatch) -> Path:
    """A logbook of four runs of two recipes, on a few digits that stand for MNIST."""
    def load(validation=10_000):
        return tiny if validation else load_mnist(validation=0)

    monkeypatch.setattr("handmlp.records.__main__.load_mnist", load)
    compare(QUICK, QUICK.but(learning_rate=0.2), data=tiny, seeds=range(2), logbook=path,
            progress=False)
    return path


def test_check_of_an_untouched_logbook(small, capsys, trained):
    assert main(["check", str(small)]) == 0
    assert len(trained) == 2
    assert "2 passed, 0 failed" in capsys.readouterr().out
    assert main(["check", "--seeds", "9", str(small)]) == 0
    assert len(trained) == 6


def test_check_leaves_what_takes_minutes_until_asked(small, tiny, capsys, trained, monkeypatch):
    more = QUICK.but(epochs=4 * QUICK.epochs)
    compare(more, data=tiny, seeds=[0], logbook=small, progress=False)
    parameters = 784 * QUICK.units[0] + 11 * QUICK.units[0] + 10
    monkeypatch.setattr("handmlp.records.__main__.LONG", 600 * parameters * 2 * QUICK.epochs)
    trained.clear()
    assert main(["check", str(small)]) == 0
    assert len(trained) == 2
    assert "2 passed, 0 failed; 1 runs that take minutes" in capsys.readouterr().out
    assert main(["check", "--long", str(small)]) == 0
    assert len(trained) == 5
    assert "3 passed, 0 failed\n" in capsys.readouterr().out


def test_the_parts_of_a_check_make_the_whole(small, tiny, capsys, trained):
    compare(QUICK.but(momentum=0.5), data=tiny, seeds=[0], logbook=small, progress=False)
    trained.clear()
    for part, found in [("0/2", 2), ("1/2", 1)]:
        assert main(["check", "--part", part, str(small)]) == 0
        assert f"{found} passed, 0 failed" in capsys.readouterr().out
    assert len(trained) == len(set(trained)) == 3


@pytest.mark.parametrize("part", ["4/4", "-1/4", "1", "0/0", "a/b", "1/2/3"])
def test_a_part_that_is_none_is_refused(small, capsys, part):
    with pytest.raises(SystemExit):
        main(["check", f"--part={part}", str(small)])
    assert "argument --part: invalid" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "epoch", "change", "said"), [
    ("loss", 0, 1.01, "begins otherwise"), ("train_accuracy", 0, 1.05, "begins otherwise"),
    ("loss", 2, 1.5, "loss is off by"), ("train_accuracy", 2, 0.5, "train accuracy is off by"),
])
def test_check_finds_a_tampered_number(small, capsys, name, epoch, change, said):
    lines = [json.loads(line) for line in small.read_text("utf-8").splitlines()]
    lines[0][name][epoch] *= change
    small.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert main(["check", str(small)]) == 1
    out = capsys.readouterr().out
    assert said in out
    assert "1 passed, 1 failed" in out


def test_on_another_kernel_few_seeds_tell_the_beginning_alone(small, capsys):
    """Another kernel rounds otherwise, and some runs then end as another seed would."""
    text = small.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        line["measured"]["kernel"] = "another"
    for epoch, failed in [(2, 0), (0, 1)]:
        lines[0]["loss"][epoch] *= 1.5
        small.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        assert main(["check", str(small)]) == failed
        assert f"{2 - failed} passed, {failed} failed" in capsys.readouterr().out


def test_one_recipe_on_two_sets_of_images_is_checked_on_both(small, tiny, monkeypatch, trained):
    everything = Splits(tiny.train.take(slice(500)), tiny.validation.take([]), tiny.test)
    monkeypatch.setattr("handmlp.records.__main__.load_mnist",
                        lambda validation=10_000: tiny if validation else everything)
    compare(QUICK, data=everything, seeds=range(2), logbook=small, progress=False)
    trained.clear()
    assert main(["check", str(small)]) == 0
    assert len(trained) == 3


def test_check_wants_todays_code_and_something_to_check(small, path, capsys):
    stale(small, 1)
    assert main(["check", str(small)]) == 1
    assert "4 runs, 1 of them not as today's code would make them" in capsys.readouterr().out
    path.write_text("")
    assert main(["check", str(path)]) == 1


def stale(path, count) -> None:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines[:count]:
        line["probe"][0] *= 1.0001
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_update_trains_what_is_stale_and_nothing_else(small, capsys, trained):
    assert main(["update", str(small)]) == 0
    assert not trained
    stale(small, 3)
    before = jobs_on_record(Logbook(small))
    assert main(["update", str(small)]) == 0
    assert len(trained) == 3
    assert jobs_on_record(Logbook(small)) == before
    assert len(small.read_text("utf-8").splitlines()) == 4  # compacted


def test_measure_trains_everything_and_repeats_it(small, trained):
    before = {name: line["loss"] for name, line in Logbook(small).lines().items()}
    assert main(["measure", str(small)]) == 0
    assert len(trained) == 4
    assert {name: line["loss"] for name, line in Logbook(small).lines().items()} == before


def test_a_recipe_in_words_that_are_gone_is_named(small, capsys):
    small.write_text(small.read_text("utf-8").replace('"logistic"', '"swish"'), "utf-8")
    assert main(["update", str(small)]) == 1
    assert "'swish'" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["chekc", "x"], ["update"], ["update", "no such file"]])
def test_an_unknown_word_or_file_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_another_machine_may_round_otherwise(tiny):
    runs = [run(QUICK, tiny, seed)[1] for seed in range(5)]
    assert disagreement(runs[0], runs[0], runs[1:]) is None
    assert "begins otherwise" in disagreement(runs[1], runs[0], runs[2:])


# --- the record of the book ---------------------------------------------------------------------


def test_each_line_of_the_books_record_is_of_a_run_that_is_kept():
    book = Logbook(ROOT / "book" / "runs.jsonl")
    assert {job.name for jobs_of, _ in runs.KINDS for job in jobs_of(book)} == {*book.lines()}


def test_the_books_record_has_a_line_a_run_and_opens_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines = Logbook(ROOT / "book" / "runs.jsonl").lines()
    text = (ROOT / "book" / "runs.jsonl").read_text("utf-8")
    assert len(lines) == text.count("\n") > 1500
    assert sum("choices" in line for line in lines.values()) == 218
