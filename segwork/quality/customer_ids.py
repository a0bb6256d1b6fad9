"""DQ-G-18: one customer under several spellings of an id, and ids that lost their last digits."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Rule, check
from segwork.quality.house_orders import of_the_house
from segwork.quality.sources import SourceTable, SourceTables, kept
from segwork.words import bare, nobody

# 1.2E+12, and sixteen digits or more that end in zeros: what a spreadsheet leaves of an id.
CUT = re.compile(r"\d+([.,]\d+)?e\+\d+|\d+[.,]\d+e\d+", re.IGNORECASE)
ROUNDED = re.compile(r"[1-9]\d{14}0+")
SIXTEEN = re.compile(r"[1-9]\d{15,}")
APOSTROPHES = str.maketrans('\u2018\u2019\u02bc\u00b4`"', "'" * 6)
DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "-" * 6)
LOOKALIKES = str.maketrans("авекмнорстухіј", "abekmhopctyxij")
TWINS, COVERED = 3, 0.5  # ids written in two ways, and their share of the rarer way
BEYOND_CHANCE = 5.0  # times the twins that two numberings of their own share


OFTEN = 0.95  # of the customers have fewer rows than a 99999 that stands for nobody
FEW_WORDS = 3  # ids without a digit, where all others have some
NO_UUID = re.compile(r"0{8}-(0{4}-){3}0{12}")


@kept
def stands_for_nobody(source: SourceTable) -> tuple[np.ndarray, np.ndarray]:
    """Mark the customers' ids that mean "no customer" for sure, and those that may.

    By their word, by standing alone among numbers, or as the one 0 or −1 of them; a 99999 that
    orders more than nearly all others may.
    """
    words, sizes = source.words("customer_id"), source.sizes("customer_id")
    told = np.array([
        bool((nobody(w) and not of_the_house(w)) or NO_UUID.fullmatch(bare(w)))
        for w in words
    ], bool)  # fmt: skip
    plain = [not any(map(str.isdigit, w)) and not of_the_house(w) for w in words]
    plain = np.array(plain, bool) & ~told
    if plain.sum() <= FEW_WORDS and len(words) >= 10 * (FEW_WORDS + 1):
        told |= plain & (sizes > sizes[~plain & ~told].max(initial=0))
    values = pd.to_numeric(pd.Series([bare(w) for w in words], dtype=object), errors="coerce")
    numbers = np.sort(values[values.notna()].to_numpy())
    if len(numbers) < max(10, 0.9 * len(words)):
        return told, np.zeros(len(words), bool)
    typical = next(iter(numbers[numbers > 0]), 0)
    lone = ((values < 0) & (numbers < 0).sum() == 1) | ((values == 0) & (typical > 10))
    nines = values.map(lambda v: v == v and v > 999 and len(set(f"{v:.0f}")) == 1)
    alone = nines & ~(values - 1).isin(numbers) & ~(values + 1).isin(numbers)
    many = sizes > np.quantile(sizes, OFTEN)
    return told | lone.to_numpy(bool), alone.to_numpy(bool) & many


@check("DQ-G-18")
def customer_spellings(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Find customers whose id is written in several ways, and ids that a spreadsheet cut."""
    owners = [source for source in sources if "customer_id" in source and source.n]
    rows: Counter[str] = Counter()
    for source in owners:
        sizes = source.sizes("customer_id").tolist()
        rows.update(dict(zip(_ids(source), sizes, strict=True)))
    fold = _folder(rows)
    ways: Counter[str] = Counter()
    for word, size in rows.items():
        ways[way(word)] += size
    usual = _usual(rows, fold, ways)
    rare = {way(word) for word in usual} - {way(word) for word in usual.values()}
    usual |= {w: fold(w) for w in rows if way(w) in rare and fold(w) != w and w not in usual}
    usual |= _twins([w for w in rows if w not in usual], _loose)
    usual |= _twins([w for w in rows if w not in usual], _digits, by_chance=True)
    rounded = _rounded(rows)
    for source in owners:
        yield from _odd_ids(source, usual, rounded)


def _usual(rows: Counter[str], fold: Callable[[str], str], ways: Counter[str]) -> dict[str, str]:
    """Return each odd spelling with the one it stands for: short, and of a way that is usual."""
    spelt: dict[str, list[str]] = defaultdict(list)
    for word in rows:
        spelt[fold(word)].append(word)
    found = {}
    for words in spelt.values():
        if len(words) > 1:
            most = max(ways[way(w)] for w in words)
            likely = [w for w in words if 3 * ways[way(w)] >= most]
            best = min(likely, key=lambda w: (len(w), -ways[way(w)], w))
            found |= {w: best for w in words if w != best}
    return found


def _twins(
    rows: Iterable[str], key: Callable[[str], tuple[str, str]], *, by_chance: bool = False
) -> dict[str, str]:
    """Return ids of a rarer way of writing with their twins, where half of them have one.

    Numberings of their own, 1 to 500 of the web and of the shop, share numbers by chance.
    """
    ids: dict[str, dict[str, str]] = defaultdict(dict)
    for word in rows:
        one, how = key(word)
        if one:
            ids[how].setdefault(one, word)
    found: dict[str, str] = {}
    order = sorted(ids, key=lambda how: (-len(ids[how]), len(how), how))
    for place, most in enumerate(order):
        for how in order[place + 1 :]:
            both = ids[how].keys() & ids[most].keys()
            if len(both) < max(TWINS, COVERED * len(ids[how])):
                continue
            if by_chance and len(both) < BEYOND_CHANCE * len(ids[how]) * _density(ids[most]):
                continue
            found |= {ids[how][one]: ids[most][one] for one in both}
            found |= {word: one for one, word in ids[how].items() if one not in both}
    return found


