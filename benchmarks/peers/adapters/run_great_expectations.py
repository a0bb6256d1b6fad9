"""Great Expectations: the rules of the data dictionary (C); it has no mode without rules."""

from __future__ import annotations

import great_expectations as gx
import pandas as pd
from common import Alarm, Case, holds, main
from great_expectations import expectations as ge


def by_hand(case: Case) -> list[Alarm]:
    """Check the rules of the data dictionary."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    frame = case.frame
    for number, rule in enumerate(case.rules):
        if rule["rule"] == "true":  # an expression becomes a column of its own
            frame = frame.assign(**{f"rule_{number}": _holds(frame, rule)})
    asset = context.data_sources.add_pandas("peers").add_dataframe_asset(case.table)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    expectations = [_expectation(rule, number, case) for number, rule in enumerate(case.rules)]
    results = batch.validate(gx.ExpectationSuite(name="rules", expectations=expectations)).results
    return [_alarm(result, case.rules) for result in results if not result.success]


def _holds(frame: pd.DataFrame, rule: dict) -> pd.Series:
    try:
        return holds(frame, rule["expression"])
    except TypeError:  # numbers given as text: the rule does not hold anywhere
        return pd.Series(False, index=frame.index)


def _expectation(rule: dict, number: int, case: Case):
    columns, kind = rule["columns"], rule["rule"]
    meta = {"rule": number}
    if kind == "true":
        return ge.ExpectColumnValuesToBeInSet(column=f"rule_{number}", value_set=[True], meta=meta)
    if kind == "unique" and len(columns) > 1:
        return ge.ExpectCompoundColumnsToBeUnique(column_list=columns, meta=meta)
    column = columns[0]
    if kind == "unique":
        return ge.ExpectColumnValuesToBeUnique(column=column, meta=meta)
    if kind == "filled":
        return ge.ExpectColumnValuesToNotBeNull(column=column, meta=meta)
    if kind == "known":
        known = case.customers.tolist()
        return ge.ExpectColumnValuesToBeInSet(column=column, value_set=known, meta=meta)
    if kind == "among":
        return ge.ExpectColumnValuesToBeInSet(column=column, value_set=rule["words"], meta=meta)
    low, high = rule["low"], rule["high"]
    if column in case.dates:
        low, high = pd.Timestamp(low), pd.Timestamp(high)
    return ge.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, meta=meta)


def _alarm(result, rules: list[dict]) -> Alarm:
    """Give the alarm; one for an expectation that could not be computed has no count.

    Both rows of a pair are counted as not unique; half of them is the number of copies.
    """
    rule = rules[result.expectation_config.meta["rule"]]
    count = result.result.get("unexpected_count")
    if count and rule["rule"] == "unique":
        count /= 2
    sample = result.result.get("partial_unexpected_list", [])[:3]
    text = f"{result.expectation_config.type} {count} unexpected, such as {sample}"
    return Alarm(rule["rule"], tuple(rule["columns"]), text, count)


if __name__ == "__main__":
    main("great-expectations", {"C rules by hand": by_hand})
