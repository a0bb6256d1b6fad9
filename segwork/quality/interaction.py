"""DQ-I: contacts, their texts and their sentiment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.evidence import wilson
from segwork.quality import statistics as st
from segwork.quality.sources import LISTS, SourceTable, SourceTables, kept
from segwork.results import Status
from segwork.schema import Kind

TABLE = "interactions"
WEAK = 0.2  # sentiment as a number
CARD = re.compile(r"(?<![\d.])(?:\d[ -]?){12,18}\d(?![\d.])")
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
PHONE = re.compile(r"(?<!\w)(?:\+\d[\d ()/.-]{7,}\d|\(?0\d{2,4}\)?[ /-]\d{3,}[ -]?\d{2,})(?!\w)")
UNCLEAN = re.compile("|".join(LISTS["unclean"]), re.IGNORECASE)
PERSON = re.compile(rf"\b({'|'.join(LISTS['person'].split())})\b", re.IGNORECASE)
PROBES = {meaning: LISTS[meaning] for meaning in ("negative", "positive")}
STOPWORDS = {name: set(text.split()) for name, text in LISTS["stopwords"].items()}


@check("DQ-I-01")
def sentiment_accuracy(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Sentiment against hand labels; without them, against what the same words are labelled."""
    source = sources.need(TABLE, "sentiment")
    machine = polarity(source, "sentiment")
    labelled = _hand_labels(source)
    if labelled is None and "text" not in source:
        raise NotApplicable("no hand labels and no text beside the sentiment")
    if labelled is not None:
        yield _against_hand(source, machine, labelled, rule)
    if "text" in source:
        told = _told_by_words(source)
        if labelled is None:
            yield _against_words(source, told)
        yield from _worse_channels(source, told)


def _against_hand(source: SourceTable, machine: np.ndarray, column: str, rule: Rule) -> Evidence:
    human = polarity(source, column)
    both = np.flatnonzero((machine > -9) & (human > -9))
    if len(both) < 200:
        raise Inconclusive(f"{len(both)} hand-labelled contacts, 200 are needed")
    low, value, high = macro_f1(machine[both], human[both])
    rows = both[machine[both] != human[both]]
    note = f"macro-F1 {value:.2f} (95 % {low:.2f} to {high:.2f}) on {len(both):,} hand labels"
    status = Status.WARNED if high < rule.limit + 0.2 else Status.PASSED
    status = Status.FAILED if low < rule.limit else status
    return source.found(("sentiment", column), rows, note, of=len(both), status=status)


class Told(NamedTuple):
    """What the words of texts speak for, learned from other rows, and what contradicts it.

    A label in words contradicts by being another; a number only by the opposite sign: nobody
    says from which number on a text is no longer neutral, so weak ones are taken as neutral.
    """

    rows: np.ndarray
    read: np.ndarray
    sure: np.ndarray
    wrong: np.ndarray


@kept
def _told_by_words(source: SourceTable) -> Told:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.naive_bayes import MultinomialNB

    machine = polarity(source, "sentiment")
    if numbers := source.kind("sentiment") is Kind.NUMBER:
        weak = np.abs(source.number("sentiment")) < WEAK
        machine = np.where(weak, 0, machine)
    rows = np.flatnonzero((machine > -9) & ~source.missing("text"))
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:20_000])
    classes, size = np.unique(machine[rows], return_counts=True)
    if len(rows) < 200 or len(classes) < 2 or size.min() < 20:
        raise Inconclusive(f"{len(rows)} labelled texts, 200 with 20 of each sentiment are needed")
    texts = [str(t) for t in source.frame["text"].iloc[rows]]
    words = TfidfVectorizer(max_features=4000, binary=True, token_pattern=r"\w\w+")
    try:
        X = words.fit_transform(texts)
    except ValueError:
        raise Inconclusive("the texts hold no words") from None
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = MultinomialNB(alpha=0.3)
    chance = cross_val_predict(model, X, machine[rows], cv=folds, method="predict_proba")
    read, given = classes[chance.argmax(axis=1)], machine[rows]
    wrong = read * given < 0 if numbers else read != given
    return Told(rows, read, chance.max(axis=1), wrong)


