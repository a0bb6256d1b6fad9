"""Score other programs' alarms on our planted faults by the rule our own audit is scored by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

Line = Mapping[str, Any]


def kept(name: str) -> pd.DataFrame:
    """Return a table of peers' scores made by ``make bench-peers`` and kept with the code."""
    with files("benchmarks.peers").joinpath(f"{name}.csv").open(encoding="utf-8") as text:
        return pd.read_csv(text)


def for_readme() -> list[str]:
    """Return the README's table: what each found of the planted faults, and on clean companies."""
    told = pd.concat([kept("peers_own"), kept("peers_data")], ignore_index=True)
    told = told[told["answer"] == "ran"].astype(
        dict.fromkeys(("planted", "found", "half", "clean_companies_alarming"), int)
    )
    lines = ["| audit | mode | found | half | clean companies with an alarm |"]
    lines.append("|---|---|---|---|---|")
    lines += [
        f"| {row.peer.replace('_', ' ')} | {row.mode[2:]} | {row.found} of {row.planted} |"
        f" {row.half} | {row.clean_companies_alarming} of {int(row.clean_companies)} |"
        for row in told.itertuples()
    ]
    return lines


def near(count: float, truth: float) -> bool:
    """Whether a count is within 10 % or 2 of the truth, as for our own checks."""
    return abs(count - truth) <= max(2, 0.1 * truth)


def credit(alarms: Sequence[Line], twin: Sequence[Line], key: Line) -> tuple[float, bool]:
    """Return 1, ½ or 0, and whether it rests on an alarm that the clean twin raises as well.

    An alarm counts that the twin does not raise in the same words and that names a right column
    ("*" is the whole table: right for copied and for lost rows). It is a hit if its count, or
    what it counts beyond the twin, is near the truth; half a hit otherwise, or without a count.
    """
    best = (0.0, False)
    for alarm in alarms:
        same = [a for a in twin if (a["check"], a["columns"]) == (alarm["check"], alarm["columns"])]
        if any(a["text"] == alarm["text"] for a in same):
            continue
        whole = alarm["columns"] == ["*"] and key["whole_rows"]
        if not whole and not {*alarm["columns"]} & {*key["columns"]}:
            continue
        counts = [alarm["count"], *(_beyond(alarm, a) for a in same)]
        hit = any(count is not None and near(count, key["n"]) for count in counts)
        score = 1.0 if hit else 0.5
        if (score, not same) > (best[0], not best[1]):
            best = (score, bool(same))
    return best


def _beyond(alarm: Line, twin: Line) -> float | None:
    if alarm["count"] is None or twin["count"] is None:
        return None
    return abs(alarm["count"] - twin["count"])


def plants_of(lines: Sequence[Line], key: Mapping[str, Line]) -> pd.DataFrame:
    """Return case, number, defect, status, score and changed (see ``credit``), one row a plant."""
    answers = {line["case"]: line for line in lines}
    rows = []
    for case, planted in key.items():
        line = answers[case]
        twin = answers[f"{case.rsplit('-', 1)[0]}-{planted['table']}"]
        score, changed = credit(line["alarms"], twin["alarms"], planted)
        rows.append({"case": case, "number": planted["number"], "defect": planted["defect"],
                     "status": line["status"], "score": score, "changed": changed})  # fmt: skip
    return pd.DataFrame(rows)


def summary(
    lines: Sequence[Line], plants: pd.DataFrame, claims: Sequence[int]
) -> dict[str, float | int]:
    """Return what was found, half found and crashed, and the alarms on clean tables."""
    claimed = plants[plants["number"].isin(claims)]
    clean = [line for line in lines if line["case"] not in {*plants["case"]}]
    ran = [line for line in clean if line["status"] == "ran"]
    companies = {line["case"].rsplit("-", 1)[0] for line in ran}
    loud = [line for line in ran if line["alarms"]]
    return {
        "planted": len(plants),
        "found": int((plants["score"] == 1).sum()),
        "half": int((plants["score"] == 0.5).sum()),
        "only_changed": int(plants["changed"].sum()),
        "claimed": len(claimed),
        "found_of_claimed": int((claimed["score"] == 1).sum()),
        "half_of_claimed": int((claimed["score"] == 0.5).sum()),
        "crashed": int((plants["status"] == "crashed").sum()),
        "clean_tables": len(ran),
        "clean_tables_alarming": len(loud),
        "alarms_per_clean_table": round(sum(len(a["alarms"]) for a in ran) / max(1, len(ran)), 2),
        "clean_companies": len(companies),
        "clean_companies_alarming": len({line["case"].rsplit("-", 1)[0] for line in loud}),
        "cpu_seconds_per_table": round(sum(a["seconds"] for a in lines) / len(lines), 2),
    }


