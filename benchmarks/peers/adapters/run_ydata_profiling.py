"""ydata-profiling: the list of alerts of its report (A); comparing two reports gives no verdict."""

from __future__ import annotations

from common import Alarm, Case, main
from ydata_profiling import ProfileReport

PLOTS_OFF = {
    "interactions": {"continuous": False},
    "missing_diagrams": {"bar": False, "matrix": False, "heatmap": False},
}
COUNTS = {"MISSING": "n_missing", "ZEROS": "n_zeros", "DUPLICATES": "n_duplicates"}


def alerts(case: Case) -> list[Alarm]:
    """List the alerts; the plots, which we do not read, are left out."""
    report = ProfileReport(case.frame, progress_bar=False, **PLOTS_OFF)
    return [_alarm(alert) for alert in report.get_description().alerts]


def _alarm(alert) -> Alarm:
    kind = alert.alert_type.name
    count = (alert.values or {}).get(COUNTS.get(kind, ""))
    columns = (alert.column_name,) if alert.column_name else ("*",)
    return Alarm(kind, columns, str(alert), None if count is None else float(count))


if __name__ == "__main__":
    main("ydata-profiling", {"A alerts": alerts})
