"""deepchecks: the integrity suite (A), and the train-test suite with clean data as train (B).

A separate program, run beside ours: deepchecks has a licence (AGPL) that segwork does not take on.
"""

from __future__ import annotations

import re

import pandas as pd
from common import Alarm, Case, main
from deepchecks.tabular import Dataset
from deepchecks.tabular.suites import data_integrity, train_test_validation

# The reference covers the same dates by design, so these two say nothing about the data.
BY_DESIGN = ("Date Train-Test Leakage (duplicates)", "Date Train-Test Leakage (overlap)")
PERCENT = re.compile(r"([\d.]+)%")


def integrity(case: Case) -> list[Alarm]:
    """Run the integrity suite."""
    return _alarms(data_integrity().run(_dataset(case.frame, case), with_display=False), case)


def against(case: Case) -> list[Alarm]:
    """Run the train-test suite, the clean data being the training set."""
    train, test = _dataset(case.reference, case), _dataset(case.frame, case)
    return _alarms(train_test_validation().run(train, test, with_display=False), case)


def _dataset(frame: pd.DataFrame, case: Case) -> Dataset:
    """Words are categories, ids are not; which columns hold words is known from clean data."""
    words = case.reference.select_dtypes(["object", "bool"]).columns
    features = [name for name in words if not name.endswith("_id") and name != "text"]
    time = case.dates[0] if case.dates else None
    return Dataset(frame, cat_features=features, datetime_name=time)


def _alarms(suite, case: Case) -> list[Alarm]:
    """One alarm for every column that a condition on WARN or FAIL names, else one without."""
    found = []
    for result in suite.get_not_passed_checks():
        header = result.get_header()
        if header.startswith(BY_DESIGN):
            continue
        for condition in result.conditions_results:
            if condition.category.name in ("WARN", "FAIL"):
                text = f"{condition.name}: {condition.details}"
                check = f"{header}: {condition.name}"
                for name in _named(text, case) or ["*"]:
                    found.append(Alarm(check, (name,), text, _count(condition.details, name, case)))
    return found


def _named(text: str, case: Case) -> list[str]:
    return [name for name in case.frame.columns if f"'{name}'" in text]


def _count(text: str, name: str, case: Case) -> float | None:
    """Rows, from the percentage that follows the name of the column, or the only one there is."""
    after = PERCENT.search(text, max(0, text.find(f"'{name}'")))
    return float(after[1]) / 100 * len(case.frame) if after else None


if __name__ == "__main__":
    main("deepchecks", {"A integrity": integrity, "B train-test": against})
