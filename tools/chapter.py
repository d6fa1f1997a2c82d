"""Begin a chapter that passes every check as it is: python tools/chapter.py 14-momentum"""

import re
import sys
from pathlib import Path

from refresh import refreshed

ROOT = Path(__file__).parents[1]
TEMPLATE = Path(__file__).with_name("chapter.ipynb")


def create(name: str, root: Path = ROOT) -> Path:
    """Make book/NAME.ipynb from the template, run it, and name it in the contents; return its path.

    Raises
    ------
    ValueError
        If `name` is not two digits and words with hyphens, or there is such a chapter already.
    """
    if not re.fullmatch(r"\d\d(-[a-z0-9]+)+", name):
        raise ValueError(f"NAME must be like 14-momentum, got {name!r}")
    path = root / "book" / f"{name}.ipynb"
    if taken := sorted(path.parent.glob(f"{name[:2]}-*.ipynb")):
        raise ValueError(f"NAME must have a number that is free, got {name!r} beside {taken[0]}")
    title = name[3:].replace("-", " ").capitalize()
    path.write_text(TEMPLATE.read_text("utf-8").replace("TITLE", title), "utf-8")
    try:
        path.write_text(refreshed(path), "utf-8")
    except BaseException:
        path.unlink()
        raise
    contents = root / "_toc.yml"
    contents.write_text(listed(name, contents.read_text("utf-8")), "utf-8")
    return path


def listed(name: str, contents: str) -> str:
    """Return the contents with a line for a chapter, after those with a lower number."""
    lines = contents.splitlines(keepends=True)
    before = [place for place, line in enumerate(lines)
              if (chapter := re.match(r" +- file: book/(\d\d)-", line)) and chapter[1] < name[:2]]
    after = max(before, default=2)
    indent = re.match(" *", lines[after])[0] or "  "
    lines.insert(after + 1, f"{indent}- file: book/{name}\n")
    return "".join(lines)


if __name__ == "__main__":
    try:
        print(create(*sys.argv[1:2] or [""]))
    except ValueError as error:
        sys.exit(str(error))
