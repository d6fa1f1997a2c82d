"""Run all notebooks of the book, as many at once as there are cores, into the cache of the build.

    python tools/execute.py _build/.jupyter_cache

Sphinx alone would run them one after another, which takes most of a build. Each has one thread for
its products: with more, notebooks side by side would wait for each other's, and the last digits of
some numbers would depend on how many cores a machine has.
"""

import os
import sys
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

ROOT = Path(__file__).parent.parent
TIMEOUT = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["execute"]["timeout"]


def main(path: str) -> int:
    """Return 0, or 1 if a notebook failed; its traceback is then on standard error."""
    cache = get_cache(path)
    for notebook in sorted((ROOT / "book").glob("*.ipynb")):
        cache.add_nb_to_project(str(notebook))
    done = load_executor("local-parallel", cache).run_and_cache(timeout=TIMEOUT)
    failed = [*done.errored, *done.excepted]
    for notebook in failed:
        print(f"{notebook}\n{cache.get_project_record(notebook).traceback}", file=sys.stderr)
    return min(1, len(failed))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(*sys.argv[1:]))
