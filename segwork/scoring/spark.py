"""A Spark session, that of the caller or our own, and the jars it needs, fetched once by Maven."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segwork.errors import DataError, MissingExtraError
from segwork.runs.files import private_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def session(name: str, master: str = "", *, jars: Path | None = None) -> Iterator[SparkSession]:
    """Give the session that is there, which stays, or one of our own, which ends with the block.

    Parameters
    ----------
    name : str
        Of the application.
    master : str
        Where Spark runs; by default what Spark is set to, else this machine.
    jars : Path, optional
        A pom, the release of its artefacts being that of PySpark.
    """
    from pyspark import __version__
    from pyspark.sql import SparkSession

    if there := SparkSession.getActiveSession():
        yield there
        return
    if (master or "local").startswith("local"):
        # Workers here run the Python that has segwork; Spark would take any python3.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    builder = builder.config("spark.python.authenticate.socketTimeout", "60s")  # busy machines
    if jars:
        files = map(str, sorted(fetched(jars, __version__).glob("*.jar")))
        builder = builder.config("spark.jars", ",".join(files))
    own = (builder.master(master) if master else builder).getOrCreate()
    own.sparkContext.setLogLevel("ERROR")
    try:
        yield own
    finally:
        with suppress(Exception):  # it may be gone
            own.stop()


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
