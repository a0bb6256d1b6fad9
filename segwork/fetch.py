"""``segwork fetch``: public data sets from their publishers, resumed, checked and converted.

The sets, their licences and what must come out are in ``datasets.toml``. No publisher of them
prints a checksum, so what arrives is checked by content: counts and sums must come out exactly.
"""

from __future__ import annotations

import fnmatch
import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segwork import packaged
from segwork.errors import DataError, UsageError
from segwork.progress import unwatched

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 1 << 18
TIMEOUT_SECONDS = 60
ATTEMPTS = 3
Entry = Mapping[str, Any]  # one data set, as datasets.toml describes it


@cache
def datasets() -> Mapping[str, Entry]:
    """Return the known data sets by name: title, licence, page, address and tables."""
    return packaged.values("datasets.toml")


def fetch(
    name: str,
    to: str | Path | None = None,
    *,
    known: Mapping[str, Entry] | None = None,
    say: Callable[[str], object] = print,
) -> list[Path]:
    """Download a known data set, check it and leave one Parquet file a table.

    Parameters
    ----------
    name : str
        One of :func:`datasets`.
    to : path, optional
        Folder for the tables; ``SEGWORK_DATA`` where absent.
    known : mapping, optional
        Other data sets than :func:`datasets`, in the same form.
    say : callable
        Told the licence before anything is downloaded, then each file and its checksum.

    Returns
    -------
    list of Path
        The Parquet files. One that is there already and right is not downloaded again.

    Raises
    ------
    UsageError
        Nobody knows the name, or there is no folder.
    DataError
        The publisher cannot be reached, the download broke off, or its content is not what was
        published. A broken download is kept and continued by the next call.
    """
    known = datasets() if known is None else known
    if name not in known:
        raise UsageError.unknown("data set", name, known, where="segwork fetch")
    folder = to or os.environ.get("SEGWORK_DATA")
    if not folder:
        raise UsageError("no folder to download into", accepted="--to DIR, or SEGWORK_DATA=DIR")
    entry, target = known[name], Path(folder)
    say(f"{entry['title']}\nlicence: {entry['licence']}\npublisher: {entry['page']}")
    files = [target / f"{table}.parquet" for table in entry["tables"]]
    if all(file.is_file() for file in files):
        for (table, wanted), file in zip(entry["tables"].items(), files, strict=True):
            _verify(wanted["facts"], file, table)
        say(f"already there: {', '.join(map(str, files))}")
        return files
    target.mkdir(parents=True, exist_ok=True)
    archive = target / f".{name}.download"
    download(entry["address"], archive)
    say(f"sha256 of the download: {_sha256(archive)}")
    try:
        _convert(entry, archive, files)
    except (DataError, zipfile.BadZipFile) as fault:
        archive.unlink()
        broken = "is no zip archive" if isinstance(fault, zipfile.BadZipFile) else str(fault)
        raise DataError(
            f"what {entry['address']} sent is not the published '{name}': {broken.rstrip('.')}",
            hint=f"it was thrown away; try again later, or see {entry['page']}",
        ) from None
    archive.unlink()
    for file in files:
        say(f"{file} (sha256 {_sha256(file)})")
    return files


def download(address: str, target: Path) -> Path:
    """Download to ``target``; an unfinished part is kept and continued, by this call or a later.

    Raises
    ------
    DataError
        The address does not answer, says no, or breaks off every time.
    """
    part = target.with_name(target.name + ".part")
    last = ""
    for _ in range(ATTEMPTS):
        try:
            _receive(address, part)
            part.replace(target)
            _mark(part).unlink(missing_ok=True)
            return target
        except urllib.error.HTTPError as fault:
            with fault:
                if fault.code == 416:  # the part is no beginning of what is there now
                    part.unlink(missing_ok=True)
                    continue
                if fault.code < 500:
                    raise DataError(
                        f"{address} answers {fault.code} {fault.reason}",
                        hint="has the publisher moved it? see the page named above",
                    ) from None
                last = f"{fault.code} {fault.reason}"
        except (OSError, http.client.HTTPException) as fault:
            last = str(getattr(fault, "reason", fault)) or type(fault).__name__
    size = part.stat().st_size if part.is_file() else 0
    raise DataError(
        f"the download of {address} broke off after {size:,} bytes ({last})",
        hint="run the command again to continue",
    )


