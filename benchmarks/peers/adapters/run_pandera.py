"""pandera: an inferred schema (B), and the rules of the data dictionary (C)."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from common import Alarm, Case, holds, main
from pandera.errors import SchemaErrors


def inferred(case: Case) -> list[Alarm]:
    """Check against the schema inferred from clean data."""
    return _alarms(pa.infer_schema(case.reference), case.frame)


def by_hand(case: Case) -> list[Alarm]:
    """Check the rules of the data dictionary."""
    numbers = {
        rule["columns"][0]: pa.Column(float, coerce=True, nullable=True)
        for rule in case.rules
        if rule["rule"] == "between" and rule["columns"][0] not in case.dates
    }
    checks = [_check(rule, case) for rule in case.rules]
    return _alarms(pa.DataFrameSchema(numbers, checks=checks), case.frame)


def _check(rule: dict, case: Case) -> pa.Check:
    columns, kind = rule["columns"], rule["rule"]
    name = f"{kind}|{','.join(columns)}"
    if kind == "true":
        return pa.Check(lambda f: holds(f, rule["expression"]), name=name)
    if kind == "unique":
        return pa.Check(lambda f: ~f.duplicated(columns), name=name)
    column = columns[0]
    if kind == "filled":
        return pa.Check(lambda f: f[column].notna(), name=name, ignore_na=False)
    if kind == "known":
        return pa.Check(lambda f: f[column].isin(case.customers), name=name)
    if kind == "among":
        return pa.Check(lambda f: f[column].isin(rule["words"]) | f[column].isna(), name=name)
    low, high = rule["low"], rule["high"]
    if column in case.dates:
        low, high = pd.Timestamp(low), pd.Timestamp(high)
    return pa.Check(lambda f: f[column].between(low, high) | f[column].isna(), name=name)


def _alarms(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> list[Alarm]:
    """One alarm a failed check; the count is that of the rows among its failure cases."""
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.astype({"check": str})
    else:
        return []
    found = []
    # A check of the whole frame is reported for every column; it names its columns itself.
    cases["column"] = cases["column"].where(~cases["check"].str.contains("|", regex=False), "")
    for (check, column), part in cases.groupby(["check", "column"], dropna=False):
        kind, _, named = check.partition("|")
        columns = tuple(named.split(",")) if named else (str(column),)
        rows = part["index"].nunique()
        text = f"{check} failed in {rows} rows, such as {part['failure_case'].astype(str).min()}"
        found.append(Alarm(kind, columns, text, rows or None))
    return found


if __name__ == "__main__":
    main("pandera", {"B inferred schema": inferred, "C rules by hand": by_hand})
