"""The words of data files that mean yes, no and "no value"; one list each, all in lower case."""

from __future__ import annotations

YES = frozenset({"true", "t", "yes", "y", "1", "1.0"})
NO = frozenset({"false", "f", "no", "n", "0", "0.0"})

MISSING_MARKS = frozenset({
    "", "nan", "nat", "none", "null", "nil", "nul", "na", "n/a", "n.a.", "n.a", "#n/a", "#na",
    "#null!", "<na>", "<null>", "(null)", "[null]", r"\n", "-", "--", "---", "?", "??", "???",
})  # fmt: skip
"""What databases, spreadsheets and programs write for an empty cell."""

PLACEHOLDERS = MISSING_MARKS | {
    "missing", "unknown", "unkn", "unk", "undefined", "unspecified", ".", "..", "*", "#", "tbd",
    "tba", "tbc", "xxx", "test", "dummy", "blank", "empty", "void", "(none)", "(blank)",
    "(missing)", "<unknown>", "not_available", "not_provided", "not available", "not provided",
    "not specified", "not known", "no data", "to be defined",
}  # fmt: skip
"""The same and what people write; after deepchecks' idea of a list, extended."""


def placeholder(word: str) -> bool:
    r"""Say whether a text means "no value".

    Examples
    --------
    >>> placeholder(" N/A "), placeholder(r"\N"), placeholder("0")
    (True, True, False)
    """
    return word.strip().lower() in PLACEHOLDERS


def words(text: str) -> frozenset[str]:
    """Return the different words of a text.

    Examples
    --------
    >>> sorted(words("ya ja ya"))
    ['ja', 'ya']
    """
    return frozenset(text.split())
