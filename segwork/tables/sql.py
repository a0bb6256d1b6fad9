"""What a query may be: one statement that reads."""

from __future__ import annotations

import re

from segwork.errors import DataError

_SKIPPED = re.compile(
    r"""
    '(?:[^'\\]|''|\\.)*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]]*\]      # texts and names
    | --[^\n]* | \#[^\n]* | /\*.*?\*/                                 # comments
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$                                 # texts of PostgreSQL
    """,
    re.VERBOSE | re.DOTALL,
)
_ACCEPTED = "one SELECT that only reads"
_READS = ("select", "with", "from", "values", "table")
_WRITES = re.compile(
    r"\b(insert|update|delete|merge|drop|create|alter|truncate|replace\s+into|attach|detach|copy"
    r"|pragma|grant|revoke|call|exec|execute|install|load|export|import|vacuum|into\s+outfile"
    r"|into\s+dumpfile|select\s+[^;]*\binto\s+[a-z_\"])\b",
    re.IGNORECASE,
)


def refuse_writing(query: str) -> None:
    """Refuse what is not one statement that reads.

    The databases themselves are opened so that they cannot write; this says so in a sentence.

    Raises
    ------
    DataError

    Examples
    --------
    >>> refuse_writing("select 1; drop table lines")
    Traceback (most recent call last):
        ...
    segwork.errors.DataError: the sql is more than one statement; accepted: one SELECT.
    """
    bare = _SKIPPED.sub(" ' ", query).strip().rstrip(";").strip()
    if ";" in bare:
        raise DataError("the sql is more than one statement", accepted="one SELECT")
    word = (re.match(r"[\s(]*([A-Za-z]+)", bare) or ["", ""])[1].lower()
    if word not in _READS:
        raise DataError(
            f"the sql begins with '{word or query.strip()[:1]}'",
            accepted=_ACCEPTED,
        )
    if word == "with" and (found := _WRITES.search(bare)):
        raise DataError(f"the sql holds '{found[0].lower()}'", accepted=_ACCEPTED)
