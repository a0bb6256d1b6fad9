"""The words of data files that mean yes, no and "no value"; one list each, all in lower case."""

from __future__ import annotations

import re
import unicodedata

YES = frozenset({"true", "t", "yes", "y", "1", "1.0"})
NO = frozenset({"false", "f", "no", "n", "0", "0.0"})

MISSING_MARKS = frozenset({
    "", "nan", "nat", "none", "null", "nil", "nul", "na", "n/a", "n.a.", "n.a", "#n/a", "#na",
    "#null!", "#ref!", "#value!", "#div/0!", "#name?", "#num!", "#error!", "#missing", "<na>",
    "<null>", "(null)", "[null]", "{null}", "<none>", "(none)", "[none]", "<nil>", "(nil)",
    "<unset>", "(unset)", "<empty>", "(empty)", "(blank)", "(not set)", "(missing)", "$null$",
    "__null__", "_null_", "-null-", "'null'", '"null"', r"\n", r"\\n", r"n\a", "nan.0", "-", "--",
    "---", "\u2013", "\u2014", "?", "??", "???", "''", '""', "[]", "{}", "()", "<>",
})  # fmt: skip
"""What databases, spreadsheets and programs write for an empty cell; each begins with an n or with
a mark that is no letter and no digit, which the readers in SQL rely on."""

PLACEHOLDERS = MISSING_MARKS | {
    "missing", "unknown", "unkn", "unk", "undefined", "unspecified", ".", "..", "...", "*", "#",
    "tbd", "tba", "tbc", "xxx", "test", "dummy", "blank", "empty", "void", "unset", "dbnull",
    "system.dbnull", "not_available", "not_provided", "not available", "not provided",
    "not specified", "not known", "not set", "no data", "no value", "missing value",
    "to be defined", "[object object]", "error", "k.a.", "k. a.", "keine angabe", "unbekannt",
    "inconnu", "non renseigné", "desconocido", "desconhecido", "sin dato", "sin datos", "s/d",
    "s.d.", "n/d", "n.d.", "sconosciuto", "onbekend", "tidak ada", "tidak diketahui", "kosong",
    "неизвестно", "нет данных", "不明", "未知",
}  # fmt: skip
"""The same and what people write; after deepchecks' idea of a list, extended."""

NOBODY = frozenset({
    "anonymous", "anonym", "anonyme", "anonim", "anónimo", "anônimo", "guest", "guests", "gast",
    "invité", "invitado", "tamu", "walk-in", "walkin", "walk in", "walk-in customer", "cash",
    "cash customer", "cash sale", "laufkunde", "barverkauf", "passant", "umum", "pelanggan umum",
    "consumidor final", "público general", "publico general", "cliente generico",
    "cliente genérico", "client divers", "no customer", "nobody", "default", "default customer",
    "pos", "retail", "retail customer",
})  # fmt: skip
"""Who buys where a till asks for a customer and there is none."""

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
