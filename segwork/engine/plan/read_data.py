"""Write the sample where it is missing and read every table once, in a process of its own.

The tables' memory goes with that process, and its lazy frames make the same checks as full ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from segwork import config as _config
from segwork import errors, sample, tables
from segwork.engine.processes import environment
from segwork.progress import unwatched
from segwork.tables import picture, usable


def read_once(config: Path) -> list[str]:
    """Check that the data of a config can be used; return what it holds, a line each.

    Raises
    ------
    SegworkError
        As ``tables.load`` would raise it.
    """
    with tqdm(desc="reading the tables", bar_format="{desc} …", disable=unwatched(), leave=False):
        done = subprocess.run(
            [sys.executable, "-m", "segwork.engine.plan.read_data", str(config)],
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
            encoding="utf-8",
        )
    if done.returncode != 0:
        try:
            kind, what, accepted, hint = json.loads(done.stdout)
        except ValueError:
            raise errors.DataError("the data could not be read, the reader died") from None
        raise getattr(errors, kind)(what, accepted=accepted, hint=hint)
    return [str(line) for line in json.loads(done.stdout)]


def main() -> None:
    """Check the config named on the command line; say what is wrong as JSON."""
    code = 0
    try:
        settings = _config.load(sys.argv[1])
        if settings.sample.folder:
            sample.ensure(settings)
        data = tables.load(replace(settings, engine="duckdb"))
        usable.refuse_unusable(data, settings.as_of)
        print(json.dumps([*data.notes, *picture.lines(data)]))
    except errors.SegworkError as error:
        code = error.exit_code
        print(json.dumps([type(error).__name__, error.what, error.accepted, error.hint]))
    sys.stdout.flush()
    os._exit(code)  # at a normal exit DuckDB's binding complains about itself on the terminal


if __name__ == "__main__":
    main()