def _against_words(source: SourceTable, told: Told) -> Evidence:
    """Judge by the clearest texts: ambiguity spares them, wrong labels do not."""
    rows, read, sure, wrong = told
    worst, share = 0.0, 0.0
    for label in np.unique(read):
        mine = read == label
        clear = mine & (sure >= np.quantile(sure[mine], 0.7))
        interval = wilson(int((wrong & clear).sum()), int(clear.sum()))
        worst, share = max(worst, interval.low), max(share, float(wrong[clear].mean()))
    note = f"{share:.1%} of the clearest texts of one sentiment carry another label"
    found = rows[wrong & (sure > 0.5)] if worst > 0.03 else st.NONE
    status = Status.WARNED if len(found) and wrong.mean() < 0.5 else Status.PASSED
    return source.found(("sentiment",), found, note, of=len(rows), status=status)


def _worse_channels(source: SourceTable, told: Told) -> Iterator[Evidence]:
    """Name channels whose labels contradict the words over five points more often than others'."""
    rows, wrong = told.rows, told.wrong & (told.sure > 0.5)
    channel = source.codes("channel")[0][rows]
    for code in np.unique(channel[channel >= 0]):
        mine = channel == code
        if mine.sum() < 100 or (~mine).sum() < 100:
            continue
        interval = wilson(int(wrong[mine].sum()), int(mine.sum()), level=0.999)
        if interval.low > wrong[~mine].mean() + 0.05:
            note = f"{wrong[mine].mean():.1%} of one channel's labels contradict the words"
            note += f", {wrong[~mine].mean():.1%} elsewhere"
            columns = ("sentiment", "channel")
            yield source.found(
                columns, rows[mine & wrong], note, of=len(rows), status=Status.WARNED
            )


def _hand_labels(source: SourceTable) -> str | None:
    for column in source.extra(Kind.CATEGORY, Kind.NUMBER, Kind.TEXT):
        told = polarity(source, column)
        words = {w.strip().lower()[:3] for w in source.words(column)}
        named = re.search(r"human|hand|gold|label|annot|manual|true|checked", column, re.I)
        like = words <= {"neg", "neu", "pos"} and len(words) > 1
        if like or (named and "sentiment" in column and (told > -9).any()):
            return column
    return None


def polarity(source: SourceTable, column: str) -> np.ndarray:
    """Return −1, 0 or 1; −9 for missing and unreadable."""
    if source.kind(column) is Kind.NUMBER:
        values = source.number(column)
        return np.where(np.isfinite(values), np.sign(values) * (np.abs(values) > 0.05), -9)
    sign = {"neg": -1, "neu": 0, "pos": 1}
    told = [sign.get(word.strip().lower()[:3], -9) for word in source.words(column)]
    return np.array([*told, -9])[source.codes(column)[0]]


def macro_f1(told: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    """Return macro-F1 with its 95 % bootstrap interval: low, value, high."""
    classes = np.unique(true)
    table = np.array([[((true == a) & (told == b)).sum() for b in classes] for a in classes], float)
    rest = float(len(true) - table.sum())
    cells = np.append(table.ravel(), rest)
    draws = np.random.default_rng(0).multinomial(len(true), cells / cells.sum(), size=400)
    values = [_f1(d[:-1].reshape(table.shape), true_rest=d[-1]) for d in draws]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), _f1(table, true_rest=rest), float(high)


def _f1(table: np.ndarray, *, true_rest: float) -> float:
    hit = np.diag(table)
    total = table.sum(axis=0) + table.sum(axis=1) + true_rest / len(table)
    return float(np.mean(2 * hit / np.maximum(total, 1)))


