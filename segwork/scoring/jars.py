"""Jars by their Maven coordinates, fetched once by Maven, with the settings of its user."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from segwork.errors import DataError, MissingExtraError
from segwork.runs.files import private_folder


def fetched(pom: Path, release: str) -> Path:
    """Return the folder of the jars a pom names; Maven fetches them the first time.

    Parameters
    ----------
    pom : Path
        Its property ``release`` is the version that is asked for.
    release : str

    Returns
    -------
    Path
        A folder in ``$XDG_CACHE_HOME/segwork`` (``~/.cache/segwork``).

    Raises
    ------
    MissingExtraError
        There is no Maven.
    DataError
        Maven could not fetch them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segwork"
    name = f"{pom.stem}-{release}"
    if (cache / name).is_dir():
        return cache / name
    if shutil.which("mvn") is None:
        raise MissingExtraError(
            f"there are no jars in {cache / name}, and no Maven to fetch them",
            hint="install Maven (Debian: apt-get install maven), or put there what the pom names",
        )
    part = private_folder(cache) / f"{name}.{os.getpid()}"
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    command += [f"-Drelease={release}", f"-DoutputDirectory={part}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not any(part.glob("*.jar")):
        shutil.rmtree(part, ignore_errors=True)
        raise DataError(f"Maven could not fetch {name}: {done.stdout.strip()[-300:]}")
    try:
        part.rename(cache / name)
    except OSError:  # another start was quicker
        shutil.rmtree(part)
    return cache / name
