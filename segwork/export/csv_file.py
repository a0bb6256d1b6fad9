"""The CSV file: everybody who may be sent, safe and readable in a spreadsheet, with a dictionary.

The file is always whole; the journal only tells what is new in it. Text that a spreadsheet would
take for a formula gets a quotation mark in front (OWASP, "CSV Injection"); numbers stay numbers.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from segwork.errors import UsageError
from segwork.export.fields import COLUMNS
from segwork.export.journal import Change
from segwork.run import atomically
from segwork.settings import Export

# The list of OWASP with its full-width twins, after blanks and separators too.
FORMULA = re.compile(r"[\s;,|]*[=+\-@＝＋－＠]|[\t\r\n]")
ID_MEANING = "customer number of the source tables: personal, keep this file as safe as they are"
NUMBERS = ("confidence",)


def harmless(text: str) -> str:
    """Return a text that no spreadsheet runs.

    References
    ----------
    OWASP, "CSV Injection", owasp.org/www-community/attacks/CSV_Injection.

    Examples
    --------
    >>> harmless("=1+1"), harmless("Loyal"), harmless("; @SUM(A1)")
    ("'=1+1", 'Loyal', "'; @SUM(A1)")
    """
    return f"'{text}" if FORMULA.match(text) else text


class CsvFile:
    """``customers.csv`` and ``customers_columns.csv`` in a folder.

    Parameters
    ----------
    folder : path
    settings : Export
        Its marks: separator and decimal sign.

    Raises
    ------
    UsageError
        The folder lies in a run folder, where no customer id may be.
    """

    size = 10_000
    day = 10**12

    def __init__(self, folder: str | Path, settings: Export) -> None:
        self.folder = Path(folder).resolve()
        if any((at / "manifest.json").is_file() for at in (self.folder, *self.folder.parents)):
            raise UsageError("the CSV file would lie in a run folder", accepted="another folder")
        self._separator, self._decimal = settings.separator, settings.decimal
        self.calls = SimpleNamespace(made=0)

    def cost(self, batch: list[Change], calls: int) -> int:  # noqa: ARG002  (files cost nothing)
        """Return nothing: there is no limit of a day."""
        return 0

    def post(
        self, batch: list[Change], columns: tuple[str, ...], claim: Callable[[str], None]
    ) -> dict[bytes, str]:
        """Say that all are taken: the file was written whole beforehand."""
        claim("file")
        return {change.who: "" for change in batch}

    def write(self, parts: Iterable[pd.DataFrame], text: Callable[[object], str]) -> None:
        """Write the file, part by part, and its dictionary; each is complete or not there."""
        names = ("customer_id", *COLUMNS)
        meanings = {"customer_id": ID_MEANING, **{n: c.meaning for n, c in COLUMNS.items()}}
        rows = (row for part in parts for row in self._rows(part, names, text))
        self._write("customers.csv", names, rows)
        self._write("customers_columns.csv", ("column", "meaning"), meanings.items())

    def _rows(
        self, part: pd.DataFrame, names: tuple[str, ...], text: Callable[[object], str]
    ) -> Iterator[Iterable[str]]:
        blank = [""] * len(part)
        columns = [part[name].tolist() if name in part else blank for name in names]
        for values in zip(*columns, strict=True):
            told = map(text, values)
            yield (
                one.replace(".", self._decimal) if name in NUMBERS else harmless(one)
                for name, one in zip(names, told, strict=True)
            )

    def _write(self, name: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        def fill(target: str) -> None:
            # With a byte order mark a spreadsheet reads names with accents right.
            with open(target, "w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file, delimiter=self._separator, quoting=csv.QUOTE_ALL)
                writer.writerow(header)
                writer.writerows(rows)

        atomically(self.folder / name, fill)
        os.chmod(self.folder / name, 0o600)