def _receive(address: str, part: Path) -> None:
    """Receive what is missing of one file; a server that cannot continue sends it all again."""
    from tqdm import tqdm

    have = part.stat().st_size if part.is_file() else 0
    mark = _mark(part).read_text(encoding="utf-8") if have and _mark(part).is_file() else ""
    request = urllib.request.Request(address, headers={"User-Agent": "segwork"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    if mark:
        request.add_header("If-Range", mark)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        if answer.status != 206:
            have = 0
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        _mark(part).write_text("" if version.startswith("W/") else version, encoding="utf-8")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        shape = {"total": total, "initial": have, "unit": "B", "unit_scale": True}
        with part.open("ab" if have else "wb") as file, tqdm(**shape, disable=unwatched()) as bar:
            while block := answer.read(BLOCK_BYTES):
                file.write(block)
                bar.update(len(block))
    if total is not None and part.stat().st_size < total:
        raise OSError(f"{part.stat().st_size:,} of {total:,} bytes arrived")


def _mark(part: Path) -> Path:
    """Name the file that holds the publisher's version of an unfinished download."""
    return part.with_name(part.name + ".version")


def _convert(entry: Entry, archive: Path, files: list[Path]) -> None:
    """Convert every table in a temporary folder, check it, then move it to its place."""
    import duckdb

    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".convert-") as folder:
        for (name, table), file in zip(entry["tables"].items(), files, strict=True):
            source = _extract(archive, table.get("member", ""), Path(folder))
            made = Path(folder) / f"{name}.parquet"
            try:
                with duckdb.connect() as connection:
                    if source.suffix.lower() == ".xlsx":
                        connection.register("source", _workbook(source))
                    query = table["query"].replace("{file}", str(source).replace("'", "''"))
                    connection.sql(query).write_parquet(str(made))
            except duckdb.Error as fault:
                raise DataError(f"{name}: {str(fault).splitlines()[0][:160]}") from None
            _verify(table["facts"], made, name)
            made.replace(file)


def _extract(archive: Path, member: str, folder: Path) -> Path:
    """Take one member out of an archive; ``outer.zip!inner`` goes one archive deeper."""
    if not member:
        return archive
    for pattern in member.split("!"):
        with zipfile.ZipFile(archive) as opened:
            names = [n for n in opened.namelist() if not n.startswith("__MACOSX")]
            found = sorted(fnmatch.filter(names, pattern))
            if not found:
                raise DataError(f"no '{pattern}' in it", accepted=", ".join(names[:10]))
            archive = folder / Path(found[0]).name
            with opened.open(found[0]) as content, archive.open("wb") as file:
                shutil.copyfileobj(content, file)
    return archive


def _workbook(file: Path) -> pa.Table:
    """Read every sheet as text and times, with a column ``sheet``."""
    import openpyxl
    import pyarrow as pa
    from tqdm import tqdm

    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    parts = []
    for sheet in book.worksheets:
        rows = sheet.iter_rows(values_only=True)
        names = [str(cell) for cell in next(rows) if cell is not None]
        body = tqdm(rows, desc=sheet.title, unit=" rows", disable=unwatched())
        kept = [row[: len(names)] for row in body if any(cell is not None for cell in row)]
        texts = [
            [None if row[n] is None else str(row[n]) for row in kept] for n in range(len(names))
        ]
        parts.append(pa.table([*texts, [sheet.title] * len(kept)], names=[*names, "sheet"]))
    book.close()
    return pa.concat_tables(parts)


def _verify(facts: Mapping[str, list[float | str]], file: Path, name: str) -> None:
    """Compare counts and sums of a converted table with the published ones."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            relation = connection.read_parquet(str(file))
            found = relation.aggregate(", ".join(facts)).fetchall()[0]
    except duckdb.Error as fault:
        raise DataError(f"'{file.name}' cannot be read ({str(fault).splitlines()[0]})") from None
    for (fact, accepted), value in zip(facts.items(), found, strict=True):
        if value not in accepted:
            published = " or ".join(map(str, accepted))
            raise DataError(f"{fact} of {name} is {value}, published is {published}")


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
