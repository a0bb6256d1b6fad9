"""Whom the stream may segment: what the customers table says, and what was said while it ran."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b

import numpy as np
import pandas as pd

from segwork.config import load
from segwork.privacy.consent import DEFAULT_PURPOSE, answers

MARK = 8  # bytes of a hash


def mark(text: str) -> bytes:
    """Return eight bytes that stand for a text."""
    return blake2b(text.encode(), digest_size=MARK).digest()


def _marks(texts: pd.Index) -> np.ndarray:
    return np.sort(np.frombuffer(b"".join(map(mark, texts)), ">u8").astype(np.uint64))


def _has(marks: np.ndarray, text: str) -> bool:
    if not len(marks):
        return False
    key = np.uint64(int.from_bytes(mark(text)))
    at = marks.searchsorted(key)
    return bool(at < len(marks) and marks[at] == key)


@dataclass(frozen=True)
class Consent:
    """Who agreed and who did not, as sorted hashes of ids: eight bytes a customer.

    Parameters
    ----------
    willing, refused : ndarray of uint64
    others : bool
        Whether customers whom the table does not name may be segmented.
    purpose : str
    digest : str
        Another one where other answers were read.
    """

    willing: np.ndarray = field(default_factory=lambda: _marks(pd.Index([])))
    refused: np.ndarray = field(default_factory=lambda: _marks(pd.Index([])))
    others: bool = True
    purpose: str = DEFAULT_PURPOSE
    digest: str = ""

    @classmethod
    def of(cls, config: str) -> Consent:
        """Read the customers table of a config, as of now.

        Raises
        ------
        SegworkError
            It cannot be read, or names no customers.
        """
        ready = replace(load(config), engine="duckdb")  # the order lines stay where they are
        found, others = answers(ready, datetime.now(UTC).replace(tzinfo=None))
        willing, refused = (
            _marks(found.index[found == word].astype(str)) for word in (True, False)
        )
        digest = mark(f"{willing.tobytes().hex()}/{refused.tobytes().hex()}/{others}").hex()
        return cls(willing, refused, others, ready.purpose or DEFAULT_PURPOSE, digest)

    def allows(self, customer: str, said: bool | None) -> bool:
        """Tell whether a customer may be segmented; ``said`` is what an event said last."""
        if said is False or _has(self.refused, customer):
            return False
        return bool(said) or self.others or _has(self.willing, customer)
