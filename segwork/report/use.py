"""One paragraph that reconciles the pages: may the segments be used, for what, what comes first."""

from __future__ import annotations

from dataclasses import dataclass

from segwork.report.folder import Finding, JudgedRun
from segwork.runs.folder import RAN

ASKED = ("failed", "warned", "inconclusive")
NO, RESERVED, YES, OPEN = "Not yet.", "Yes, with reservations.", "Yes.", "Nobody can tell."
HOLDS = "SEG-C"
TOPICS = {
    "SEG-Q": "the data are sound enough for the figures on every page",
    "SEG-L": "nothing from the future leaked into the past",
    "SEG-C": "the segments hold on other customers and tell what comes",
    "SEG-T": "the changes found are changes",
    "SEG-D": "movement between segments is movement",
    "SEG-O": "the models would hold next quarter",
    "SEG-F": "people who differ only in age or gender are treated alike",
    "SEG-P": "consent was given and nobody can be recognised",
    "SEG-V": "what a segment earns is known well enough",
    "SEG-B": "the personas are those of the customers they name",
    "SEG-X": "what is exported is complete and allowed",
}
CLAIMS = (
    "Checked and not refuted",
    "With a reservation",
    "Does not hold as it stands",
)
RULES = "rule-based segments"
MOST = 5


@dataclass(frozen=True)
class Use:
    """The answer of the index.

    Attributes
    ----------
    verdict, why : str
        The answer in a word or two, and what the segments are.
    claims : list of (str, list of str)
        What the pages claim, by whether it held, held with a reservation, or fell.
    mend : list of str
        What has to be looked at first, the gravest first; five at most.
    signs : str
        Who signs.
    """

    verdict: str
    why: str
    claims: list[tuple[str, list[str]]]
    mend: list[str]
    signs: str


def use(run: JudgedRun) -> Use:
    """Say whether the segments of a run may be used, from its findings alone."""
    findings = [f for f in run.findings if run.notebook_of(f) in run.notebooks]
    judged = [f for f in findings if f["status"] not in ("skipped", "not_applicable")]
    required = [f for f in judged if run.blocks(f)]
    holding = [f for f in judged if f["code"].startswith(HOLDS)]
    grave = [f for f in judged if f["status"] == "failed" and f not in required]
    broken = [name for name, entry in run.notebooks.items() if entry.status not in (RAN, "skipped")]
    fallen = [f for f in holding if f["status"] == "failed"]
    if not holding:
        verdict = OPEN
    elif required or fallen or broken:
        verdict = NO
    elif grave or any(f["status"] in ASKED for f in judged):
        verdict = RESERVED
    else:
        verdict = YES
    why, claims = _why(run, holding, broken), _claims(run, judged)
    return Use(verdict, why, claims, _mend(run, judged), _signs(run))


def _why(run: JudgedRun, holding: list[Finding], broken: list[str]) -> str:
    parts = []
    if broken:
        parts.append(f"{len(broken)} of {len(run.notebooks)} pages broke off and say nothing.")
    if not holding:
        parts.append("The page that draws segments did not run, or judged nothing.")
    saved = run.fact("20_segments", "method_saved")
    if saved is not None:
        number = run.fact("20_segments", "segments_saved")
        natural = run.fact("20_segments", "comparison_recommended")
        kind = "natural groups" if natural == saved else "a convenient division of a continuum"
        parts.append(f"The {number} segments that were saved are {kind}.")
        parts.append(_against_advice(run, str(saved)))
    return " ".join(filter(None, parts))


def _claims(run: JudgedRun, judged: list[Finding]) -> list[tuple[str, list[str]]]:
    """Sort what the pages claim by the worst answer of the gates behind it."""
    claims: dict[str, list[str]] = {words: [] for words in CLAIMS}
    for family, claim in TOPICS.items():
        own = [f for f in judged if f["code"].startswith(family)]
        if own:
            fell = any(f["status"] == "failed" or run.blocks(f) for f in own)
            open_ = any(f["status"] in ASKED for f in own)
            claims[CLAIMS[2 if fell else 1 if open_ else 0]].append(claim)
    return [(words, said) for words, said in claims.items() if said]


def _against_advice(run: JudgedRun, saved: str) -> str:
    """Reconcile the advice of the first page with what the second one saved."""
    advice = run.fact("10_data_quality", "readiness")
    if advice != RULES or saved.startswith("rule"):
        return ""
    return (
        f"10_data_quality advises {RULES} at this amount of data; those of {saved} were saved, as"
        " they were tested on other customers (method = rule_rfm saves the rule instead)."
    )


def _mend(run: JudgedRun, judged: list[Finding]) -> list[str]:
    failed = [f for f in judged if f["status"] == "failed" or run.blocks(f)]
    failed.sort(key=lambda f: (not run.blocks(f), SEVERITY.get(str(f.get("severity")), 9)))
    lines = [str(f["message"]) for f in failed[:MOST]]
    if len(failed) > MOST:
        lines.append(f"… and {len(failed) - MOST} more, listed below.")
    return lines


SEVERITY = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def _signs(run: JudgedRun) -> str:
    if run.files.decision():
        return "Somebody has decided: see “Who decides” below."
    who = run.manifest["config"].get("responsible") or {}
    named = [f"{role.replace('_', ' ')}: {name}" for role, name in sorted(who.items()) if name]
    told = f" Named in the config are {', '.join(named)}." if named else ""
    return f"Nobody has signed yet; a named person does, in decision.md of this run.{told}"
