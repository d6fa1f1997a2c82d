"""The built site in a real browser: every page, every control, at four widths, in light and dark.

`make test` names the site that it has just built in HANDMLP_SITE; without it the site is built
here.
"""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"],
         *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
WIDTHS = (320, 390, 768, 1280)
PAPER = 718  # A4 with margins of 1 cm, in CSS pixels
SCHEMES = ("light", "dark")
# Parts differ by width and colours by theme, so axe looks at each once; contrasts take it seconds.
AXE = {(1280, "light"): {},
       (1280, "dark"): {"runOnly": ["color-contrast", "link-in-text-block"]},
       (320, "light"): {"rules": {"color-contrast": {"enabled": False}}}}
# What can only be minor or moderate (a rule says so of itself) is not looked for.
AXE_SCRIPT = Axe().axe_script + """
axe.configure({rules: [{id: "color-contrast", selector: ":not([data-twin], svg *)"},
  ...axe._audit.rules.filter(rule => ["minor", "moderate"].includes(rule.impact))
    .map(({id}) => ({id, enabled: false}))]});"""
CONTROL = re.compile(r'<div class="hm-control".*?</template></div>', re.S)


# --- the site, a server for it, and a browser ---------------------------------------------------

@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder of the built site."""
    if "HANDMLP_SITE" in os.environ:
        return Path(os.environ["HANDMLP_SITE"])
    folder = tmp_path_factory.mktemp("a site")  # the space in its name belongs to the test
    book = Path(sys.executable).with_name("jupyter-book")
    subprocess.run([book, "build", ROOT, "-W", "-n", "--keep-going", "--path-output", folder],
                   check=True, stdin=subprocess.DEVNULL)
    return folder / "_build" / "html"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@contextmanager
def _served(site: Path) -> Iterator[str]:
    """Serve a site in a sub-folder, as on a project's pages."""
    handler = partial(Quiet, directory=site.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{quote(site.name)}"
        server.shutdown()


@pytest.fixture(scope="module")
def address(site) -> Iterator[str]:
    with _served(site) as address:
        yield address


class Visit:
    """A page opened in a fresh browser, with all that it asked for and complained about."""

    def __init__(self, browser: Browser, address: str, **options):
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"no {request.url}"))
        self.page.on("response", lambda response: response.status >= 400
                     and self.complaints.append(f"{response.status} {response.url}"))
        self.page.on("console", lambda message: message.type == "error"
                     and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address, wait_until="networkidle")
        # A slow machine still reads the page half a second after the last byte has come.
        self.page.wait_for_load_state("load")
        if options.get("java_script_enabled", True):
            self.page.evaluate(UNFOLD)
            # It is asked for late, so the network may have rested before.
            self.page.wait_for_function("!window.MathJax || MathJax.startup?.promise")
            self.page.evaluate("Promise.all([document.fonts.ready, "
                               "window.MathJax?.startup?.promise])")
            self.page.evaluate("dispatchEvent(new Event('resize'))")  # see SETTLED

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_) -> None:
        self.context.close()

    def foreign(self) -> list[str]:
        """What was asked of another host."""
        return [url for url in self.requests if urlsplit(url).hostname not in (None, "127.0.0.1")]


@pytest.fixture(scope="module", params=PAGES)
def page_name(request) -> str:
    """Each page in turn; all that looks at one stays on one worker (see conftest.py)."""
    return request.param


@pytest.fixture(scope="module")
def visit(page_name, browser, address) -> Iterator[Visit]:
    """A page over http, shared by the tests that only look at it."""
    with Visit(browser, f"{address}/{page_name}.html") as visit:
        yield visit


