"""Canaries: invented people planted into every table, and a search for them in every file.

Whatever a run keeps must not hold one of their names, mails, phone numbers or customer ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

FIRST = ("Xanthippa", "Quorlin", "Zebediah", "Wrenna", "Yolvick", "Brizelda", "Tarquine", "Ulfrida")
LAST = ("Quetzalby", "Marlowitz", "Zandervoort", "Pfefferquist", "Vanterpoole", "Krzysler")
KINDS = ("name", "mail", "phone", "customer_id")


@dataclass(frozen=True)
class Canary:
    """One invented person."""

    name: str
    mail: str
    phone: str
    customer_id: str


def canaries(n: int = 200) -> list[Canary]:
    """Invent people whose words occur nowhere else."""
    people = []
    for k in range(n):
        first, last = FIRST[k % len(FIRST)], LAST[k // len(FIRST) % len(LAST)]
        name = f"{first} {last}{'abcdefghijk'[k // (len(FIRST) * len(LAST))]}{'mnopqrst'[k % 8]}"
        mail = f"{name.replace(' ', '.').lower()}{k}@canary-post.example"
        phone = f"+62 8{911_000_000 + 7919 * k}"
        people.append(Canary(name, mail, phone, f"CNRY-{k:03d}-{7919 * k}"))
    return people


def plant(tables: Mapping[str, pd.DataFrame], people: Iterable[Canary]) -> dict[str, pd.DataFrame]:
    """Return the tables with every canary in each: as id, in extra columns and inside texts.

    The first rows of as many customers become the canaries' rows, consistently in all tables.
    """
    people = list(people)
    known = tables["transactions"]["customer_id"].value_counts().index
    chosen = dict(zip(known, people, strict=False))
    planted = {}
    for name, table in tables.items():
        table = table.reset_index(drop=True)
        if "customer_id" in table:
            who = table["customer_id"].map(chosen)
        else:
            who = pd.Series(np.resize(np.array(people, object), len(table)))
        there = who.notna().to_numpy()
        told = who[there]
        table = table.copy()
        if "customer_id" in table:
            table["customer_id"] = table["customer_id"].astype(object)
            table.loc[there, "customer_id"] = [one.customer_id for one in told]
        extra = {"contact_name": "name", "contact_mail": "mail", "mobile": "phone"}
        for column, part in {**extra, "account": "customer_id"}.items():
            table[column] = None
            table.loc[there, column] = [getattr(one, part) for one in told]
        for column in {"text", "product_description", "user_agent"} & set(table):
            words = table.loc[there, column].fillna("").astype(str)
            said = [f"This is {p.name}, {p.mail} or {p.phone}, no {p.customer_id}" for p in told]
            table[column] = table[column].astype(object)
            table.loc[there, column] = [f"{a} {b}" for a, b in zip(words, said, strict=True)]
        planted[name] = table
    return planted


def found(folders: Iterable[Path], people: Iterable[Canary]) -> pd.DataFrame:
    """Search files, their names and the values of tables; one row a hit: file, kind, value."""
    people = list(people)
    words = [(kind, getattr(one, kind)) for one in people for kind in KINDS]
    hits = []
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            text = f"{path}\n" + path.read_bytes().decode("utf-8", "replace")
            if path.suffix == ".parquet":
                text += pd.read_parquet(path).reset_index().astype(str).to_csv()
            hits += [(str(path), kind, word) for kind, word in words if word in text]
    return pd.DataFrame(hits, columns=["file", "kind", "value"])
