"""Keep the record true: `python book/runs.py update|measure|check book/runs.jsonl`.

The words are those of `python -m handmlp.records`, which knows runs of a recipe alone. Each other
kind has its own list of runs, and its own rule for how far one may leave the record.
"""

import sys

import archaeology
import modern
import sleepers
import yardsticks

from handmlp.records.__main__ import disagreement, jobs_on_record, main

KINDS = [(jobs_on_record, disagreement),
         (sleepers.watched_jobs, sleepers.differs),
         (archaeology.jobs_2015, archaeology.differs),
         (modern.modern_jobs, modern.differs),
         (yardsticks.yardstick_jobs, yardsticks.differs)]

if __name__ == "__main__":
    sys.exit(any(main(None, *kind) for kind in KINDS))  # the first kind that fails ends it