@pytest.fixture(scope="module")
def used(page_name, visit, browser, address) -> Iterator[Visit]:
    """Another, opened at one of its parts, with each live piece in use; tests may change it."""
    parts = visit.page.evaluate(f"{PARTS}.map(part => part.id)")
    part = f"#{parts[-3]}" if len(parts) > 2 else ""
    with Visit(browser, f"{address}/{page_name}.html{part}") as used:
        used.top = used.page.evaluate(f"{PARTS}.at(-3)?.getBoundingClientRect().top")
        used.at_end = used.page.evaluate(
            "scrollY + innerHeight >= document.documentElement.scrollHeight - 1")
        if page_name.endswith("lab"):
            used.page.evaluate("location.hash = 'units=3&images=50&epochs=1&seed=0'")
            used.page.wait_for_function("document.querySelector('#hm-lab-units')?.value === '3'")
        for piece in used.page.locator(".hm-live").all():
            for press, appears in USES.get(piece.get_attribute("data-live"), []):
                piece.locator(press).click()
                piece.locator(appears).first.wait_for(timeout=60_000)
        yield used


@pytest.fixture(scope="module")
def touched(page_name, browser, site) -> Iterator[Visit]:
    """The page from disk, and fingers on it: neither is anything to the other."""
    with Visit(browser, (site / f"{page_name}.html").as_uri(), has_touch=True,
               is_mobile=True) as visit:
        yield visit


# --- what is in the folder ----------------------------------------------------------------------

def test_the_site_is_the_table_of_contents(site):
    built = {f"book/{path.stem}" for path in (site / "book").glob("*.html")}
    assert built == set(PAGES)
    assert (site / "index.html").exists()


def test_every_link_into_the_site_leads_somewhere(site, page_name):
    page = site / f"{page_name}.html"
    for link in re.findall(r'\s(?:href|src)="([^"]+)"', page.read_text()):
        parts = urlsplit(link)
        if not parts.scheme and parts.path:
            assert (page.parent / unquote(parts.path)).exists(), link


def test_a_page_is_at_most_3_MB_and_a_control_300_kB(site, page_name):
    text = (site / f"{page_name}.html").read_text()
    assert len(text.encode()) <= 3_000_000
    for control in CONTROL.findall(text):
        assert len(gzip.compress(control.encode())) <= 300_000


def test_each_notebook_to_download_begins_with_what_it_needs(site):
    notebooks = sorted((site / "_sources").rglob("*.ipynb"))
    assert len(notebooks) == len([*(ROOT / "book").glob("*.ipynb")])
    for path in notebooks:
        first, second, *_ = json.loads(path.read_text("utf-8"))["cells"]
        assert "it runs in\n# about" in "".join(first["source"])
        assert second["cell_type"] == "markdown"


# --- what is to be seen: by width, since to lay a long page out anew takes time ------------------

def test_nothing_is_asked_of_another_host_and_nothing_goes_wrong(visit):
    assert not visit.foreign()
    assert not visit.complaints


def test_the_same_from_disk(touched):
    assert not touched.foreign()
    assert not touched.complaints


def test_the_first_visit_loads_at_most_900_kB(visit, site):
    files = {urlsplit(url).path for url in visit.requests if url.startswith("http")}
    sizes = {file: len(gzip.compress((site.parent / unquote(file)[1:]).read_bytes()))
             for file in files}
    assert sum(sizes.values()) <= 900_000, sizes


def test_on_paper_nothing_is_cut_and_what_is_folded_says_so(visit):
    _look(visit.page, PAPER, "light")
    visit.page.emulate_media(media="print")
    assert not visit.page.evaluate(CUT_ON_PAPER)
    fold = "details => (details.open = !details.open)"
    for code in visit.page.locator("details.hide").all():
        code.evaluate(fold)
        words = code.locator("summary").evaluate("it => getComputedStyle(it, '::after').content")
        assert "folded when this was printed" in words
        code.evaluate(fold)
    visit.page.emulate_media(media="screen")


def test_no_formula_is_cut_on_a_narrow_phone(visit):
    _look(visit.page, 320, "light")
    assert not visit.page.evaluate(CUT_FORMULAS)


def test_formulas_come_after_all_that_is_used(visit):
    scripts = [Path(urlsplit(url).path) for url in visit.requests
               if urlsplit(url).path.endswith(".js")]
    names = [script.name for script in scripts]
    if (formulas := "tex-mml-chtml.js") in names:
        assert "book.js" in names[:names.index(formulas)]
        assert all("mathjax" in script.parts for script in scripts[names.index(formulas):])