def score_data(
    folder: Path, claims: Sequence[Line], *, made: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every peer whose alarms lie in a folder, beside ``plants/key.json``.

    Parameters
    ----------
    folder : Path
        Holds ``<peer>.jsonl``, or ``<peer>.absent`` with the reason why there are no alarms.
    claims : sequence of mapping
        peer, mode and either ``claims`` (numbers of the faults it says it looks for) or ``absent``.

    Returns
    -------
    (DataFrame, DataFrame)
        A row a peer and mode; and the mean credit by fault, a column a peer and mode.
    """
    key = json.loads((folder / "plants" / "key.json").read_text(encoding="utf-8"))
    names = {planted["number"]: planted["defect"] for planted in key.values()}
    faults = pd.DataFrame({"number": list(names), "defect": list(names.values())})
    rows = []
    for entry in claims:
        row = {"peer": entry["peer"], "version": "", "mode": entry["mode"], "made": made}
        why = folder / f"{entry['peer']}.absent"
        if "absent" in entry or why.exists():
            reason = entry.get("absent") or why.read_text(encoding="utf-8").strip()
            rows.append(row | {"answer": reason})
            continue
        lines = lines_of(folder / f"{entry['peer']}.jsonl", entry["mode"])
        plants = plants_of(lines, key)
        about = {"version": lines[0]["version"], "python": lines[0]["python"], "answer": "ran"}
        rows.append(row | about | summary(lines, plants, entry["claims"]))
        by_fault = plants.groupby("number")["score"].mean()
        faults[f"{entry['peer']} {entry['mode']}"] = faults["number"].map(by_fault)
    return pd.DataFrame(rows), faults


def lines_of(path: Path, mode: str) -> list[Line]:
    """Return the answers of one mode in a file of alarms."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["mode"] == mode]


def own(plants: pd.DataFrame, clean: pd.DataFrame) -> dict[str, object]:
    """Return our own line for the table of peers, from the runs of ``data_scores``."""
    draws = clean[clean["code"] == ""]
    loud = clean[clean["status"].isin(["failed", "warned"])]
    return {
        "peer": "segwork", "mode": "A no rules", "answer": "ran", "planted": len(plants),
        "found": int((plants["score"] == 1).sum()), "half": int((plants["score"] == 0.5).sum()),
        "only_changed": 0, "claimed": len(plants),
        "found_of_claimed": int((plants["score"] == 1).sum()),
        "half_of_claimed": int((plants["score"] == 0.5).sum()),
        "clean_companies": len(draws),
        "clean_companies_alarming": len(loud[["world", "seed"]].drop_duplicates()),
    }  # fmt: skip


def score_models(folder: Path, claims: Mapping[str, Sequence[str]], *, made: str) -> pd.DataFrame:
    """Score the alarms about models: a row a kind of defect, and one a kind of honest model.

    Parameters
    ----------
    folder : Path
        Holds ``models/cases.json`` and ``deepchecks_models.jsonl``.
    claims : mapping of str to sequence of str
        Kind of defect to the checks whose alarm counts as finding it; none: not looked for.

    Returns
    -------
    DataFrame
        peer, version, made, kind, claimed, models, found (an alarm of such a check), named (and it
        names the planted column, where there is one), beyond_honest (and the honest twin of the
        seed raises no alarm of that check), crashed, alarming (any alarm), cpu_seconds.
    """
    cases = json.loads((folder / "models" / "cases.json").read_text(encoding="utf-8"))
    path = folder / "deepchecks_models.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    answers: dict[str, list[Line]] = {}
    for line in lines:
        answers.setdefault(line["case"], []).append(line)
    rows = []
    for case in cases:
        if case["case"] not in answers or not (case["kind"] or "honest" in case):
            continue
        told = claims.get(case["kind"], ())
        heard = _raised(answers[case["case"]], told)
        twin = {a["check"] for a in _raised(answers.get(case.get("twin"), []), told)}
        named = [a for a in heard if not case["column"] or case["column"] in a["columns"]]
        rows.append({
            "kind": case["kind"] or f"honest: {case['honest']}", "claimed": bool(told), "models": 1,
            "found": bool(heard), "named": bool(named),
            "beyond_honest": any(a["check"] not in twin for a in named),
            "crashed": any(line["status"] == "crashed" for line in answers[case["case"]]),
            "alarming": any(line["alarms"] for line in answers[case["case"]]),
            "cpu_seconds": sum(line["seconds"] for line in answers[case["case"]]),
        })  # fmt: skip
    table = pd.DataFrame(rows).groupby(["kind", "claimed"], sort=False).sum().reset_index()
    table["cpu_seconds"] = (table["cpu_seconds"] / table["models"]).round(1)
    about = {"peer": "deepchecks", "version": lines[0]["version"], "made": made}
    return table.assign(**about)[[*about, *table]]


def _raised(lines: Sequence[Line], checks: Sequence[str]) -> list[Line]:
    return [a for line in lines for a in line["alarms"] if a["check"] in checks]
