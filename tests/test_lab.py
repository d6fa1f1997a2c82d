"""The Lab: without a browser, every knob at both ends and every button at the wrong moment; then
once in a real Jupyter.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import lab
import numpy as np
import pytest
from lab import CHOICES, MOST_KEPT, MOST_LAYERS, NUMBERS, PICTURES, Lab, Session
from playwright.sync_api import Page, expect

import handmlp
from handmlp import Recipe, run
from handmlp.book.story import BASELINE, STORY

BOOK = Path(lab.__file__).parent
SETTINGS = lab.settings_of(BASELINE, images=600) | {"units": "5", "epochs": "2"}
LONG = SETTINGS | {"epochs": "1000", "units": "1000", "batch_size": "1"}


@pytest.fixture
def session(tiny) -> Iterator[Session]:
    session = Session(tiny)
    yield session
    if session.training:
        session.stop()
        finished(session)


def finished(session: Session) -> Session:
    session.thread.join(60)
    assert not session.thread.is_alive()
    assert not session.training
    return session


def trained(session: Session, **settings) -> lab.Run:
    assert session.start(SETTINGS | settings), session.message
    return finished(session).run


def typed(text: str) -> Recipe:
    """The recipe that a reader makes who types what the Lab shows."""
    names = {}
    exec("from handmlp import *", names)
    return eval(text, names)


def wait_for(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# --- knobs --------------------------------------------------------------------------------------

ENDS = [  # each choice, and the least and the most that each field takes
    *((name, choice) for name, (_, choices) in CHOICES.items() for choice in choices),
    *((name, str(end)) for name, (_, _, least, most) in NUMBERS.items() if name != "epochs"
      for end in (least, most or 600)),
    ("epochs", "0"), ("epochs", "1"),
    *(("units", units) for units in ("", "1", "1000", ", ".join(["3"] * MOST_LAYERS)))]


@pytest.mark.parametrize(("name", "value"), ENDS)
def test_every_knob_works_at_both_ends(session, name, value):
    other = {"scale": {"init": "normal"}, "run_length": {"order": "runs_of"}}.get(name, {})
    run = trained(session, **other, **{name: value})
    assert run.ending == "Finished." or run.ending.startswith("Diverged")
    assert run.epochs
    for picture in PICTURES.values():
        assert "<svg" in lab.svg(*picture(run))
    assert "<svg" in lab.svg(*lab.curves(session.shown()))


def test_a_thousand_epochs_begin_and_can_be_stopped(session):
    session.start(SETTINGS | {"epochs": "1000"})
    wait_for(lambda: len(session.run.epochs) > 1)
    session.stop()
    assert finished(session).run.ending.startswith("Stopped")


GARBAGE = ["", " ", "abc", "nan", "inf", "-inf", "1e999", "-1", "1e-400x", "0x10", "²", "1,5", "[]",
           "__import__('os')", "<script>alert(1)</script>", "9" * 5000, "\x00", "½"]


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("name", [*NUMBERS, "units"])
def test_garbage_gets_an_answer_and_nothing_is_lost(session, name, text):
    if name == "units" and not text.strip():
        return  # no hidden layer
    before = session.run
    if name == "units" and text == "1,5":
        assert lab.recipe_of(SETTINGS | {name: text}, 600)[0].units == (1, 5)
        return
    assert not session.start(SETTINGS | {name: text})
    label = lab.UNITS if name == "units" else NUMBERS[name][0]
    assert session.words().startswith(f"Nothing was started. {label}: expected ")
    assert "got " in session.message
    assert len(session.message) < 300
    assert session.run is before
    assert session.thread is None


@pytest.mark.parametrize("recipe", STORY)
def test_the_story_can_be_set(tiny, recipe):
    settings = lab.settings_of(recipe, images=600)
    assert lab.recipe_of(settings, 600) == (recipe.but(images=600), 0)


def test_both_strengths_of_weight_decay_reach_their_matrices():
    settings = SETTINGS | {"units": "5, 6", "first_decay": "0.1", "last_decay": "0.2"}
    assert lab.recipe_of(settings, 600)[0].weight_decay == (0.1, 0.1, 0.2)
    assert lab.recipe_of(settings | {"units": ""}, 600)[0].weight_decay == (0.2,)
    assert lab.recipe_of(settings | {"first_decay": "0.2"}, 600)[0].weight_decay == 0.2


# --- buttons ------------------------------------------------------------------------------------

def test_the_copied_lines_repeat_the_run_bit_for_bit(session, tiny, monkeypatch):
    mine = trained(session, units="7, 5", init="fan_in_times", scale="1.5", order="runs_of",
                   run_length="3", inputs="zero_mean", learning_rate="0.1", momentum="0.5",
                   first_decay="0.01", last_decay="0.001", batch_size="8", images="500",
                   wrong_labels="0.2", seed="3", hidden="tanh", output="softmax_cross_entropy")
    lines = lab.code(mine.history.recipe, mine.seed)
    assert typed(re.search(r"Recipe\(.*\)", lines)[0]) == mine.recipe
    monkeypatch.setattr(handmlp, "load_mnist", lambda: tiny)
    names = {}
    exec(lines, names)
    assert np.array_equal(names["network"].W[0], mine.first_weights)
    assert_same(names["history"].epochs, mine.epochs)


def assert_same(some, others) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others):
        assert (one.loss, one.validation_loss) == (other.loss, other.validation_loss)
        assert np.array_equal(one.confusion, other.confusion)
        assert one.weights == other.weights


def test_stop_in_the_middle_of_an_epoch_leaves_the_last_whole_one(session, tiny):
    session.start(LONG | {"units": "50", "batch_size": "20"})
    wait_for(lambda: len(session.run.epochs) > 2)
    session.stop()
    stopped = finished(session).run
    assert stopped.ending.startswith("Stopped")
    assert "Stopped" in session.words()
    history = stopped.history
    assert history.recipe.epochs == history.last.number < 1000
    network, again = run(history.recipe, tiny, stopped.seed)
    assert_same(again.epochs, stopped.epochs)
    assert np.array_equal(network.W[0], stopped.first_weights)


def test_stop_within_a_long_first_epoch_is_at_once(session):
    session.start(LONG)
    wait_for(lambda: len(session.run.epochs) == 1)  # the untrained network
    session.stop()
    finished(session)
    assert session.run.epochs[-1].number == 0


def test_stop_before_there_is_anything_to_stop_or_after(session):
    session.stop()
    assert session.message == "Nothing is training."
    trained(session)
    session.stop()
    assert session.words().startswith("Nothing is training. Run 1, after epoch 2 of 2")


def test_train_pressed_ten_times_trains_once(session):
    assert [session.start(LONG) for _ in range(10)] == [True] + 9 * [False]
    assert session.run.number == 1
    assert "Run 1 is training" in session.words()
    session.stop()
    finished(session)
    assert trained(session).number == 2


def test_four_runs_are_kept_and_no_more(session):
    session.keep()
    assert "no new run" in session.message
    for number in range(1, MOST_KEPT + 1):
        trained(session, epochs="1", seed=str(number))
        session.keep()
        assert session.message == f"Run {number} stays on the chart."
        session.keep()
        assert "no new run" in session.message
    trained(session)
    session.keep()
    assert "no more" in session.message
    assert [run.number for run in session.shown()] == [1, 2, 3, 4, 5]
    session.forget()
    session.keep()
    assert [run.number for run in session.shown()] == [2, 3, 4, 5]
    for _ in range(6):
        session.forget()
    assert session.message == "No run is kept."
    assert [run.number for run in session.shown()] == [5]


def test_divergence_is_said_and_the_epoch_before_stands(session, tiny):
    # Each step multiplies the weights by 1 - ηλ = -1.5, sixty times an epoch.
    diverged = trained(session, learning_rate="1", first_decay="2.5", last_decay="2.5",
                       epochs="50")
    assert diverged.diverged_at[0] > 1
    assert "Diverged: loss is not finite in epoch" in session.words()
    assert "smaller learning_rate" in session.words()
    network, history = run(diverged.history.recipe, tiny, diverged.seed)
    assert history.diverged_at == diverged.diverged_at
    assert_same(history.epochs, diverged.epochs)


def test_a_network_that_learns_nothing_is_called_so(session):
    trained(session, init="normal", scale="0", learning_rate="1e-9")
    assert re.search(r"Every image is called \d: it has learned nothing", session.words())


def test_what_goes_wrong_in_the_thread_is_said(session, monkeypatch):
    def out_of_memory(*_, **__):
        raise MemoryError("no room")
    monkeypatch.setattr(lab, "start", out_of_memory)
    trained(session)
    assert session.words() == "Run 1: Failed: MemoryError: no room"
    assert session.shown() == []


# --- the view, in an event loop as a notebook has one -------------------------------------------

def press(view: Lab, name: str) -> None:
    view.buttons[name]()


async def rest(view: Lab, condition) -> None:
    """Let the loop draw until something is so and all is drawn."""
    end = time.monotonic() + 60
    while not condition() or view.asked:
        assert time.monotonic() < end, view.session.words()
        await asyncio.sleep(0.01)


def in_a_notebook(check):
    """Run an asynchronous check."""
    def test(tiny):
        asyncio.run(check(tiny))
        Lab.latest.close()
    return test


@in_a_notebook
async def test_a_run_is_drawn_epoch_by_epoch(tiny):
    view, seen = Lab(tiny), []
    view.words.observe(lambda change: seen.append(change["new"]), "value")
    view.set(SETTINGS | {"epochs": "3"})
    press(view, "Train")
    await rest(view, lambda: not view.session.training)
    assert "after epoch 3 of 3" in seen[-1]
    for name in PICTURES:
        view.which.value = name
        await rest(view, lambda: True)
        assert "<svg" in view.picture.value
    assert "<svg" in view.chart.value
    recipe = re.search(r"Recipe\(.*?\)\n", view.lines.value)[0].strip()
    assert typed(recipe) == view.session.run.recipe
    assert recipe in view.line.value


@in_a_notebook
async def test_no_epoch_is_left_undrawn(tiny):
    view, asked, drawn = Lab(tiny), deque(), []
    changed, draw = view.changed, view.draw

    def news():
        asked.append(len(asked))
        changed()

    def pictured():
        count = len(asked)
        draw()
        drawn.extend(asked.popleft() for _ in range(count))

    view.session.changed, view.draw = news, pictured
    view.set(SETTINGS | {"epochs": "8", "units": "100"})
    view.train()
    await rest(view, lambda: not view.session.training)
    assert not asked
    assert len(drawn) >= 9


@in_a_notebook
async def test_garbage_in_the_view_is_answered_and_escaped(tiny):
    view = Lab(tiny)
    view.knobs["seed"].value = "<script>"
    assert "seed: expected a whole number" in view.line.value
    assert "<script>" not in view.line.value
    press(view, "Train")
    await rest(view, lambda: True)
    assert "Nothing was started" in view.words.value
    assert "<script>" not in view.words.value
    assert view.knobs["seed"].value == "<script>", "what was typed can be mended"


@in_a_notebook
async def test_the_seed_stays_or_goes_on_as_asked(tiny):
    view = Lab(tiny)
    view.set(SETTINGS)
    for expected, same in [("0", True), ("1", False), ("2", False)]:
        view.same_start.value = same
        press(view, "Train")
        assert view.knobs["seed"].value == expected
        await rest(view, lambda: not view.session.training)
    assert view.session.run.seed == 1


@in_a_notebook
async def test_start_from_sets_every_knob(tiny):
    view = Lab(tiny)
    view.story.value = STORY[-1]
    assert lab.recipe_of(view.settings(), 600)[0] == STORY[-1].but(images=600)


@in_a_notebook
async def test_closing_and_opening_another_stop_the_run(tiny):
    first = Lab(tiny)
    first.set(LONG)
    press(first, "Train")
    await rest(first, lambda: first.session.run.epochs)
    second = Lab(tiny)
    first.session.thread.join(10)
    assert not first.session.training
    second.set(LONG)
    press(second, "Train")
    second.close()
    second.session.thread.join(10)
    assert not second.session.training


@in_a_notebook
async def test_its_text_repeats_and_its_knobs_have_names(tiny):
    view = Lab(tiny)
    assert view._repr_mimebundle_()["text/plain"].startswith("The Lab. It needs a running notebook")
    assert all(knob.description for knob in [*view.knobs.values(), view.story, view.same_start])


# --- in a real Jupyter --------------------------------------------------------------------------

@pytest.fixture
def jupyter(tmp_path) -> Iterator[str]:
    """The address of a JupyterLab that holds a copy of the page, and no settings of the user's."""
    for name in ("lab.py", "lab.ipynb"):
        shutil.copy(BOOK / name, tmp_path)
    (tmp_path / "runs").symlink_to(BOOK / "runs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = {name: str(tmp_path / "home") for name in
            ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    log = (tmp_path / "log.txt").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
         "--ServerApp.port_retries=0", "--IdentityProvider.token=lab", "--LabApp.news_url=None",
         "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
         "--LabApp.extension_manager=readonly", f"--ServerApp.root_dir={tmp_path}"],
        cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT, env=os.environ | home)
    try:
        wait_for(lambda: answers(port) or server.poll() is not None, 40)
        assert server.poll() is None, (tmp_path / "log.txt").read_text()
        yield f"http://127.0.0.1:{port}/doc/tree/lab.ipynb?token=lab"
    finally:
        server.terminate()  # it ends its kernels first
        server.wait(20)
        log.close()


