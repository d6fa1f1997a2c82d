"""How heavy and how quick the pages are on a slow phone: writes pages.json, which a page reads.

    python benchmarks/pages.py

The site in _build/html is served compressed. Chromium opens each page as a first visit, at
1.6 Mbit/s with 150 ms to and fro, and at a quarter of this machine's speed.
"""

import gzip
import json
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8,
        "uploadThroughput": 750e3 / 8}
WATCH = """
window.shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(
  entry => { if (!entry.hadRecentInput) shift += entry.value; }
)).observe({type: "layout-shift", buffered: true});
addEventListener("DOMContentLoaded", () => setTimeout(() => (window.usable = performance.now())));
"""
TOLD = """() => ({
  paint: performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000,
  usable: usable / 1000, shift})"""


class Compressed(SimpleHTTPRequestHandler):
    """Serves as the hosts of static sites do: text compressed."""

    sent = 0

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        if path.suffix in (".html", ".js", ".css", ".svg"):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        Compressed.sent += len(body)

    def log_message(self, *args) -> None:
        pass


def visit(browser: Browser, address: str) -> dict[str, float]:
    """Open a page as a slow phone does: kB, seconds to the first paint and to use, and shift."""
    Compressed.sent = 0
    context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2,
                                  is_mobile=True, has_touch=True)
    page = context.new_page()
    page.add_init_script(WATCH)
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address, wait_until="networkidle", timeout=120_000)
    page.wait_for_function("window.usable")
    told = page.evaluate(TOLD)
    context.close()
    return {"kB": round(Compressed.sent / 1000), **{name: round(value, 2)
                                                    for name, value in told.items()}}


def main() -> None:
    """Visit all pages and write what was measured."""
    names = [f"book/{path.stem}" for path in sorted((SITE / "book").glob("*.html"))]
    handler = partial(Compressed, directory=SITE)
    with (ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright,
          playwright.chromium.launch(executable_path=shutil.which("chromium"),
                                     args=["--no-sandbox"]) as browser):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        measured = {name: visit(browser, f"{address}/{name}.html") for name in tqdm(names)}
        server.shutdown()
    Path(__file__).with_name("pages.json").write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
