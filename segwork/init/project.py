"""Write a project: config with reasons, notebooks, workflow; show what was understood."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tqdm import tqdm

from segwork import config as _config
from segwork import tables
from segwork.errors import DataError, SegworkError, UsageError
from segwork.init.mapping import of_columns, of_file
from segwork.init.settings import settings, written
from segwork.init.understood import Guess
from segwork.packaged import HERE, packaged_notebooks
from segwork.progress import unwatched
from segwork.tables import picture
from segwork.tables.reading import open_alone

CONFIG = "segwork.toml"
COMPARED = (
    "separator",
    "encoding",
    "header_row",
    "decimal",
    "thousands",
    "time_format",
    "day_first",
    "table",
)
Ask = Callable[[str, str, list[str]], str]
"""Takes a column of the contract, a question and its choices; returns the answer."""


def make(
    folder: str | Path,
    files: Iterable[str],
    *,
    ask: Ask | None = None,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Write a project from exports, or the sample company's where none are given.

    Parameters
    ----------
    folder : path
        Made where it is missing; an existing ``segwork.toml`` is kept and refused.
    files : iterable of str
        CSV, Excel, Parquet, SQLite or DuckDB files (``shop.duckdb:orders`` names the table), or a
        database URL with ``#table``.
    ask : callable, optional
        Answers what is doubtful; without it such lines are left open.
    say : callable
        Takes each line of text.

    Returns
    -------
    list of str
        What is left open, one sentence each.

    Raises
    ------
    UsageError
        There is a config already, or two files hold the same table.
    DataError
        A file cannot be read, or has no honest mapping.
    """
    place = Path(folder)
    if (place / CONFIG).exists():
        raise UsageError(
            f"'{place / CONFIG}' is there already", hint="'segwork init --check' compares it"
        )
    bar = tqdm(list(files), desc="looking at files", disable=unwatched(), leave=False)
    guesses = _one_each([(name, _answered(_guess(name), ask)) for name in bar])
    place.mkdir(parents=True, exist_ok=True)
    sources = {table: _where(name, place) for table, (name, _) in guesses.items()}
    found = {table: one for table, (_, one) in guesses.items()}
    read = {t: {**sources[t], **_address(guesses[t][0])} for t in sources}
    as_of = _show(found, read, place, say) if found else date(2026, 7, 1)
    (place / CONFIG).write_text(written(found, sources, as_of), encoding="utf-8")
    _surroundings(place)
    open_ = [f"{t}.{name}: {q[0]}" for t, one in found.items() for name, q in one.ask.items()]
    say(f"{place / CONFIG} is written, notebooks/ and a workflow beside it")
    return open_


def split(words: Iterable[str]) -> tuple[str, list[str]]:
    """Tell the folder from the files: the first word is a folder if it is no file and no address.

    Examples
    --------
    >>> split(["shop"]), split([])
    (('shop', []), ('.', []))
    """
    words = list(words)
    first = words[0] if words else "."
    is_file = "://" in first or Path(first).is_file() or Path(first.rpartition(":")[0]).is_file()
    named = Path(first).suffix != "" and not Path(first).is_dir() and len(first) > 1
    return (".", words) if words and (is_file or named) else (first, words[1:])


def compare(folder: str | Path, *, say: Callable[[str], None] = print) -> list[str]:
    """Compare the config of a project with its files as they are now; nothing is written.

    Returns
    -------
    list of str
        What differs, one sentence each.
    """
    given = Path(folder)
    config = _config.load(given if given.is_file() else given / CONFIG)
    differs = []
    for name, source in tables.table_sources(config).items():
        for path in tables.source_files(config, source)[:1]:
            one = of_file(path) if not source.table else _guess(f"{path}:{source.table}")
            differs += [f"{name}: {text}" for text in _differences(source, one)]
    for line in differs or ["config and files agree"]:
        say(line)
    return differs


def _differences(source: Any, one: Guess) -> list[str]:
    """Say where a file is not as its config says."""
    told = [
        f"{contract} is mapped to '{header}', which the file does not have"
        for contract, header in source.columns.items()
        if header not in one.headers
    ]
    told += [
        f"{contract} may be '{header}' ({one.why[contract][0]}), the config leaves it out"
        for contract, header in one.columns.items()
        if contract not in source.columns and contract not in one.headers and contract in one.why
    ]
    now = settings(one)
    for key in COMPARED:
        before = getattr(source, key)
        if before and key in now and before != now[key]:
            told.append(f"{key} is {before!r} in the config, the file looks like {now[key]!r}")
    return told


