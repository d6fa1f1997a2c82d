"""tools/extension.py: the front-end files come whole and right, or not at all."""

import io
import tarfile

import extension
import nbformat
import pytest
from sphinx.errors import ExtensionError

PACKAGE = extension.Package("thing@1.0.0", "", "package/dist", ("*.js", "fonts/*.woff"), "things")


@pytest.fixture
def npm(monkeypatch):
    """An npm that packs four small files, and fails where asked to."""
    def pack(arguments, cwd, **options):
        if arguments[1] == "missing@1.0.0":
            return extension.subprocess.CompletedProcess(arguments, 1, stdout="E404 not found")
        with tarfile.open(f"{cwd}/thing-1.0.0.tgz", "w:gz") as tar:
            for name in ("dist/a.js", "dist/fonts/b.woff", "dist/c.map", "src/d.js"):
                tar.addfile(tarfile.TarInfo(f"package/{name}"), io.BytesIO())
        return extension.subprocess.CompletedProcess(arguments, 0, stdout="")
    monkeypatch.setattr(extension, "npm", pack)


def files(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                  if path.is_file())


def test_only_the_files_asked_for_arrive_and_a_second_time_nothing_is_fetched(
        npm, monkeypatch, tmp_path):
    vendor = tmp_path / "a book" / "assets" / "vendor"
    vendor.parent.mkdir(parents=True)
    monkeypatch.setattr(extension, "PACKAGES", (PACKAGE,))
    monkeypatch.setattr(extension, "_hash", lambda archive: "")
    extension.fetch(vendor)
    assert files(vendor) == ["packages.txt", "things/a.js", "things/fonts/b.woff"]
    monkeypatch.setattr(extension, "npm", None)
    extension.fetch(vendor)


@pytest.mark.parametrize(("name", "message"), [
    ("thing@1.0.0", "thing@1.0.0 has SHA-512 .*, expected"),
    ("missing@1.0.0", "npm could not fetch missing@1.0.0: E404 not found"),
])
def test_a_wrong_or_missing_package_leaves_what_was_there(npm, monkeypatch, tmp_path, name,
                                                          message):
    vendor = tmp_path / "assets" / "vendor"
    vendor.mkdir(parents=True)
    (vendor / "old.js").touch()
    monkeypatch.setattr(extension, "PACKAGES", (PACKAGE._replace(name=name),))
    with pytest.raises(ExtensionError, match=message):
        extension.fetch(vendor)
    assert files(tmp_path) == ["assets/vendor/old.js"]


@pytest.mark.parametrize("path", sorted(extension.BOOK.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_to_download_says_what_it_needs(path, monkeypatch, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    cell = extension.needs(notebook, 12.3)
    assert "about 12 seconds" in cell.source
    monkeypatch.chdir(path.parent)
    exec(cell.source, {})
    monkeypatch.chdir(tmp_path)
    reads = any("runs.jsonl" in cell.source for cell in notebook.cells if cell.cell_type == "code")
    if reads:
        with pytest.raises(RuntimeError, match=r"runs\.jsonl.* missing: put this notebook into"):
            exec(cell.source, {})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="handmlp missing: put this notebook into the folder"):
        exec(cell.source, {})


def test_a_notebook_finds_the_modules_it_imports_named():
    code = 'import page\nfrom lab import Lab\ncompare(logbook="runs.jsonl")'
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    assert "['lab.py', 'runs.jsonl']" in extension.needs(notebook, 1).source
