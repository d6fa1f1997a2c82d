"""How the checks are run, from whichever folder, with kernels that keep quiet."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parent

# The same examples every time, and no clock: a check must not depend on how busy a machine is.
settings.register_profile("handmlp", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("fuzz", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile("handmlp")


class ByPage(LoadScopeScheduling):
    """Sends to one worker what shares a kernel or a browser: a notebook, a page, a test file."""

    def _split_scope(self, nodeid: str) -> str:
        page = re.search(r"test_pages\.py::.*\[(book/[\w-]+?)(-\d+)?(-light|-dark)?\]", nodeid)
        return page[1] if page else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> ByPage:
    return ByPage(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("nbval", False):
        # In pyproject.toml the path would be taken from where pytest was called.
        config.option.nbval_sanitize_with = str(ROOT / "tests" / "nbval.cfg")
        import fonts  # a test of the package alone needs no matplotlib

        fonts.prepare()


def pytest_collection_finish(session: pytest.Session) -> None:
    # Not earlier, or a test of how many threads BLAS takes in this very process could not fail.
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # in kernels, of which each worker has one