def _guess(name: str) -> Guess:
    """Look at a file, a table of a database file, or a table behind a URL."""
    file, _, table = name.rpartition(":")
    if "://" in name:
        address, _, table = name.partition("#")
        if not table:
            raise UsageError("the address names no table", accepted="postgresql://host/db#orders")
        return of_frame(open_alone(Path(), table=table, url=address), table)
    if file and Path(file).is_file() and not Path(name).is_file():
        one = of_frame(open_alone(Path(file), table=table), Path(file).name)
        one.form["sheet"] = table
        return one
    if not Path(name).is_file():
        raise DataError(f"no file at '{name}'", accepted="CSV, Excel, Parquet, SQLite or DuckDB")
    return of_file(Path(name))


def of_frame(frame: Any, name: str) -> Guess:
    """Guess from a pandas frame."""
    from segwork.init.look import as_cell
    from segwork.init.mapping import Column

    columns = [
        Column(str(c), [as_cell(v) for v in frame.iloc[:, n]]) for n, c in enumerate(frame.columns)
    ]
    return of_columns(name, columns)


def _one_each(found: list[tuple[str, Guess]]) -> dict[str, tuple[str, Guess]]:
    guesses: dict[str, tuple[str, Guess]] = {}
    for name, one in found:
        if one.cannot:
            raise DataError(
                f"'{one.file}' has no honest mapping to {one.table}: {one.cannot}",
                hint="map it by hand in segwork.toml if you know more than the file says",
            )
        if one.table in guesses:
            raise UsageError(
                f"'{one.file}' and '{guesses[one.table][1].file}' both hold {one.table}",
                accepted="one file a table",
                hint="put them together, or name a folder of Parquet files in segwork.toml",
            )
        guesses[one.table] = (name, one)
    if guesses and "transactions" not in guesses:
        held = ", ".join(f"'{one.file}' holds {table}" for table, (_, one) in guesses.items())
        raise DataError(f"no file holds order lines: {held}", accepted="transactions at least")
    return guesses


def _answered(one: Guess, ask: Ask | None) -> Guess:
    """Let a person settle what is doubtful; what is not answered stays open."""
    for name, (question, choices) in list(one.ask.items()) if ask else ():
        answer = ask(f"{one.file}: {name}", question, choices)
        if not choices:  # the day from which days are counted
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", answer):
                continue
            one.first_day, one.columns[name] = answer, one.day_column
            others = (t for t in one.cannot.split("; ") if not t.startswith("no calendar date"))
            one.cannot = "; ".join(others)
        elif answer in ("day first", "month first"):
            one.times = replace(one.times, day_first=answer == "day first", time_format="")
        elif answer in ("thousands", "decimals"):
            if answer == "decimals":
                one.numbers = replace(one.numbers, decimal=one.numbers.thousands, thousands="")
        elif answer:
            one.columns[name] = answer
        one.why[name] = ("you said so", 1.0)
        del one.ask[name]
    return one


def _address(name: str) -> dict[str, str]:
    """Return the URL of a database as it was given; only to read it now."""
    return {"url": name.partition("#")[0]} if "://" in name else {}


def _where(name: str, place: Path) -> dict[str, str]:
    """Return the keys that say where a table is; a URL goes into the environment, not the file."""
    if "://" in name:
        table = name.partition("#")[2]
        return {"url": f"${{SEGWORK_{table.upper()}_URL}}", "table": table}
    file = name if Path(name).is_file() else name.rpartition(":")[0]
    return {"path": Path(os.path.relpath(Path(file).resolve(), place.resolve())).as_posix()}


def _show(
    found: Mapping[str, Guess],
    sources: Mapping[str, Mapping[str, str]],
    place: Path,
    say: Callable[[str], None],
) -> date:
    """Load with what is proposed, print what was understood, and return the day to cut at."""
    parts = {table: {**sources[table], **settings(one)} for table, one in found.items()}
    config = _config.load({"as_of": date(2100, 1, 1), "tables": parts})
    try:
        data = tables.load(replace(config, folder=place.resolve()))
    except SegworkError as fault:
        raise DataError(f"what was understood cannot be read: {fault}") from None
    proposed = any(one.ask for one in found.values())
    for line in picture.lines(data):
        say(line)
    if proposed:
        say("(with the first choice for what is open)")
    found = picture.counted(data)
    if (last := found["usual_last_day"]) is None:
        raise DataError("no order of these files has both a date and money that is not given back")
    if last != found["last_day"]:
        say(f"orders after {last} stand alone (up to {found['last_day']}); as_of is before them")
    return date.fromisoformat(last) + timedelta(days=1)


def _surroundings(place: Path) -> None:
    """Copy notebooks, workflow and .gitignore; what is there already is kept."""
    if not (place / "notebooks").exists():
        left = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
        shutil.copytree(packaged_notebooks(), place / "notebooks", ignore=left)
    workflow = place / ".github" / "workflows" / "segwork.yml"
    if not workflow.exists():
        workflow.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / "init" / "workflow.yml", workflow)
    ignore = place / ".gitignore"
    if not ignore.exists():
        ignore.write_text("reports/\n.segwork/\n.ipynb_checkpoints/\ndata/sample/\n", "utf-8")
