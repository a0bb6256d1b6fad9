"""The sample company's planted profits against what ``value.profit`` says of them."""

from __future__ import annotations

import pandas as pd

from segwork import sample, value

AS_OF = "2026-07-01"
HEAVY = "heavy callers"


def planted(company: sample.SampleCompany) -> pd.DataFrame:
    """Return segment (the heavy callers are one of their own) and true profit by customer."""
    key = company.key.profitability.set_index("customer_id")
    segments = company.key.segments.set_index("customer_id")["segment"].astype(str)
    return pd.DataFrame({
        "segment": segments.where(~key["heavy_caller"], HEAVY),
        "profit": key["profit"],
    })  # fmt: skip


def study(*, seed: int, customers: int, faults: bool) -> dict[str, float | bool]:
    """Make one company and compare segments, whale curve and order with the answer key.

    Returns
    -------
    dict
        ``held`` and ``segments``: segments whose interval holds the truth, and all; ``heavy_last``;
        ``peak`` and ``true_peak`` of the whale curve; ``heavy_found``: share of the heavy callers
        in the band of most contacts.
    """
    company = sample.make(customers=customers, seed=seed, faults=faults)
    truth = planted(company)
    found = value.profit(company.tables, truth["segment"], as_of=AS_OF, seed=seed)
    total = truth.groupby("segment")["profit"].sum().reindex(found.by_segment.index)
    held = (found.by_segment["low"] <= total) & (total <= found.by_segment["high"])
    bands = value.contact_bands(company.tables, as_of=AS_OF).reindex(truth.index)
    heavy = truth["segment"] == HEAVY
    return {
        "held": int(held.sum()),
        "segments": len(total),
        "heavy_last": found.by_segment.index[0] == HEAVY,
        "peak": float(found.facts()["whale_peak"]),
        "true_peak": float(truth["profit"].clip(lower=0).sum() / truth["profit"].sum()),
        "heavy_found": float((bands[heavy] == "10 and more contacts").mean()),
    }
