"""pointblank: the schema of clean data (B), and the rules of the data dictionary (C)."""

from __future__ import annotations

import pandas as pd
import pointblank as pb
from common import Alarm, Case, holds, main


def schema(case: Case) -> list[Alarm]:
    """Check names and types of the columns against those of clean data."""
    wanted = pb.Schema(tbl=case.reference).columns
    plan = pb.Validate(case.frame)
    for name, kind in wanted:
        plan = plan.col_schema_match(
            pb.Schema(columns=[(name, kind)]), complete=False, in_order=False
        )
    return _alarms(plan, [{"rule": "schema", "columns": [name]} for name, _ in wanted])


def by_hand(case: Case) -> list[Alarm]:
    """Check the rules of the data dictionary."""
    plan = pb.Validate(case.frame)
    for rule in case.rules:
        plan = _step(plan, rule, case)
    return _alarms(plan, case.rules)


def _step(plan: pb.Validate, rule: dict, case: Case) -> pb.Validate:
    columns, kind = rule["columns"], rule["rule"]
    if kind == "true":
        return plan.col_vals_expr(expr=lambda frame: holds(frame, rule["expression"]))
    if kind == "unique":
        return plan.rows_distinct(columns)
    column = columns[0]
    if kind == "filled":
        return plan.col_vals_not_null(column)
    if kind == "known":
        return plan.col_vals_in_set(column, case.customers.tolist())
    if kind == "among":
        return plan.col_vals_in_set(column, [*rule["words"], None])
    low, high = rule["low"], rule["high"]
    if column in case.dates:
        low, high = pd.Timestamp(low), pd.Timestamp(high)
    return plan.col_vals_between(column, low, high, na_pass=True)


def _alarms(plan: pb.Validate, rules: list[dict]) -> list[Alarm]:
    """One alarm a step that failed or could not be computed (then without a count).

    Both rows of a pair are counted as not distinct; half of them is the number of copies.
    """
    if not rules:
        return []
    found = []
    for step, rule in zip(plan.interrogate().validation_info, rules, strict=True):
        if not step.all_passed:
            count = None if step.eval_error or rule["rule"] == "schema" else step.n_failed
            if count and rule["rule"] == "unique":
                count /= 2
            text = f"{step.assertion_type} failed for {step.n_failed} of {step.n}"
            found.append(Alarm(rule["rule"], tuple(rule["columns"]), text, count))
    return found


if __name__ == "__main__":
    main("pointblank", {"B schema": schema, "C rules by hand": by_hand})
