"""The logbook: what is on record, for as long as nothing that decides it has changed."""

import dataclasses
import json
import shutil
from pathlib import Path

import joblib
import numpy as np
import pytest

from handmlp import Recipe, Splits, fan_in, normal, relu, run, runs_of, softmax_cross_entropy, tanh
from handmlp.activations import Activation
from handmlp.records import compare, logbook
from handmlp.records.__main__ import disagreement, main
from handmlp.records.logbook import NUMERICAL, Logbook, code_hash, parse

QUICK = Recipe(units=(10,), hidden=tanh, output=softmax_cross_entropy, init=fan_in,
               order=runs_of(3), learning_rate=0.1, weight_decay=(0.1, 0.0), epochs=2)
WILD = QUICK.but(learning_rate=1000.0, weight_decay=1.0)
PACKAGE = Path(logbook.__file__).parent


@pytest.fixture(autouse=True)
def here():
    """Train in this process, which starts sooner than others would."""
    with joblib.parallel_config(backend="sequential"):
        yield


@pytest.fixture
def trained(monkeypatch):
    """A list of the runs that were trained and not found."""
    runs = []

    def watched(recipe, data, seed, test=False):
        runs.append((recipe, seed))
        return run(recipe, data, seed, test)

    monkeypatch.setattr(logbook, "run", watched)
    return runs


def same(one, other):
    assert (one.recipe, one.seed, one.diverged_at) == (other.recipe, other.seed, other.diverged_at)
    assert len(one.epochs) == len(other.epochs)
    for mine, yours in zip(one.epochs, other.epochs):
        for field in dataclasses.fields(mine):
            np.testing.assert_array_equal(getattr(mine, field.name), getattr(yours, field.name))


def only_file(folder):
    path, = folder.iterdir()
    return path


def edit(path, change):
    page = json.loads(path.read_text("utf-8"))
    change(page)
    path.write_text(json.dumps(page), "utf-8")


# --- Found and recorded --------------------------------------------------------------------------

@pytest.mark.parametrize("recipe", [QUICK, WILD, QUICK.but(units=(9, 9, 9), hidden=relu,
                                                           weight_decay=0.0, init=normal(1e30))],
                         ids=["finished", "diverged", "diverged before it started"])
@pytest.mark.parametrize("test", [False, True])
def test_what_is_recorded_is_found_number_for_number(tiny, tmp_path, recipe, test):
    book, history = Logbook(tmp_path / "runs"), run(recipe, tiny, 3, test)[1]
    assert book.find(recipe, tiny, 3) is None
    book.record(history, tiny)
    same(book.find(recipe, tiny, 3), history)
    assert book.find(recipe, tiny, 4) is None
    assert book.find(recipe.but(momentum=0.5), tiny, 3) is None
    # A run that diverged has no test accuracy to tell, so asking for it must not train for ever.
    known = book.find(recipe, tiny, 3, test=True)
    assert (known is not None) == (test or recipe != QUICK)


def test_other_data_are_another_page(tiny, tmp_path):
    book = Logbook(tmp_path)
    book.record(run(QUICK, tiny, 0)[1], tiny)
    fewer = Splits(tiny.train.take(slice(599)), tiny.validation, tiny.test)
    assert book.find(QUICK, fewer, 0) is None
    book.record(run(QUICK, fewer, 0)[1], fewer)
    assert len(list(tmp_path.iterdir())) == 2
    assert book.find(QUICK, tiny, 0) is not None


def test_a_second_time_nothing_is_trained(tiny, tmp_path, trained):
    first = compare(QUICK, WILD, data=tiny, seeds=range(2), logbook=str(tmp_path))
    assert len(trained) == 4
    again = compare(QUICK, WILD, data=tiny, seeds=range(3), logbook=str(tmp_path))
    assert trained[4:] == [(QUICK, 2), (WILD, 2)]
    for recipe in first:
        for one, other in zip(first[recipe], again[recipe]):
            same(one, other)
    compare(QUICK, data=tiny, seeds=[0], test=True, logbook=str(tmp_path))
    assert trained[6:] == [(QUICK, 0)]                # the test accuracy was not on record
    compare(QUICK, data=tiny, seeds=[0], logbook=str(tmp_path))
    compare(WILD, data=tiny, seeds=[0], test=True, logbook=str(tmp_path))
    assert len(trained) == 7


