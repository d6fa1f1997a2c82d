"""What many tests need: the digits, and a few of them for runs that take milliseconds."""

import shutil
from pathlib import Path

import pytest

from handmlp.data import Splits, load_mnist


@pytest.fixture(scope="session")
def mnist() -> Splits:
    return load_mnist()


@pytest.fixture(scope="session")
def tiny(mnist) -> Splits:
    """Real digits, but few: 600 to train on, 200 to watch, 200 to report on."""
    return Splits(mnist.train.take(slice(600)), mnist.validation.take(slice(200)),
                  mnist.test.take(slice(200)))


@pytest.fixture(scope="module")
def browser():
    """Playwright's own Chromium where it is installed, else the system's."""
    from playwright.sync_api import sync_playwright  # the package's own tests need no browser

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        with playwright.chromium.launch(
            executable_path=own if Path(own).exists() else shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        ) as browser:
            yield browser