def test_no_code_is_cut_on_a_laptop(visit):
    _look(visit.page, 1280, "light")
    assert not visit.page.evaluate(CUT_CODE)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_window_and_axe_finds_nothing_serious(visit, width, scheme):
    _look(visit.page, width, scheme)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    if (width, scheme) not in AXE:
        return
    # Words on a gradient axe does not judge; here the ground covers it.
    visit.page.add_style_tag(content="main pre { background: none !important }")
    visit.page.evaluate(TWINS)
    options = {"resultTypes": ["violations"], "preload": False, **AXE[width, scheme]}
    found = Axe(AXE_SCRIPT).run(visit.page, options=options).response["violations"]
    assert not [(violation["id"], [node["html"][:200] for node in violation["nodes"]])
                for violation in found if violation["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", SCHEMES[::-1])  # as axe left it
def test_text_in_figures_stands_out(visit, scheme):
    # In a low window the browser makes it higher for a tall figure, and shows it on the way there.
    _look(visit.page, 1280, scheme, height=1400)
    hide = visit.page.add_style_tag(content="""
        main svg text { visibility: hidden }
        #pst-skip-link, .bd-header-article { display: none }  /* they would lie on tall figures */
        /* What lies around figures is not pictured, and would take time at each picture. */
        main :not(figure, figure *, :has(figure)) { display: none !important }
    """)
    for figure in visit.page.locator(FIGURES).all():
        ground = np.asarray(Image.open(io.BytesIO(figure.screenshot())).convert("RGB"))
        for text in figure.evaluate(TEXTS):
            left, top, right, bottom = (max(0, round(edge)) for edge in text["box"])
            paper = ground[top:bottom, left:right].reshape(-1, 3).mean(axis=0)
            ink = text["opacity"] * np.array(text["ink"]) + (1 - text["opacity"]) * paper
            assert _contrast(ink, paper) >= 4.5, (text["text"], ink, paper)
    hide.evaluate("style => (style.remove(), dispatchEvent(new Event('resize')))")  # see SETTLED
    _look(visit.page, 1280, scheme)


def test_every_picture_has_words(visit):
    for words in visit.page.evaluate(WORDS_OF_PICTURES):
        _check_words(words)


def test_without_scripts_each_control_shows_a_picture(browser, site, page_name):
    with Visit(browser, (site / f"{page_name}.html").as_uri(), java_script_enabled=False) as visit:
        main = visit.page.locator("main")
        assert len(main.inner_text()) > 200
        for control in main.locator(".hm-control").all():
            assert control.locator("svg[role=img]").count() == 1
            assert control.locator("svg[role=img]").is_visible()
            assert not any(handle.is_visible()
                           for handle in control.locator("input[type=range]").all())


# --- other ways to look -------------------------------------------------------------------------

# What is pressed in a piece, and what is there when it has answered.
USES = {"lottery": [("[type=submit]", ".own span")],
        "draw": [(".hm-draw-closed button", "table"), ("text=Show me one", ".largest")],
        "predict": [(":is(.column, li button:enabled, input) >> nth=0", ".buttons")],
        "lab": [("form button >> nth=0", ".hm-lab-view figure svg")]}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_in_forced_colours_all_is_seen_and_what_is_chosen_too(used, scheme):
    """Planted faults: a bar or handle that is a background, a choice that is a colour alone."""
    page = used.page
    _look(page, 1280, scheme)
    bare = page.evaluate(BARE)
    page.emulate_media(forced_colors="active")
    page.wait_for_function(STILL)
    for name in bare:
        part = page.locator(f"[data-bare='{name}']")
        colours, bordered = part.evaluate(GROUNDS)
        assert bordered or _contrast(*colours) >= 3, part.evaluate("part => part.outerHTML")
    for field in page.locator("main .hm-control input[type=range]").all():
        assert _inked(field) >= 3
    for choice in page.locator("main .hm-choice").all():
        if choice.is_visible() and choice.locator("input").count() > 1:
            on = choice.locator("label:has(:checked) > span")
            off = choice.locator("label:not(:has(:checked)) > span").first
            look = "part => (({backgroundColor, border}) => backgroundColor + border)" \
                   "(getComputedStyle(part))"
            assert on.evaluate(look) != off.evaluate(look)
    page.emulate_media(forced_colors="none")
    assert not used.complaints


# What in a live piece sticks out of it.
OUTSIDE = """() => [...document.querySelectorAll("main .hm-live")].flatMap(piece => {
  const all = piece.getBoundingClientRect();
  return [...piece.querySelectorAll("table, canvas, button, input, select, p, ol")].filter(part => {
    const box = part.getBoundingClientRect();
    return box.width > 1 && (box.left < all.left - 4 || box.right > all.right + 4);
  }).map(part => part.outerHTML.slice(0, 200));
})"""


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_sticks_out_of_a_live_piece(used, width):
    """The theme has rules for tables in the output of a cell, which no piece by itself shows."""
    _look(used.page, width, "light")
    assert not used.page.evaluate(OUTSIDE)


def test_paper_is_light_and_open_and_shows_the_frames_that_tell(used):
    """Planted faults: a dark page on paper, a fold that stays shut, a control that shows one."""
    page = used.page
    _look(page, 1280, "dark")
    page.evaluate("document.querySelectorAll('main details').forEach(it => (it.open = false))")
    before = page.evaluate("document.querySelectorAll('.hm-frame > *').length")
    frames = page.evaluate(FRAMES)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert _paper(page) > 0.9
    assert page.locator("main details:not([open])").count() == 0
    assert page.evaluate(FRAMES_SHOWN) == frames
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator("main details[open]").count() == 0
    assert page.evaluate("document.querySelectorAll('.hm-frame > *').length") == before
    page.evaluate(UNFOLD)


def _inked(field) -> float:
    """The largest contrast in the middle of a field, where its rail and handle lie."""
    field.scroll_into_view_if_needed()
    box, page = field.bounding_box(), field.page
    clip = box | {"y": box["y"] + box["height"] / 2 - 6, "height": 12}
    picture = Image.open(io.BytesIO(page.screenshot(clip=clip, animations="disabled")))
    colours = [colour for _, colour in picture.convert("RGB").getcolors(1 << 24)]
    bright = [np.asarray(colour) @ [0.2126, 0.7152, 0.0722] for colour in colours]
    return _contrast(colours[np.argmin(bright)], colours[np.argmax(bright)])


def _paper(page: Page) -> float:
    """How light the paper is, from 0 to 1."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return float(np.mean([int(level) for level in re.findall(r"\d+", colour)[:3]]) / 255)


# --- what moves ---------------------------------------------------------------------------------

def test_every_control_moves_by_keyboard_and_by_mouse(visit):
    _look(visit.page, 1280, "light")
    for control in visit.page.locator(".hm-control").all():
        for handle in control.locator("input[type=range]").all():
            _walk(visit.page, control, handle)
        for choice in control.locator("fieldset").all():
            _press(control, choice.locator("input"))
    assert not visit.complaints


def test_every_slider_moves_by_finger(touched):
    page = touched.page
    _look(page, 390, "light")
    for handle in page.locator(".hm-control input[type=range]").all():
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        assert box["height"] >= 24
        ends = []
        for x in (13, box["width"] - 13):
            page.touchscreen.tap(box["x"] + x, box["y"] + box["height"] / 2)
            ends.append(handle.input_value())
        assert ends == ["0", handle.get_attribute("max")]


def test_no_live_piece_is_a_stop_of_the_tab_key_itself(visit):
    _look(visit.page, 1280, "light")
    for around in visit.page.locator("main .output:has(> .hm-live)").all():
        assert around.evaluate("around => around.tabIndex") == -1


def test_a_slider_clicked_twice_at_once_hears_both_clicks(visit):
    _look(visit.page, 1280, "light")
    for handle in visit.page.locator(".hm-control input[type=range]").all():
        handle.scroll_into_view_if_needed()
        box, values = handle.bounding_box(), []
        for x in (1, box["width"] - 1, 1):
            visit.page.mouse.click(box["x"] + x, box["y"] + box["height"] / 2)
            values.append(handle.input_value())
        assert values == ["0", handle.get_attribute("max"), "0"]
    assert not visit.complaints


def test_a_control_and_its_picture_fit_a_window(visit):
    visit.page.set_viewport_size({"width": 1280, "height": 720})
    for control in visit.page.locator(".hm-control").all():
        assert _height(control) <= 720, control.inner_text()[:80]


def test_text_in_figures_is_large_enough_on_a_phone(visit):
    _look(visit.page, 390, "light")
    for figure in visit.page.locator(FIGURES).all():
        for text in figure.evaluate(TEXTS):
            assert text["size"] >= 9, text


@pytest.fixture(scope="module", params=["http", "disk"])
def odd_address(request, site, tmp_path_factory) -> Iterator[str]:
    """The site in a folder whose name means something in an address."""
    folder = tmp_path_factory.mktemp("odd") / "50% #1"
    folder.symlink_to(site, target_is_directory=True)
    if request.param == "disk":
        yield folder.as_uri()
    else:
        with _served(folder) as address:
            yield address


def test_a_search_finds_chapters_wherever_the_site_lies(browser, odd_address):
    with Visit(browser, f"{odd_address}/search.html?q=softmax") as visit:
        found = visit.page.locator("#search-results li a")
        found.first.wait_for()
        visit.page.wait_for_load_state("networkidle")
        assert found.count() > 1
        excerpts = visit.page.locator("#search-results li p.context").count()
        assert (excerpts > 0) == odd_address.startswith("http")
        assert not visit.complaints


def test_the_search_opens_by_key_or_button_and_no_other_page_carries_it(browser, address):
    with Visit(browser, f"{address}/book/intro.html") as visit:
        assert not [url for url in visit.requests if "search" in urlsplit(url).path]
        field = visit.page.locator("dialog input[type=search]")
        visit.page.get_by_role("button", name="Search").first.click()
        assert field.is_visible()
        visit.page.keyboard.press("Escape")
        assert not field.is_visible()
        visit.page.keyboard.press("Control+k")
        visit.page.keyboard.type("softmax")
        visit.page.keyboard.press("Enter")
        visit.page.locator("#search-results li p.context").first.wait_for()
        visit.page.wait_for_load_state("networkidle")
        excerpts = visit.page.locator("#search-results li p.context").all_inner_texts()
        assert not [text for text in excerpts if "import " in text]
        assert not visit.complaints


def test_an_address_of_a_part_leads_there(used):
    """Planted fault: a guess at heights that stays."""
    assert used.top is None or 0 <= used.top < 200 or used.at_end


def test_a_page_spares_itself_what_nobody_sees_until_loaded(visit):
    """Planted fault: work for what nobody sees yet."""
    spared = """part => (document.documentElement.classList.remove("hm-loaded"),
        getComputedStyle(part).contentVisibility)"""
    for part in visit.page.locator(".bd-article > section > section").all():
        assert part.evaluate("part => getComputedStyle(part).contentVisibility") == "visible"
        assert part.evaluate(spared) == "auto"
        visit.page.evaluate("document.documentElement.classList.add('hm-loaded')")


def _walk(page: Page, control, handle) -> None:
    """Take a slider through all its stops, to its ends, and along with the mouse."""
    assert control.locator(f"label[for={handle.get_attribute('id')}]").inner_text()
    handle.focus()
    handle.press("Home")
    last = int(handle.get_attribute("max"))
    seen, height = [_see(control)], _height(control)
    names = [handle.get_attribute("aria-valuetext")]
    for _ in range(last):
        handle.press("ArrowRight")
        seen.append(_see(control))
        names.append(handle.get_attribute("aria-valuetext"))
        assert _height(control) == height, "the page jumps"
    texts, pictures = zip(*seen)
    assert len(set(names)) == len(set(texts)) == len(set(pictures)) == last + 1
    page.wait_for_function("text => document.querySelector('.hm-status').textContent === text",
                           arg=seen[-1][0])
    handle.press("Home")
    assert _see(control) == seen[0]
    handle.press("End")
    assert _see(control) == seen[-1]
    handle.press("Tab")
    assert not handle.evaluate("handle => handle === document.activeElement"), "Tab is trapped"
    handle.scroll_into_view_if_needed()
    rail = handle.bounding_box()
    middle = rail["y"] + rail["height"] / 2
    page.mouse.move(rail["x"] + rail["width"] - 12, middle)
    page.mouse.down()
    page.mouse.move(rail["x"], middle, steps=4)
    page.mouse.up()
    assert _see(control) == seen[0]


def _press(control, buttons) -> None:
    """Choose each of a choice with the space bar, and the first again with an arrow."""
    seen = []
    for button in buttons.all():
        button.press(" ")
        assert button.is_checked()
        seen.append(_see(control))
    assert len({text for text, _ in seen}) == len({x for _, x in seen}) == len(seen)
    buttons.last.press("ArrowRight")
    assert buttons.first.is_checked()
    assert _see(control) == seen[0]


def _see(control) -> tuple[str, bytes]:
    """Text and pixels of the picture that a control shows."""
    control.page.mouse.move(0, 0)
    figure = control.locator("figure")
    assert figure.count() == 1
    text = figure.locator("figcaption").inner_text()
    _check_words(text)
    assert figure.locator("svg").get_attribute("aria-label")
    return text, figure.locator("svg").screenshot(animations="disabled")


def _height(control) -> float:
    return control.bounding_box()["height"]


def _look(page: Page, width: int, scheme: str, height: int = 900) -> None:
    """Look at a page at a width, in light or dark."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme",
                           arg=scheme)
    page.wait_for_function(SETTLED)


