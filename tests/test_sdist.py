"""The archive of the sources carries what its own tests need."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# As setuptools reads MANIFEST.in, whichever version of it is installed.
CHOOSE = """\
from setuptools.command.egg_info import FileList
chosen = FileList()
chosen.findall()
for line in open("MANIFEST.in"):
    if line.strip() and not line.startswith("#"):
        chosen.process_template_line(line)
print(*chosen.files, sep="\\n")
"""
ALWAYS = {"pyproject.toml", "README.md", "LICENSE", "LICENSE-text.md", "MANIFEST.in"}
# What only the repository needs: where it is checked, and what git is told.
REPOSITORY = (".ci/", ".github/", ".gitattributes", ".pre-commit-config.yaml")


def test_the_archive_of_the_sources_is_the_repository(tmp_path):
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("this is such an archive: git does not know it")
    tracked = {name for name in listing.stdout.splitlines() if not name.startswith(REPOSITORY)}
    made = {"book/assets/vendor/a.js", "tests/__pycache__/a.pyc", "_build/html/index.html"}
    for name in tracked | made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "MANIFEST.in").write_text((ROOT / "MANIFEST.in").read_text())
    chosen = subprocess.run([sys.executable, "-c", CHOOSE], cwd=tmp_path, check=True,
                            capture_output=True, text=True)
    assert set(chosen.stdout.splitlines()) | ALWAYS == tracked | ALWAYS
