"""The words of data files that mean yes, no and "no value"; one list each, all in lower case."""

from __future__ import annotations

import re
import unicodedata

from segwork import packaged

YES = frozenset({"true", "t", "yes", "y", "1", "1.0"})
NO = frozenset({"false", "f", "no", "n", "0", "0.0"})

_LISTS = packaged.values("words.toml")
MISSING_MARKS = frozenset(_LISTS["missing"])
PLACEHOLDERS = MISSING_MARKS | set(_LISTS["placeholders"])
NOBODY = frozenset(_LISTS["nobody"])

AROUND = "<>()[]{}$#_-'\"~!*. "


def bare(word: str) -> str:
    r"""Return a text in lower case without blanks around it and marks that nobody sees.

    Examples
    --------
    >>> bare(" \u200bNULL\u00a0")
    'null'
    """
    if word.isascii():
        return word.strip().lower()
    text = unicodedata.normalize("NFKC", word)
    return "".join(ch for ch in text if unicodedata.category(ch) != "Cf").strip().lower()


def placeholder(word: str) -> bool:
    r"""Say whether a text means "no value", also in brackets, and said twice.

    Examples
    --------
    >>> placeholder(" N/A "), placeholder(r"\N"), placeholder("*** null null ***")
    (True, True, True)
    >>> placeholder("0"), placeholder("-1"), placeholder("nulla")
    (False, False, False)
    """
    text = bare(word)
    parts = re.split(r"[\s,;]+", text.strip(AROUND))
    core = " ".join(parts)
    said = core in PLACEHOLDERS or all(part in PLACEHOLDERS for part in parts)
    return text in PLACEHOLDERS or (bool(core) and said)


def nobody(word: str) -> bool:
    """Say whether a customer's id means that there is none.

    Examples
    --------
    >>> nobody("Walk-In"), nobody("~"), nobody("Guest 12")
    (True, True, False)
    """
    text = bare(word)
    return placeholder(word) or text.strip(AROUND) in NOBODY or not any(map(str.isalnum, text))


def words(text: str) -> frozenset[str]:
    """Return the different words of a text.

    Examples
    --------
    >>> sorted(words("ya ja ya"))
    ['ja', 'ya']
    """
    return frozenset(text.split())
