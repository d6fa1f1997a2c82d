"""How the checks are run, from whichever folder: one worker a page, and kernels that keep quiet."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent

# The same examples every time, and no clock: a check must not depend on how busy a machine is.
settings.register_profile("handmlp", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("fuzz", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile("handmlp")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("nbval", False):
        # In pyproject.toml the path would be taken from where pytest was called.
        config.option.nbval_sanitize_with = str(ROOT / "tests" / "nbval.cfg")
        import fonts  # a test of the package alone needs no matplotlib

        fonts.prepare()


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))


def group(item: pytest.Item) -> str:
    """Name what stays on one worker: a file, or all that looks at one page of the built site."""
    page = getattr(item, "callspec", None) and item.callspec.params.get("page_name")
    # Without a built site each worker would build one.
    return f"{item.path.name} {page}" if page and "HANDMLP_SITE" in os.environ else item.path.name