def test_without_a_folder_everything_is_trained(tiny, trained):
    for _ in range(2):
        compare(QUICK, data=tiny, seeds=[0])
    assert len(trained) == 2


def test_an_interrupted_sweep_goes_on_where_it_stopped(tiny, tmp_path, monkeypatch, trained):
    watched = logbook.run

    def interrupted(recipe, data, seed, test=False):
        if seed == 2:
            raise KeyboardInterrupt
        return watched(recipe, data, seed, test)

    monkeypatch.setattr(logbook, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(QUICK, data=tiny, seeds=range(4), logbook=str(tmp_path))
    assert [seed for _, seed in trained] == [0, 1]
    monkeypatch.setattr(logbook, "run", watched)
    compare(QUICK, data=tiny, seeds=range(4), logbook=str(tmp_path))
    assert [seed for _, seed in trained] == [0, 1, 2, 3]


def test_your_own_activation_is_neither_looked_up_nor_recorded(tiny, tmp_path, trained):
    class Tanh(Activation):
        """Prints as handmlp's own does."""

        def __call__(self, z, out=None):
            return np.tanh(2 * z, out=out)

        def slope(self, a):
            return 2 - 2 * a * a

    compare(QUICK, data=tiny, seeds=[0], logbook=str(tmp_path))
    content = only_file(tmp_path).read_text("utf-8")
    own = QUICK.but(hidden=Tanh())
    assert repr(own) == repr(QUICK)
    for _ in range(2):
        results = compare(own, data=tiny, seeds=[0], logbook=str(tmp_path))
    assert trained == [(QUICK, 0), (own, 0), (own, 0)]
    assert results[own][0].last.loss != run(QUICK, tiny, 0)[1].last.loss
    assert only_file(tmp_path).read_text("utf-8") == content


def test_a_page_is_small_readable_and_has_one_line_a_run(tiny, tmp_path):
    compare(QUICK, data=tiny, seeds=[10, 2, 0], logbook=str(tmp_path))
    path = only_file(tmp_path)
    text = path.read_text("utf-8")
    page = json.loads(text)
    assert page["recipe"] == repr(QUICK)
    assert page["data"] == tiny.fingerprint
    assert {"numpy", "kernel", "python", "date"} <= set(page["measured"])
    assert list(page["runs"]) == ["0", "2", "10"]
    assert sum(line.lstrip().startswith(('"0":', '"2":', '"10":'))
               for line in text.splitlines()) == 3
    assert path.stat().st_size < 3 * 20_000
    Logbook(tmp_path).record(run(QUICK, tiny, 2)[1], tiny)     # the same again: no line changes
    assert path.read_text("utf-8") == text


def test_a_full_disk_leaves_the_old_page(tiny, tmp_path, monkeypatch):
    book = Logbook(tmp_path)
    book.record(run(QUICK, tiny, 0)[1], tiny)
    path = only_file(tmp_path)
    before = path.read_text("utf-8")

    def full(self, text, encoding=None):
        with open(self, "w", encoding=encoding) as file:
            file.write(text[:20])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space left"):
        book.record(run(QUICK, tiny, 1)[1], tiny)
    assert path.read_text("utf-8") == before
    assert len(book.pages()) == 1                              # half a page is not taken for one


def test_a_damaged_page_is_named(tiny, tmp_path):
    book = Logbook(tmp_path)
    book.record(run(QUICK, tiny, 0)[1], tiny)
    path = only_file(tmp_path)
    path.write_text(path.read_text("utf-8")[:100], "utf-8")
    with pytest.raises(ValueError, match=f"{path.name} is damaged"):
        book.find(QUICK, tiny, 0)


@pytest.mark.parametrize("recipe", [Recipe(), QUICK, WILD, QUICK.but(init=normal(-0.5))], ids=repr)
def test_recipes_are_read_back(recipe):
    assert parse(repr(recipe)) == recipe


@pytest.mark.parametrize("text", ["", "Recipe(", "Recipe(hidden=swish)", "Recipe(units=(0,))",
                                  "Recipe(epoch=3)", "Recipe(hidden=np)",
                                  "Recipe(init=normal('a'))",
                                  "Recipe(epochs=__import__('os').getpid())"])
def test_what_is_no_recipe_is_none(text):
    assert parse(text) is None


# --- The hash of the code ------------------------------------------------------------------------

@pytest.fixture
def hash_of(tmp_path, monkeypatch):
    """Return the hash of the package after an edit of one module, in a copy."""
    def hash_of(module="values", before="", after=""):
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in NUMERICAL:
            shutil.copy(PACKAGE / f"{name}.py", folder)
        text = (folder / f"{module}.py").read_text("utf-8")
        assert before in text
        (folder / f"{module}.py").write_text(text.replace(before, after, 1), "utf-8")
        monkeypatch.setattr(logbook, "__file__", str(folder / "logbook.py"))
        return code_hash.__wrapped__()
    return hash_of


@pytest.mark.parametrize(("module", "before", "after"), [
    ("initialisers", "return 1 / math.sqrt(fan_in)", "return 1.0001 / math.sqrt(fan_in)"),
    ("network", "delta *= factor / len(t)", "delta *= -factor / len(t)"),
    ("data", "SPLIT_SEED = 1998", "SPLIT_SEED = 1999"),
    ("training", "velocity.flat -= step.flat", "velocity.flat += step.flat"),
    ("recipe", "learning_rate: float = 3.0", "learning_rate: float = 3.5"),
    ("values", "from", "import os\nfrom"),
])
def test_an_edited_line_of_code_is_another_hash(hash_of, module, before, after):
    assert hash_of() == code_hash()
    assert hash_of(module, before, after) != code_hash()


@pytest.mark.parametrize(("module", "before", "after"), [
    ("training", "# v ← μ v", "# the velocity fades"),
    ("training", "    if momentum:\n", "    # A comment.\n\n    if momentum:\n"),
    ("initialisers", '"""Draw W of', '"""Draw at random W of'),
    ("network", '"""The network: its', '"""A network: its'),
    ("outputs", "return 0.5 * ((self(z) - t) ** 2).sum(axis=1)",
     "return (0.5 * ((self(z) - t)**2).sum(\n            axis=1))"),
])
def test_comments_docstrings_and_layout_are_not(hash_of, module, before, after):
    assert hash_of(module, before, after) == code_hash()


def test_every_module_that_decides_a_number_is_in_the_hash():
    """Whatever training imports from the package, it is hashed, or only reads the files."""
    import ast
    seen, todo = set(), ["recipe"]
    while todo:
        name = todo.pop()
        seen.add(name)
        for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("handmlp"):
                parts = node.module.split(".")[1:] or [alias.name for alias in node.names]
                todo += [part for part in parts if part not in seen]
    assert seen == {*NUMERICAL, "idx"}                 # the files are checked by their own sums


def test_a_worker_with_other_code_refuses_to_train(tiny):
    with pytest.raises(RuntimeError, match="has another handmlp, .*, not other code"):
        logbook._run("other code", QUICK, tiny, 0)


def test_changed_code_finds_nothing_and_replaces_run_by_run(tiny, tmp_path, monkeypatch, trained):
    compare(QUICK, data=tiny, seeds=range(3), logbook=str(tmp_path))
    monkeypatch.setattr(logbook, "code_hash", lambda: "another code")
    assert Logbook(tmp_path).find(QUICK, tiny, 0) is None
    compare(QUICK, data=tiny, seeds=[1], logbook=str(tmp_path))
    assert trained[3:] == [(QUICK, 1)]
    codes = {seed: page["code"] for seed, page in
             json.loads(only_file(tmp_path).read_text("utf-8"))["runs"].items()}
    # The other seeds stay on the list of what is to be trained, even if this is interrupted.
    assert codes == {"0": code_hash(), "1": "another code", "2": code_hash()}


# --- python -m handmlp ---------------------------------------------------------------------------

@pytest.fixture
def everything(tiny):
    """The same digits, none of them held out."""
    return Splits(tiny.train, tiny.validation.take([]), tiny.test)


@pytest.fixture
def folder(tiny, everything, tmp_path, monkeypatch, trained):
    """A logbook of two recipes, four seeds each, one of them with its test accuracy."""
    def load(validation=10_000):
        return tiny if validation else everything

    monkeypatch.setattr("handmlp.records.__main__.load_mnist", load)
    compare(QUICK, data=tiny, seeds=range(4), test=True, logbook=str(tmp_path))
    compare(QUICK.but(momentum=0.5), data=tiny, seeds=range(4), logbook=str(tmp_path))
    trained.clear()
    return tmp_path


def test_check_of_an_untouched_logbook(folder, capsys, trained):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(["check", str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.count("agrees") == 2
    assert "2 passed, 0 failed" in out
    assert trained == [(QUICK.but(momentum=0.5), 0), (QUICK, 0)]
    assert main(["check", "--seeds", "2", str(folder)]) == 0
    assert "4 passed, 0 failed" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def tampered(name, by):
    def change(page):
        record = page["runs"]["0"]
        if name == "confusion":                 # accuracy: all are called as they are
            record["confusion"][-1] = np.diag(np.sum(record["confusion"][-1], axis=1)).tolist()
        elif name == "weights":
            record["weights"][0][0][1] *= 1 + by
        elif name == "diverged_at":
            record["diverged_at"] = [1, 5]
        elif name == "epochs":
            for key in ("loss", "train_accuracy", "validation_loss", "test_accuracy", "confusion",
                        "weights"):
                record[key].pop(1)
        else:
            record[name][-1] += by
    return change


@pytest.mark.parametrize(("name", "by", "said"), [
    ("confusion", 0, "validation accuracy is off by"),
    ("train_accuracy", 0.2, "train accuracy is off by 0.2"),
    ("loss", 0.4, "loss is off by 0.4"),
    ("validation_loss", 0.6, "validation loss is off by 0.6"),
    ("test_accuracy", -0.3, "test accuracy is off by 0.3"),
    ("weights", 0.01, "first weights have standard deviations"),
    ("diverged_at", 0, "diverged in epoch 1, step 5"),
    ("epochs", 0, "seed 0, epoch 1: "),
])
def test_check_finds_a_tampered_number(folder, capsys, name, by, said):
    path = next(path for path in folder.iterdir()
                if json.loads(path.read_text("utf-8"))["recipe"] == repr(QUICK))
    edit(path, tampered(name, by))
    assert main(["check", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "1 passed, 1 failed" in out
    line, = (line for line in out.splitlines() if line.startswith("differs"))
    assert repr(QUICK) in line
    assert said in line


def test_check_finds_a_page_in_another_recipes_file(folder, capsys):
    path = next(folder.iterdir())
    edit(path, lambda page: page.update(recipe=repr(QUICK.but(learning_rate=0.07))))
    assert main(["check", str(folder)]) == 1
    assert "is in a file with the name of another recipe" in capsys.readouterr().out


def test_another_machine_may_round_otherwise(tiny):
    """A run may leave the record by half a point and three standard deviations over seeds."""
    recorded, *others = (run(QUICK, tiny, seed)[1] for seed in range(5))
    spread = np.std([one.curve("loss")[-1] for one in others], ddof=1)
    last = recorded.last
    for share, agrees in [(0.9, True), (1.1, False)]:
        off = (0.005 * max(1, recorded.curve("loss").max()) + 3 * spread) * share
        moved = dataclasses.replace(last, loss=last.loss + off)
        fresh = dataclasses.replace(recorded, epochs=(*recorded.epochs[:-1], moved))
        assert (disagreement(fresh, recorded, others) is None) == agrees
    wild = run(WILD, tiny, 0)[1]
    assert disagreement(wild, dataclasses.replace(wild, diverged_at=(1, 3)), []) is None


def test_check_wants_today_s_code_and_something_to_check(folder, capsys, monkeypatch, tmp_path):
    empty = tmp_path / "empty"
    with pytest.raises(SystemExit):
        main(["check", str(empty)])
    assert f"there is no folder {empty}" in capsys.readouterr().err
    empty.mkdir()
    assert main(["check", str(empty)]) == 1
    assert "empty: 0 runs on these images" in capsys.readouterr().out
    monkeypatch.setattr(logbook, "code_hash", lambda: "another code")
    assert main(["check", str(folder)]) > 0
    out = capsys.readouterr().out
    assert "8 runs on these images, 8 of them recorded by older code" in out
    assert f"python -m handmlp update {folder}" in out


def test_update_trains_what_is_stale_and_nothing_else(folder, capsys, monkeypatch, trained):
    assert main(["update", str(folder)]) == 0
    assert "2 recipes on record, 0 runs to train" in capsys.readouterr().out
    assert trained == []
    monkeypatch.setattr(logbook, "code_hash", lambda: "another code")
    assert main(["update", str(folder)]) == 0
    assert "2 recipes on record, 8 runs to train" in capsys.readouterr().out
    assert len(trained) == 8
    assert main(["update", str(folder)]) == 0
    assert len(trained) == 8
    pages = {page["recipe"]: page["runs"] for page in Logbook(folder).pages()}
    told = {recipe: {run["test_accuracy"][-1] is not None for run in runs.values()}
            for recipe, runs in pages.items()}
    assert told == {repr(QUICK): {True}, repr(QUICK.but(momentum=0.5)): {False}}


def test_runs_on_all_images_are_kept_true_too(folder, everything, capsys, monkeypatch, trained):
    """No validation images: losses and accuracies on them are NaN, and agree with NaN."""
    for test in (False, True):
        compare(QUICK, data=everything, seeds=range(4), test=test, logbook=str(folder))
    assert len(list(folder.iterdir())) == 3
    assert np.isnan(Logbook(folder).find(QUICK, everything, 0).curve("validation_loss")).all()
    assert main(["check", str(folder)]) == 0
    assert "3 passed, 0 failed" in capsys.readouterr().out
    trained.clear()
    monkeypatch.setattr(logbook, "code_hash", lambda: "another code")
    assert main(["update", str(folder)]) == 0
    assert "3 recipes on record, 12 runs to train" in capsys.readouterr().out
    assert len(trained) == 12
    assert Logbook(folder).find(QUICK, everything, 0, test=True) is not None


def test_an_interrupted_update_forgets_no_seed(folder, monkeypatch, trained):
    monkeypatch.setattr(logbook, "code_hash", lambda: "another code")
    watched = logbook.run

    def interrupted(recipe, data, seed, test=False):
        if len(trained) == 2:
            raise KeyboardInterrupt
        return watched(recipe, data, seed, test)

    monkeypatch.setattr(logbook, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(["update", str(folder)])
    monkeypatch.setattr(logbook, "run", watched)
    assert main(["update", str(folder)]) == 0
    assert len(trained) == len(set(trained)) == 8


def test_measure_trains_everything_and_repeats_it(folder, trained):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(["measure", str(folder)]) == 0
    assert len(trained) == 8
    assert {path: path.read_bytes() for path in folder.iterdir()} == before   # bit for bit


def test_a_recipe_in_words_that_are_gone_is_named(folder, capsys):
    path = next(folder.iterdir())
    edit(path, lambda page: page.update(recipe="Recipe(hidden=swish)"))
    assert main(["update", str(folder)]) == 1
    assert "Recipe(hidden=swish)" in capsys.readouterr().out