def _check_words(words: str) -> None:
    """Words for a picture say what is seen: a sentence, no title, name of a file or repr."""
    assert len(words.split()) >= 3, words
    assert not re.search(r"Figure size|<.*>|\.(png|svg|jpe?g)\b", words), words


def _contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Contrast of two colours as WCAG 2 defines it."""
    def luminance(colour):
        share = np.asarray(colour) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


# Solutions and hidden cells are part of the page too.
UNFOLD = """() => {
  document.querySelectorAll("details").forEach(part => (part.open = true));
  document.querySelectorAll(".toggle-button-hidden").forEach(button => button.click());
}"""

# The layout is that of the frame before, no colour still fades, and the theme, which looks again a
# moment after a resize, has seen what scrolls.
SETTLED = """() => {
  const [before, now] = [window.hmLayout, `${innerWidth} ${document.body.scrollHeight}`];
  window.hmLayout = now;
  return before === now && document.getAnimations().every(fade => fade.playState !== "running")
    && [...document.querySelectorAll(
      "pre, .cell_output > .output, .pst-scrollable-table-container")]
      .every(part => part.tabIndex === (part.scrollWidth > part.clientWidth
        || part.scrollHeight > part.clientHeight ? 0 : -1));
}"""

# Of words with one ink, size and weight on one ground three are enough: all have their contrast.
# Text in figures has a test of its own.
TWINS = """() => {
  const seen = {};
  const plain = ["rgba(0, 0, 0, 0)", "none", "1"];
  for (const part of document.querySelectorAll("main *")) {
    if (part.children.length || !part.checkVisibility()) continue;
    const {color, fontSize, fontWeight} = getComputedStyle(part);
    const look = [color, fontSize, fontWeight];
    for (let ground = part; ground; ground = ground.parentElement) {
      const {backgroundColor, backgroundImage, opacity} = getComputedStyle(ground);
      look.push(...[backgroundColor, backgroundImage, opacity].filter(it => !plain.includes(it)));
    }
    seen[look] = (seen[look] ?? 0) + 1;
    part.toggleAttribute("data-twin", seen[look] > 3);
  }
}"""

# Formulas in sentences with a sign beyond the right edge of their sentence.
CUT_FORMULAS = """() => [...document.querySelectorAll("main mjx-container:not([display])")]
  .filter(formula => {
    const right = part => part.getBoundingClientRect().right;
    const sentence = formula.parentElement.closest("p, li, td, th, dd, div");
    const edge = Math.min(right(sentence), innerWidth) + 1;
    return [...formula.querySelectorAll("mjx-c")].some(sign => right(sign) > edge);
  }).map(formula => formula.textContent)"""

# Code that is read without unfolding it, and what it prints, beyond the edge of its block; and any
# block beyond the edge of what it stands in.
CUT_CODE = """() => [...document.querySelectorAll("main pre")].filter(part => {
  const right = each => each.getBoundingClientRect().right, around = [];
  for (let each = part.parentElement; each; each = each.parentElement)
    if (getComputedStyle(each).overflowX !== "visible") around.push(each);
  return around.some(each => right(part) > right(each) + 1)
    || !part.closest("details.hide") && part.scrollWidth > part.clientWidth + 1;
}).map(part => part.textContent)"""

# What would have to scroll, which paper does not.
CUT_ON_PAPER = """() => [...document.querySelectorAll(
    "main :is(pre, table, figure, .pst-scrollable-table-container, .hm-equation)")]
  .filter(part => part.scrollWidth > part.clientWidth + 1
    || part.getBoundingClientRect().right > innerWidth + 1)
  .map(part => `${part.tagName} ${part.textContent.slice(0, 80)}`)"""

FIGURES = "main figure > svg"
PARTS = "[...document.querySelectorAll('.bd-article > section > section')]"

# In controls and live pieces, what is a background and nothing else: one of each kind, named.
GROUND = """const ground = part => {
  const {backgroundColor} = getComputedStyle(part), clear = /^rgba.*, 0\\)$/.test(backgroundColor);
  return clear && part.parentElement ? ground(part.parentElement) : backgroundColor;
};"""
BARE = "() => {" + GROUND + """
  const kinds = new Set();
  document.querySelectorAll("[data-bare]").forEach(part => delete part.dataset.bare);
  for (const part of document.querySelectorAll("main :is(.hm-control, .hm-live) *")) {
    const {width, height} = part.getBoundingClientRect();
    const kind = `${part.closest("[data-live]")?.dataset.live} ${part.localName} ${part.className}`;
    if (part.children.length || part.textContent || width < 2 || height < 2 || kinds.has(kind)
      || part.matches("svg *, canvas, input, option")
      || !part.checkVisibility({opacityProperty: true})
      || ground(part) === ground(part.parentElement)) continue;
    kinds.add(kind);
    part.dataset.bare = kinds.size;
  }
  return [...kinds].map((_, i) => i + 1);
}"""
GROUNDS = "part => {" + GROUND + """
  const {borderStyle, outlineStyle} = getComputedStyle(part);
  return [[part, part.parentElement].map(
    each => ground(each).match(/[\\d.]+/g).slice(0, 3).map(Number)),
    `${borderStyle}${outlineStyle}` !== "nonenone"];
}"""
STILL = "document.getAnimations().every(each => each.playState !== 'running')"

# How many pictures of each control paper is to show: of one handle with few stops all, of others
# the first, the last and the one that is seen.
FRAMES = """() => [...document.querySelectorAll("main .hm-control")].map(control => {
  const n = control.querySelectorAll(":scope > template").length + 1;
  const one = control.querySelectorAll(":scope > :is(.hm-slider, .hm-choice)").length === 1;
  return one && n <= 4 ? n : new Set([0, Number(control.dataset.at), n - 1]).size;
})"""
FRAMES_SHOWN = """() => [...document.querySelectorAll("main .hm-control .hm-frame")]
  .map(frame => frame.children.length)"""

# Every text in a figure: where it stands in it, its colour, and its size on the screen.
TEXTS = """svg => [...svg.querySelectorAll("text")].map(text => {
  const [style, scale] = [getComputedStyle(text), text.getScreenCTM()];
  const [box, frame] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
  return {
    text: text.textContent,
    box: [box.left - frame.left, box.top - frame.top,
          box.right - frame.left, box.bottom - frame.top],
    ink: style.fill.match(/[\\d.]+/g).slice(0, 3).map(Number),
    opacity: style.opacity * style.fillOpacity,
    size: parseFloat(getComputedStyle(text.querySelector("tspan") ?? text).fontSize)
      * Math.hypot(scale.a, scale.b),
  };
}).filter(text => text.box[2] > text.box[0])"""

# Pictures of the article; axe sees to the names of the icons around it.
WORDS_OF_PICTURES = """() => [...document.querySelectorAll(".bd-article :is(img, svg, canvas)")]
  .filter(picture => !picture.closest("button, [aria-hidden=true], mjx-container"))
  .map(picture => picture.getAttribute("alt") ?? picture.getAttribute("aria-label") ?? "")"""
