"""deepchecks on models: the model evaluation suite and the train-test suite, both by default.

A separate program, run beside ours: deepchecks has a licence (AGPL) that segwork does not take on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from common import Alarm, main
from deepchecks.tabular import Dataset
from deepchecks.tabular.suites import model_evaluation, train_test_validation

NOT_FEATURES = ["label", "decision", "probability", "customer", "moment"]


class Model:
    """Rows a model learnt and rows held out, with its decisions and probabilities."""

    def __init__(self, folder: Path, entry: dict) -> None:
        self.parts = [pd.read_csv(folder / f"{entry['case']}-{part}.csv")
                      for part in ("train", "test")]  # fmt: skip
        self.features = [name for name in self.parts[0] if name not in NOT_FEATURES]
        self.words = entry["words"]

    def datasets(self) -> list[Dataset]:
        """Return the two parts, with customers as index and time where they are known."""
        known = {"customer": "index_name", "moment": "datetime_name"}
        extra = {known[name]: name for name in known if name in self.parts[0]}
        return [
            Dataset(part.drop(columns=["decision", "probability"]), label="label",
                    cat_features=self.words, label_type="binary", **extra)
            for part in self.parts
        ]  # fmt: skip

    def predictions(self) -> dict[str, np.ndarray]:
        """Return what the suites take in place of a model."""
        found = {}
        for name, part in zip(("train", "test"), self.parts, strict=True):
            p = part["probability"].to_numpy()
            found[f"y_pred_{name}"] = part["decision"].to_numpy()
            found[f"y_proba_{name}"] = np.column_stack([1 - p, p])
        return found


def evaluation(case: Model) -> list[Alarm]:
    """Run the model evaluation suite."""
    return _alarms(model_evaluation(), case)


def against(case: Model) -> list[Alarm]:
    """Run the train-test suite."""
    return _alarms(train_test_validation(), case)


def _alarms(suite, case: Model) -> list[Alarm]:
    """One alarm a condition on WARN or FAIL, with the features it names."""
    result = suite.run(*case.datasets(), with_display=False, **case.predictions())
    found = []
    for check in result.get_not_passed_checks():
        for condition in check.conditions_results:
            if condition.category.name in ("WARN", "FAIL"):
                text = f"{condition.name}: {condition.details}"
                named = [name for name in case.features if f"'{name}'" in text]
                found.append(Alarm(check.check.name(), tuple(named), text))
    return found


if __name__ == "__main__":
    main("deepchecks", {"model evaluation": evaluation, "train-test": against}, Model)