def _density(numbers: Iterable[str]) -> float:
    """Return the share of a range of numbers that is taken."""
    taken = [int(n) for n in numbers]
    return len(taken) / (max(taken) - min(taken) + 1)


def _loose(word: str) -> tuple[str, str]:
    """Return the letters and digits of an id, without accents, and how the rest is written."""
    text = unicodedata.normalize("NFKD", fold_customer(word)).translate(LOOKALIKES)
    letters = "".join(ch for ch in text if ch.isalnum())
    several = len(re.findall(r"\d+", letters)) != len(re.findall(r"\d+", text))
    return ("" if letters.isdigit() and several else letters), way(word)


def _digits(word: str) -> tuple[str, str]:
    """Return the number behind the letters of an id, and these letters."""
    found = re.fullmatch(r"(\D*?)0*(\d{3,18})", fold_customer(word))
    return (found[2], found[1]) if found else ("", "")


def _rounded(rows: Iterable[str]) -> set[str]:
    """Return ids of sixteen digits or more that end in zeros, where more do than chance allows."""
    long = [word for word in rows if SIXTEEN.fullmatch(word.strip())]
    cut = {word for word in long if ROUNDED.fullmatch(word.strip())}
    return cut if len(cut) > max(TWINS, 0.3 * len(long)) else set()


def _odd_ids(source: SourceTable, usual: dict[str, str], rounded: set[str]) -> Iterator[Evidence]:
    words = _ids(source)
    odd = [w for w in words if w in usual]
    cut = {w for w in words if CUT.fullmatch(w.strip()) or w in rounded}
    rows = np.append([w in usual or w in cut for w in words], False)
    rows = rows[source.codes("customer_id")[0]].astype(bool)
    if rows.any():
        notes = []
        if odd:
            example = min(odd, key=lambda w: (usual[w] not in words, w))
            people = len({usual[w] for w in odd})
            notes.append(
                f"{people:,} customers in another spelling, {example!a} for {usual[example]!a}"
            )
        if cut:
            notes.append(f"{len(cut):,} ids cut to a power of ten, or to fifteen digits")
        yield source.found(("customer_id",), rows, "; ".join(notes))


def way(word: str) -> str:
    """Return how an id is written, whoever it is: what stands around its letters and digits.

    Examples
    --------
    >>> way("C-0042 "), way("C-17 ") == way("K-23 ")
    ('w-w 04A', True)
    """
    one = re.fullmatch(r"\D*(0\d+)\D*", word)  # of how many digits, where there are no others
    zero = f"0{len(one[1]) if one else ''}"
    there = {zero: re.match(r"\D*0\d", word), "A": word.upper() == word != word.lower()}
    there |= {"~": unicodedata.normalize("NFKC", word) != word, "!": not word.isascii()}
    case = "".join(mark for mark, known in there.items() if known)
    return re.sub(r"[^\W_]+", "w", word) + case


def _ids(source: SourceTable) -> list[str]:
    """Return the distinct ids as text; numbers without the .0 that a gap in the column adds."""
    words = source.words("customer_id")
    if not pd.api.types.is_numeric_dtype(source.frame["customer_id"]):
        return words
    return [word.removesuffix(".0") for word in words]


def _folder(rows: Iterable[str]) -> Callable[[str], str]:
    """Return the fold of ids; where many mix cases inside, as random keys do, case tells."""
    words = list(rows)
    mixed = sum(bool(re.search(r"[a-z][A-Z]|[A-Z]\w*[a-z]\w*[A-Z]", word)) for word in words)
    if mixed <= 0.2 * len(words):
        return fold_customer
    return lambda word: word if fold_customer(word) == word.casefold() else fold_customer(word)


def fold_customer(word: str) -> str:
    """Return an id without what programs and keyboards add to it.

    Examples
    --------
    >>> fold_customer("20013.0") == fold_customer("\u200b020013 ") == "20013"
    True
    """
    text = unicodedata.normalize("NFKC", html.unescape(_decoded(word))).casefold()
    text = "".join(ch for ch in text if unicodedata.category(ch) not in ("Cf", "Cc"))
    text = "".join(text.split()).translate(APOSTROPHES).translate(DASHES)
    text = re.sub(r"^b'(.*)'$", r"\1", text).removeprefix("mailto:").removeprefix("=")
    text = text.strip("'<>{}[]()#.,;")
    text = re.sub(r"(?<=\w)\+[^@]*(?=@)", "", text).removeprefix("+")
    if CUT.fullmatch(text):
        text = f"{float(text.replace(',', '.')):.0f}"
    text = re.sub(r"(?<=\w)[.,]0+$", "", text)
    if re.fullmatch(r"\d{1,3}([.,]\d{3})+", text):
        text = re.sub("[.,]", "", text)
    return re.sub(r"^([a-z]*-?)0+(?=\d+$)", r"\1", text)


def _decoded(word: str) -> str:
    """Undo UTF-8 that was read as Windows-1252."""
    try:
        return word if word.isascii() else word.encode("cp1252").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return word
