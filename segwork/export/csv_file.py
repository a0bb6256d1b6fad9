"""The CSV file: everybody who may be sent, safe and readable in a spreadsheet, with a dictionary.

The file is always whole; the journal only tells what is new in it. Text that a spreadsheet would
take for a formula gets a quotation mark in front; numbers stay numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

from segwork.errors import UsageError
from segwork.export.crm import COLUMNS, NUMBER, Crm
from segwork.export.journal import Change, Journal
from segwork.runs.files import atomically
from segwork.settings import Export

# OWASP's list and its full-width twins, after blanks and separators too.
FORMULA = re.compile(r"[\s;,|]*[=+\-@＝＋－＠]|[\t\r\n]")
ID_MEANING = "customer number of the source tables: personal, keep this file as safe as they are"


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


class CsvFile(Crm):
    """``customers.csv`` and ``customers_columns.csv`` in a folder.

    Parameters
    ----------
    folder : str
    settings : Export
        Its marks: separator and decimal sign.

    Raises
    ------
    UsageError
        The folder lies in a run folder, where no customer id may be.
    """

    size = 10_000
    day = 10**12

    def __init__(self, folder: str, settings: Export, _patience: object = None) -> None:
        self.folder, self.settings = Path(folder).resolve(), settings
        if any((at / "manifest.json").is_file() for at in (self.folder, *self.folder.parents)):
            raise UsageError("the CSV file would lie in a run folder", accepted="another folder")
        self.calls = SimpleNamespace(made=0)

    def post(self, batch: list[Change], book: Journal) -> Iterator[dict[bytes, str]]:
        """Say that all are taken: the file was written whole beforehand."""
        book.claim(batch, "file")
        yield dict.fromkeys((change.who for change in batch), "")

    def write(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Write id and values of every row, and the dictionary; each is whole or not there."""
        meanings = {"customer_id": ID_MEANING, **{n: told for n, (told, _) in COLUMNS.items()}}
        numbers = [kinds is NUMBER for kinds in (None, *(kinds for _, kinds in COLUMNS.values()))]
        safe = (
            [
                value.replace(".", self.settings.decimal) if number else harmless(value)
                for value, number in zip(row, numbers, strict=True)
            ]
            for row in rows
        )
        self._write("customers.csv", meanings, safe)
        self._write("customers_columns.csv", ("column", "meaning"), meanings.items())

    def _write(self, name: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        def fill(target: str) -> None:
            # With a byte order mark a spreadsheet reads names with accents right.
            with open(target, "w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file, delimiter=self.settings.separator, quoting=csv.QUOTE_ALL)
                writer.writerow(header)
                writer.writerows(rows)

        atomically(self.folder / name, fill)  # for its owner only
