"""Records: comparisons over seeds, and the logbook of all runs, from which each can be repeated."""

from handmlp.records.comparison import (
    Difference,
    Results,
    compare,
    difference_on_images,
    paired_difference,
)
from handmlp.records.logbook import Logbook

__all__ = ["Difference", "Logbook", "Results", "compare", "difference_on_images",
           "paired_difference"]
