"""DQ-T-16: orders of tests and of the staff, told by the words they are marked with."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from segwork.checks import Evidence, Rule, check
from segwork.quality.sources import SourceTable, SourceTables
from segwork.schema import Kind

TEST = frozenset(
    re.findall(
        r"\w+",
        """
    test tests testing tester testorder testkunde testartikel testbestellung testuser testaccount
    testproduct dummy demo fake qa uat asdf foo foobar sandbox bogus mustermann musterfrau prueba
    pruebas teste testes prova essai proef coba ujicoba cobatest percobaan тест""",
    )
)
STAFF = frozenset(
    re.findall(
        r"\w+",
        """
    staff employee employees internal intern mitarbeiter mitarbeiterrabatt personalkauf
    personalrabatt karyawan pegawai empleado empleados funcionario funcionário interno interna
    colleague collaborateur medewerker personeel personeelskorting""",
    )
)
# Words that may stand beside them; any other ("pregnancy test kit") makes it an article.
BESIDE = frozenset(
    re.findall(
        r"\w+",
        """
    order orders user users customer customers client kunde account accounts product products item
    items article artikel produk sku shop store discount purchase purchases sale sales member use
    only do not ship delete ignore process deliver please this is a an the for my new old us uk de
    example com org mail id no code card price gateway payment max erika uji produk produto
    producto cliente client pelanggan pedido pesanan commande zz zzz""",
    )
)
WORDS = re.compile(r"[^\W\d_]+")


@check("DQ-T-16")
def house_orders(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Order lines marked as a test, or as bought by the shop's own people."""
    source = sources.need("transactions")
    kinds = (Kind.IDENTIFIER, Kind.CATEGORY, Kind.TEXT)
    for name, words in (("test", TEST), ("staff", STAFF)):
        told = np.zeros(source.n, bool)
        for column in source.columns(*kinds):
            rows = source.where(column, lambda w, words=words: _marked(w, words)) & ~told
            if rows.any() and rows.mean() < 0.5:
                told |= rows
                yield source.found((column,), rows, _note(source, column, rows, name))
        people = sources.get("customers")
        if people is not None and people.has("customer_id", "customer_type"):
            own = people.where("customer_type", lambda w, words=words: _marked(w, words))
            ids = set(people.frame["customer_id"].astype(str)[own])
            rows = source.where("customer_id", ids.__contains__) & ~told
            if rows.any():
                note = f"{rows.sum():,} {name} orders' lines of customers of such a type"
                yield source.found(("customer_id",), rows, note)


def _marked(text: str, words: frozenset[str]) -> bool:
    """Say whether a text has one of the words, and beside them hardly a word of an article."""
    said = {word.lower() for word in WORDS.findall(text)}
    if "@" in text and words is TEST:  # an address needs no other word: john.test@shop.com
        return bool({word.lower() for word in WORDS.findall(text.split("@")[0])} & words)
    return bool(said & words) and said <= words | BESIDE


def _note(source: SourceTable, column: str, rows: np.ndarray, name: str) -> str:
    codes = source.codes(column)[0][rows]
    seen = [source.words(column)[int(c)] for c in np.unique(codes)[:3]]
    return f"{rows.sum():,} {name} orders' lines: {column} is {', '.join(seen)}"
