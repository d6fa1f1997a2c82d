"""The site in Firefox: the first page, a slider, the drawing and the Lab, from disk.

Debian's own Firefox is driven through Marionette, its built-in remote control.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = [
    pytest.mark.skipif(FIREFOX is None, reason="no Firefox here"),
    pytest.mark.skipif("HANDMLP_SITE" not in os.environ, reason="no site has been built"),
    pytest.mark.filterwarnings("ignore"),  # of the driver
]


@pytest.fixture(scope="module")
def firefox() -> Iterator:
    from marionette_driver.marionette import Marionette

    # A free port of its own, and no first-run pages.
    driver = Marionette(bin=FIREFOX, headless=True, port=0, gecko_log=os.devnull,
                        prefs={"browser.startup.page": 0})
    driver.start_session()
    driver.timeout.script = 60
    yield driver
    driver.cleanup()


def visit(firefox, name: str) -> None:
    site = Path(os.environ["HANDMLP_SITE"])
    firefox.navigate((site / "book" / f"{name}.html").as_uri())


def until(firefox, condition: str, seconds: float = 60) -> None:
    """Wait until a JavaScript expression is true in the page."""
    from marionette_driver import Wait

    Wait(firefox, timeout=seconds, interval=0.05).until(
        lambda page: page.execute_script(f"return {condition}", sandbox=None),
        message=f"it did not become true: {condition}")


def press(firefox, selector: str, *keys: str) -> None:
    from marionette_driver import By

    element = firefox.find_element(By.CSS_SELECTOR, selector)
    if keys:
        element.send_keys(*keys)
    else:
        element.click()


def test_the_lottery_is_played_on_the_first_page(firefox):
    visit(firefox, "intro")
    until(firefox, "document.querySelector('.hm-lottery button.draw') !== null")
    press(firefox, ".hm-lottery button.draw")
    until(firefox, "/after 10 epochs \\d+.% are read right/"
                   ".test(document.querySelector('.hm-lottery .words').textContent)")


def test_a_slider_moves_by_keys(firefox):
    from marionette_driver.keys import Keys

    visit(firefox, "intro")
    press(firefox, ".hm-control input[type=range]", Keys.HOME)
    until(firefox, "document.querySelector('.hm-control figcaption').textContent"
                   ".startsWith('Seed 0:')")
    press(firefox, ".hm-control input[type=range]", Keys.ARROW_RIGHT)
    until(firefox, "document.querySelector('.hm-control figcaption').textContent"
                   ".startsWith('Seed 1:')")
    until(firefox, "document.querySelector('.hm-status').textContent.startsWith('Seed 1:')")


def test_a_digit_is_drawn_and_read(firefox):
    visit(firefox, "intro")
    until(firefox, "document.querySelector('.hm-draw-closed button') !== null")
    press(firefox, ".hm-draw-closed button")
    until(firefox, "document.querySelector('.hm-draw-square') !== null")
    firefox.execute_script("document.querySelector('.hm-draw-square').scrollIntoView()")
    box = firefox.execute_script("""
        const box = document.querySelector('.hm-draw-square').getBoundingClientRect();
        return [box.left + box.width / 2, box.top, box.height]""")
    x, top, height = box
    pointer = firefox.actions.sequence("pointer", "mouse", {"pointerType": "mouse"})
    pointer.pointer_move(round(x), round(top + height / 5)).pointer_down()
    pointer.pointer_move(round(x), round(top + 4 * height / 5), duration=200).pointer_up()
    pointer.perform()
    until(firefox, "[...document.querySelectorAll('.hm-draw-verdict')]"
                   ".filter(cell => cell.textContent.trim().startsWith('1')).length >= 4")


def test_the_lab_trains(firefox):
    visit(firefox, "lab")
    until(firefox, "document.querySelector('.hm-lab-buttons button') !== null")
    press(firefox, ".hm-lab-buttons button")
    until(firefox, "document.querySelector('.hm-lab-words').textContent.endsWith('Finished.')")
