"""The validation table: what was published or can be derived, and whether spinula reproduces it.

for result in run_rows(seed=1):
    print(result.row.number, result.reproduced, result.passed)
"""

from spinula.studies.validation.row import Result, Row
from spinula.studies.validation.table import rows, run_rows

__all__ = ["Result", "Row", "rows", "run_rows"]