@check("DQ-I-02")
def sentiment_bias(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Texts that differ only in a word for the person but carry another sentiment."""
    source = sources.need(TABLE, "sentiment", "text")
    value = polarity(source, "sentiment")
    masked = source.mapped("text", lambda w: PERSON.sub("*", w.lower()))
    person = source.mapped("text", lambda w: (PERSON.findall(w.lower()) or [""])[0])
    frame = pd.DataFrame({"m": masked, "p": person, "v": value})
    frame = frame[(value > -9) & (frame["p"] != "")]
    frame = frame[frame.groupby("m")["p"].transform("nunique") > 1]
    if len(frame) < 100:
        raise NotApplicable("fewer than 100 texts that differ only in a word for the person")
    rest = frame["v"] - frame.groupby("m")["v"].transform("mean")
    by = rest.groupby(frame["p"]).agg(["mean", "sem", "size"])
    by = by[by["size"] >= 30]
    p = 2 * stats.norm.sf(np.abs(by["mean"]) / by["sem"].clip(lower=1e-9)) * len(by)
    biased = by.index[(by["mean"].abs() >= rule.limit) & (p < 0.01)]
    rows = frame.index[frame["p"].isin(biased)].to_numpy()
    yield source.found(("sentiment", "text"), rows, f"words: {', '.join(biased) or 'none'}")


@check("DQ-I-03")
def negation_probes(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Texts with a known negation or irony that carry the opposite sentiment."""
    source = sources.need(TABLE, "sentiment", "text")
    value = polarity(source, "sentiment")
    wrong, asked = np.zeros(source.n, bool), np.zeros(source.n, bool)
    for meaning, phrases in PROBES.items():
        has = source.where("text", lambda w, p=phrases: any(x in w.lower() for x in p))
        has &= value > -9
        asked |= has
        wrong |= has & (value == (1 if meaning == "negative" else -1))
    if asked.sum() < 20:
        raise NotApplicable(f"{asked.sum()} texts hold a probe phrase, 20 are needed")
    interval = wilson(int((asked & ~wrong).sum()), int(asked.sum()))
    rows = np.flatnonzero(wrong) if interval.high < rule.limit else st.NONE
    note = f"{1 - wrong.sum() / asked.sum():.0%} of {asked.sum():,} probe texts read rightly"
    yield source.found(("sentiment", "text"), rows, note)


@check("DQ-I-04")
def unclean_text(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Texts with markup, quoted replies or signatures."""
    source = sources.need(TABLE, "text")
    yield _if_many(source, UNCLEAN.search, rule, "are not cleaned")


@check("DQ-I-05")
def language_mix(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Texts in another language than declared, or than most."""
    source = sources.need(TABLE, "text")
    declared = next((c for c in source.extra(Kind.CATEGORY) if "lang" in c.lower()), None)
    if declared is None:
        raise NotApplicable("no column declares the language of a text")
    told = source.mapped("text", lambda w: language(w) or "")
    if (told != "").sum() < 50:
        raise Inconclusive("fewer than 50 texts whose language can be told")
    should = source.mapped(declared, lambda w: w.strip().lower()[:2])
    rows = np.flatnonzero((told != "") & np.isin(should, list(STOPWORDS)) & (told != should))
    rows = rows if len(rows) > rule.limit * (told != "").sum() else st.NONE
    yield source.found(("text", declared), rows, f"{len(rows):,} texts in another language")


def language(text: str) -> str | None:
    """Return the language most stopwords of a text belong to; None where it is not clear."""
    words = set(re.findall(r"[^\W\d_]+", text.lower()))
    score = sorted(((len(words & s), n) for n, s in STOPWORDS.items()), reverse=True)
    clear = score[0][0] >= 2 and score[0][0] >= score[1][0] + 2
    return score[0][1] if clear else None


@check("DQ-I-06")
def copied_text(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Near-copies of one text that come in a wave or from few senders."""
    source = sources.need(TABLE, "text")
    cluster = np.append(_clusters(source.words("text")), -1)[source.codes("text")[0]]
    size = np.bincount(cluster[cluster >= 0], minlength=1)
    filled = int((~source.missing("text")).sum())
    large = np.flatnonzero(size >= max(5, rule.limit * filled))
    lone = (size[size >= 5].sum() - size < 0.1 * filled) & (size >= 8)
    found = [c for c in large if lone[c] or _wave(source, cluster == c)]
    rows = np.isin(cluster, found)
    yield source.found(("text",), rows, f"{rows.sum():,} texts in {len(found)} waves of copies")


def _clusters(words: list[str]) -> np.ndarray:
    """Return the cluster of every distinct text: those that share its most common word triple."""
    addresses, letters = re.compile(r"https?://\S+|\S+@\S+"), re.compile(r"[^\W\d_]+")
    plain = [letters.findall(addresses.sub(" ", word.lower())) for word in words]
    triples = [{tuple(w[i : i + 3]) for i in range(max(1, len(w) - 2))} if w else {} for w in plain]
    common = Counter(t for ts in triples for t in ts)
    chosen = [str(max(ts, key=lambda t: (common[t], t))) if ts else None for ts in triples]
    return pd.factorize(np.array(chosen, dtype=object))[0]


def _wave(source: SourceTable, member: np.ndarray) -> bool:
    """Say whether copies are packed in time, or come from few senders, far beyond the traffic."""
    days = source.days()
    n, total = int(member.sum()), int((days > -(10**6)).sum())
    mine = np.sort(days[member & (days > -(10**6))])
    if len(mine) < 5:
        return False
    for share in (0.8, 0.5):
        k = max(4, int(share * len(mine)))
        spans = mine[k - 1 :] - mine[: len(mine) - k + 1]
        at = int(np.argmin(spans))
        low, high = mine[at], mine[at + k - 1]
        traffic = ((days >= low) & (days <= high)).sum() - k
        expected = min(1.0, max(traffic, 1) / max(total - n, 1))
        if expected < 0.25 and stats.binom.sf(k - 1, len(mine), expected) * total < 1e-4:
            return True
    senders = pd.Series(source.codes("customer_id")[0][member]).value_counts()
    return bool(senders.iloc[0] >= 5 and senders.iloc[:3].sum() > 0.5 * n)


@check("DQ-I-07")
def personal_data(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Card numbers with a right check digit, mail addresses and telephone numbers in free text."""
    source = sources.need(TABLE, "text")
    rows = np.flatnonzero(source.where("text", _personal))
    yield source.found(("text",), rows, f"{len(rows):,} texts hold personal data")


def _personal(word: str) -> bool:
    if "@" in word and MAIL.search(word):
        return True
    if sum(ch.isdigit() for ch in word) < 7:
        return False
    return any(_luhn(m) for m in CARD.findall(word)) or PHONE.search(word) is not None


def _luhn(number: str) -> bool:
    digits = [int(ch) for ch in number if ch.isdigit()][::-1]
    total = sum(d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(digits))
    return len(set(digits)) > 1 and total % 10 == 0


@check("DQ-I-08")
def review_queue(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Contacts whose sentiment a person should look at first; a queue, not an error count."""
    source = sources.need(TABLE, "sentiment", "text")
    queue = _against_words(source, _told_by_words(source))
    note = f"{queue.note}; of such a queue 21 to 62 % prove wrong on review"
    yield replace(queue, note=note, status=Status.PASSED)


@check("DQ-I-09")
def cut_text(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Texts that are empty, or cut at one length."""
    source = sources.need(TABLE, "text")
    empty = np.flatnonzero(source.where("text", lambda w: not w.strip()))
    if len(empty) > rule.limit * source.n:
        yield source.found(("text",), empty, f"{len(empty):,} texts are empty")
    length = np.array([len(w) for w in source.words("text")] + [0])
    top = int(length.max())
    at_top, near = (length == top).sum(), np.isin(length, (top - 1, top - 2)).sum()
    rows = np.flatnonzero(length[source.codes("text")[0]] == top)
    many = len(rows) > rule.limit * (~source.missing("text")).sum()
    if top >= 20 and at_top >= 5 and at_top > 3 * near and many:
        yield source.found(("text",), rows, f"{len(rows):,} texts end at {top} characters")


def _if_many(
    source: SourceTable, marked: Callable[[str], object], rule: Rule, what: str
) -> Evidence:
    rows = source.where("text", marked)
    over = rows.sum() > rule.limit * (~source.missing("text")).sum()
    return source.found(("text",), rows if over else st.NONE, f"{rows.sum():,} texts {what}")
