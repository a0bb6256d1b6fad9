"""evidently: the data summary alone (A), and summary and drift against clean data (B)."""

from __future__ import annotations

import re

from common import Alarm, Case, main
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset

NUMBER = re.compile(r"Actual value (-?[\d.]+)")


def summary(case: Case) -> list[Alarm]:
    """Summarise with the tests that need no reference."""
    return _alarms(Report([DataSummaryPreset()], include_tests=True).run(case.frame, None))


def summary_against(case: Case) -> list[Alarm]:
    """Summarise with tests against clean data."""
    report = Report([DataSummaryPreset()], include_tests=True)
    return _alarms(report.run(case.frame, case.reference))


def drift(case: Case) -> list[Alarm]:
    """Look for drift from clean data."""
    report = Report([DataDriftPreset()], include_tests=True)
    return _alarms(report.run(case.frame, case.reference))


def _alarms(snapshot) -> list[Alarm]:
    found = []
    for test in snapshot.dict()["tests"]:
        if getattr(test["status"], "value", test["status"]) not in ("FAIL", "ERROR"):
            continue
        params = test["metric_config"]["params"]
        metric = params["type"].rpartition(":")[2]
        number = NUMBER.search(test["description"])
        count = float(number[1].rstrip(".")) if number and metric.endswith("Count") else None
        columns = (params["column"],) if "column" in params else ("*",)
        found.append(Alarm(f"{metric} {test['id']}", columns, test["description"], count))
    return found


if __name__ == "__main__":
    main("evidently", {"A summary": summary, "B summary": summary_against, "B drift": drift})