def answers(port: int) -> bool:
    with socket.socket() as call:
        return call.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def page(browser) -> Page:
    """A window of the browser."""
    return browser.new_page(viewport={"width": 1400, "height": 1000})


def test_in_a_real_jupyter(jupyter, page):
    page.set_default_timeout(90_000)
    page.goto(jupyter)
    page.get_by_role("heading", name="The Lab").wait_for()
    run_all = page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True)
    while not run_all.is_visible():  # the menu may open before it is filled
        page.keyboard.press("Escape")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menu").first.wait_for()
    run_all.click()
    train = page.get_by_role("button", name="Train", exact=True)
    train.wait_for()
    for label, text in [("epochs", "1000"), ("images to train on", "50000")]:
        box = page.get_by_role("textbox", name=label, exact=True)
        box.fill(text)
        box.press("Enter")
    train.press("Enter")
    status = page.locator('p[role="status"]')
    expect(status).to_contain_text(re.compile(r"after epoch [1-9]\d* of 1000"), timeout=40_000)
    expect(page.locator('svg[aria-label^="Accuracy and loss"]')).to_be_visible()
    expect(page.locator('svg[aria-label^="Confusion matrix"]')).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).press("Enter")
    expect(status).to_contain_text("Stopped; what the last whole epoch measured stands.")
    shown = page.locator("pre").filter(has_text="images=50000").last.inner_text()
    recipe = typed(re.search(r"Recipe\(.*\)", shown)[0])
    assert recipe == Recipe(images=50_000, epochs=recipe.epochs)
    assert f"after epoch {recipe.epochs} of 1000" in status.inner_text()
