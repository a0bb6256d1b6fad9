"""The study of the export sees what it has to see, and its CRM is strict."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import requests

from benchmarks.export import study
from benchmarks.export.client import most
from benchmarks.export.server import TOKEN, serving


def fill(crm: object, rows: pd.DataFrame) -> None:
    """Write the allowed rows into the server, as a right export would."""
    for one, values in study.allowed(rows).iterrows():
        crm.write(str(one), {f"segwork_{name}": value for name, value in values.items()})


def test_versions_share_customers_and_differ_in_some() -> None:
    """Three in ten move, consent is only ever lost, dates go on."""
    first, second = (study.made_up(2_000, seed=4, version=version) for version in (1, 2))

    assert first["customer_id"].equals(second["customer_id"])
    assert 0.2 < (first["segment"].astype(str) != second["segment"].astype(str)).mean() < 0.4
    before, after = (set(f.loc[f["suppressed"] == "", "customer_id"]) for f in (first, second))
    assert after < before
    assert first["valid_from"][0] < second["valid_from"][0] < first["review_date"][0]


def test_a_right_crm_is_exact_and_each_mistake_is_seen() -> None:
    """Missing, left over, an earlier value: none passes."""
    versions = [study.made_up(200, seed=4, version=version) for version in (1, 2)]
    with serving() as crm:
        for rows in versions:
            gone = set(crm.records) - set(study.allowed(rows).index)
            crm.records = {one: held for one, held in crm.records.items() if one not in gone}
            fill(crm, rows)
        assert study.is_exact(crm, "hubspot", versions)
        one = next(iter(crm.records))
        for spoilt in ({"segwork_segment": "S09"}, {f"segwork_{n}": "" for n in study.COLUMNS}):
            held = dict(crm.records[one])
            crm.records[one].update(spoilt)
            assert not study.is_exact(crm, "hubspot", versions)
            crm.records[one] = held
        crm.write("a stranger", {"segwork_segment": "S01"})
        assert not study.is_exact(crm, "hubspot", versions)


def test_a_row_written_again_is_counted() -> None:
    """The server notices what it had already taken."""
    rows = study.made_up(50, seed=4)
    with serving() as crm:
        fill(crm, rows)
        assert crm.repeated == 0
        fill(crm, rows)
        assert crm.repeated == len(study.allowed(rows))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/crm/properties/2026-09/contacts", None, 200),
        ("POST", "/crm/v3/objects/contacts/batch/upsert", {"inputs": []}, 404),
        ("POST", "/crm/objects/2026-09/contacts/batch/upsert", {"inputs": []}, 400),
        ("POST", "/services/data/v67.0/jobs/ingest", {"operation": "insert"}, 400),
        ("GET", "/services/data/v67.0/jobs/ingest/750", None, 404),
    ],
)
def test_server_is_strict(method: str, path: str, body: object, status: int) -> None:
    """What the contracts do not allow is refused, and so is who has no token."""
    with serving() as crm, requests.Session() as session:
        session.trust_env = False
        signed = {"Authorization": f"Bearer {TOKEN}"}
        answer = session.request(method, crm.url + path, json=body, headers=signed, timeout=5)
        assert answer.status_code == status
        assert session.request(method, crm.url + path, json=body, timeout=5).status_code == 401


def test_most_calls_in_a_window() -> None:
    """Worked by hand."""
    assert [most(starts, 10.0) for starts in ([], [0, 1, 2], [0, 5, 10, 12, 14])] == [0, 3, 4]


def test_many_rows_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Small here; the page of the benchmark takes a million."""
    told = study.million("salesforce", tmp_path, customers=1_000)

    assert (told["exact"], told["reconciled"], told["failed"]) == (True, True, 0)
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["rows"] == 1_000
