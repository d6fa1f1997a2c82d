"""Give matplotlib a folder of its own, with its list of fonts, before any kernel starts.

A kernel that finds no folder to write to, or makes the list slowly, says so on stderr; there it is
a warning of the build and a difference in a test. The folder also keeps a user's own style out.
"""

import os
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "build" / "matplotlib"


def prepare(folder: Path = FOLDER) -> None:
    """Name the folder in the environment, which kernels inherit, and make the list there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    os.environ["MPLCONFIGDIR"] = str(folder if writable else tempfile.mkdtemp("-matplotlib"))
    os.environ.pop("MATPLOTLIBRC", None)
    import matplotlib.font_manager  # noqa: F401  it asks for the folder when it is imported
