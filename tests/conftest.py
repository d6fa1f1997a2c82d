"""What many tests need: the digits, and a few of them for runs that take milliseconds."""

import html
import json
import shutil
from pathlib import Path

import pytest

from handmlp.data import Splits, load_mnist

ASSETS = Path(__file__).parents[1] / "book" / "assets"


@pytest.fixture(scope="session")
def mnist() -> Splits:
    return load_mnist()


@pytest.fixture(scope="session")
def tiny(mnist) -> Splits:
    return few(mnist)


def few(mnist: Splits) -> Splits:
    """Real digits, but few: 600 to train on, 200 to watch, 200 to report on."""
    return Splits(mnist.train.take(slice(600)), mnist.validation.take(slice(200)),
                  mnist.test.take(slice(200)))


@pytest.fixture
def holds_all():
    """A function that says that a logbook has each of these runs, no other of their kind, and as
    today's code would make them."""
    from handmlp.records.probe import agree  # the package's own tests need no records

    def check(logbook: Path, kind: str, jobs: list) -> None:
        lines = [json.loads(line) for line in logbook.read_bytes().splitlines()
                 if line.startswith(f'{{"name":"{kind}: '.encode())]
        recorded = {line["name"]: line["probe"] for line in lines}
        assert {job.name for job in jobs} == {*recorded}
        assert all(agree(recorded[job.name], job.probe()) for job in jobs)

    return check


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


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    """A function that writes a page with one live piece, and nothing else, and returns its path."""
    import packing

    folder = tmp_path_factory.mktemp("stage")
    shutil.copytree(ASSETS, folder / "_static", ignore=shutil.ignore_patterns("vendor"))
    packing.write(folder / "_static" / "live")

    def page(name: str, **data) -> Path:
        looks = ["book.css", f"live/{name}.css"]
        scripts = ["book.js", "network.js", "trainer.js", "live/sizes.js", f"live/{name}.js"]
        path = folder / f"{name}.html"
        path.write_text(f"""<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{name}</title>
{"".join(f'<link rel="stylesheet" href="_static/{look}">' for look in looks)}
{"".join(f'<script defer src="_static/{script}"></script>' for script in scripts)}
<main class="bd-article"><h1>{name}</h1><section><div class="hm-live" data-live="{name}">
<script type="application/json">{json.dumps(data)}</script>
<p class="hm-stand-in">{html.escape(name)}</p></div></section></main></html>""", "utf-8")
        return path

    return page


@pytest.fixture
def opened(browser):
    """A function that opens a file in a window of its own; at the end, nothing may have gone wrong.

    A page may ask for addresses that begin with `allowed`; the script `before` runs first in it.
    """
    contexts, complaints = [], []

    def opened(path, width=1280, height=844, before=None, allowed=("file:",), **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(allowed)
                or complaints.append(request.url))
        if before:
            page.add_init_script(before)
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints
