"""One way to check: a rule as data, a small function that yields evidence, one runner that judges.

A check is a function beside the ``checks.toml`` of its family::

    @check("DQ-T-06")
    def price_not_positive(book, rule):
        sheet = book.need("transactions", "unit_price")
        rows = np.flatnonzero(sheet.number("unit_price") <= 0)
        yield Evidence(table="transactions", columns=("unit_price",), rows=rows, of=sheet.n)

What it is called, counts, allows and means stands in the rule. The function raises
:class:`NotApplicable` where its data are not there and :class:`Inconclusive` where they cannot
tell; :func:`run` gives the statuses, the order, the progress bar, the table and the facts.
"""

from segwork.checks.answers import Evidence, Inconclusive, NotApplicable
from segwork.checks.catalogue import Rule, rules
from segwork.checks.findings import COLUMNS, Findings
from segwork.checks.runner import Check, check, run

__all__ = [
    "COLUMNS",
    "Check",
    "Evidence",
    "Findings",
    "Inconclusive",
    "NotApplicable",
    "Rule",
    "check",
    "rules",
    "run",
]
