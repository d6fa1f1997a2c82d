"""Run notebooks and write their text outputs back, so that a second run changes no byte.

    python tools/refresh.py                       # all of them
    python tools/refresh.py book/01-digits.ipynb

Pictures, widgets and timings stay out: the build makes them again.
"""

import os
import re
import sys
from pathlib import Path

import fonts
import nbformat
from nbclient import NotebookClient

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT_CELL_METADATA = ("mystnb", "tags")
# What JupyterLab folds: code that only draws or says, checks, and solutions with what they print.
FOLDED = {"hide-input", "remove-input", "drawing", "hide-cell", "remove-cell"}
SHUT = {"hide-cell", "remove-cell"}
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)  # as in tests/nbval.cfg
LAID_BY = re.compile(r"<template>.*</template>", re.DOTALL)  # their words are in the plain text


def is_picture(mime: str) -> bool:
    """Whether a MIME type is one that the build makes again: an image or a widget."""
    return mime.startswith("image/") or mime == "application/vnd.jupyter.widget-view+json"


def as_text(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """Text of an output, or None if nothing of it is text; stderr raises ValueError."""
    if output.output_type == "stream":
        if output.name == "stderr":
            raise ValueError(f"stderr must stay empty, got {output.text!r}")
        return output
    if output.output_type == "error":
        output.traceback = []  # it names this machine's folders
        return output
    output.data = {mime: text for mime, text in output.data.items() if not is_picture(mime)}
    output.metadata = {key: value for key, value in output.metadata.items() if not is_picture(key)}
    if "text/html" in output.data:
        drawn = SVG.sub("<svg/>", output.data["text/html"])
        output.data["text/html"] = LAID_BY.sub("<template/>", drawn)
    return output if output.data else None


def refreshed(path: Path) -> str:
    """Text of the notebook at `path`, run from the top in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict(METADATA)
    fonts.prepare()
    NotebookClient(
        notebook,
        timeout=600,
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)  # the kernel has added to it
    for number, cell in enumerate(notebook.cells):
        cell.metadata = {k: cell.metadata[k] for k in KEPT_CELL_METADATA if k in cell.metadata}
        if cell.cell_type != "code":
            continue
        if FOLDED & {*cell.metadata.get("tags", ())}:
            cell.metadata["jupyter"] = {"source_hidden": True}
        if SHUT & {*cell.metadata.get("tags", ())}:
            cell.metadata["jupyter"]["outputs_hidden"] = True
        if "nbval-ignore-output" in cell.metadata.get("tags", ()):
            cell.outputs = []  # not the same twice, so it would change the file each time
        try:
            cell.outputs = [text for text in map(as_text, cell.outputs) if text]
        except ValueError as error:
            raise ValueError(f"{path}, cell {number}: {error}") from None
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def main(names: list[str]) -> None:
    """Refresh the notebooks named, or all of the book, and say which changed."""
    folder = Path(__file__).parents[1] / "book"
    for path in map(Path, names or sorted(folder.glob("*.ipynb"))):
        before, after = path.read_text("utf-8"), refreshed(path)
        if after != before:
            path.write_text(after, "utf-8")
        print(f"{path}: {'unchanged' if after == before else 'rewritten'}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in the build: threads round otherwise
    main(sys.argv[1:])
