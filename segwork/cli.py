"""The command line: each command is one call of a function."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from segwork import __version__
from segwork.errors import SegworkError
from segwork.runs.names import line

EPILOG = """Exit codes: 0 fine · 1 a notebook failed, died, timed out or left something missing or
not finite · 2 wrong usage, config or data · 3 a required gate failed (--strict) · 4 not reproduced
· 130 interrupted."""


def _command(function: Callable[..., int | None]) -> Callable[..., None]:
    """Turn the result into the exit code and an error into its sentence."""

    @functools.wraps(function)
    def wrapped(**options: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's "&" has the first one ignored
            signal.signal(number, signal.default_int_handler)
        for stream in (sys.stdout, sys.stderr):  # not every terminal knows every letter
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            code = function(**options) or 0
        except SegworkError as error:
            click.echo(f"segwork: {line(error)}", err=True)
            code = error.exit_code
        except OSError as error:  # a disk, a folder, a file that is not as anybody expects
            click.echo(f"segwork: {line(error)}", err=True)
            code = SegworkError.exit_code
        except KeyboardInterrupt:
            click.echo("segwork: interrupted", err=True)
            code = 130
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _nobody_reads()
        sys.exit(code)

    return wrapped


def _say(text: str) -> None:
    """Print a line; where nobody reads on (``| head``), the work goes on without a word."""
    try:
        click.echo(text)
    except BrokenPipeError:
        _nobody_reads()


def _nobody_reads() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _names(_context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="segwork")
def main() -> None:
    """Segment customers in notebooks whose claims can be checked."""


@main.command(epilog=EPILOG)
@click.option("--config", type=click.Path(), help="segwork.toml (default: here, else the sample)")
@click.option("--out", default="reports", show_default=True, help="folder of run folders")
@click.option("--only", default="", callback=_names, help="notebooks by number, such as 20,30")
@click.option("-p", "parameters", multiple=True, metavar="NOTEBOOK.NAME=VALUE", help="a parameter")
@click.option(
    "--jobs",
    default=0,
    type=click.IntRange(0),
    help="notebooks at a time (0: by number of processors)",
)
@click.option("--strict", is_flag=True, help="required gates decide the exit code")
@click.option("--why", is_flag=True, help="say why each notebook runs")
@click.option("--baseline", type=click.Path(), help="run folder to compare with on the index page")
@click.option(
    "--deadline",
    type=click.FloatRange(0, min_open=True),
    help="longest time of one notebook, in seconds",
)
@click.option("--notebooks", type=click.Path(), help="folder of the notebooks")
@_command
def run(**options: Any) -> int:
    """Run the notebooks on your data and write the report."""
    from segwork import engine

    return engine.run(**options, say=_say).exit_code


@main.command(epilog=EPILOG)
@click.argument("run_folder", metavar="RUN", type=click.Path())
@click.option("--config", type=click.Path(), help="run this, for a RUN made elsewhere")
@click.option("--notebooks", type=click.Path(), help="folder of the notebooks to run with it")
@_command
def verify(**options: Any) -> int:
    """Run RUN again from its manifest in fresh kernels and compare every fact and page."""
    from segwork.engine import verify as engine_verify

    return engine_verify.verify(**options, say=_say).exit_code


@main.command(epilog=EPILOG)
@click.argument("run_a", type=click.Path())
@click.argument("run_b", type=click.Path())
@click.option("--tolerance", default=1e-9, show_default=True, help="relative, for numbers")
@click.option("--fail-on-regression", is_flag=True, help="exit 3 where a gate or fact got worse")
@click.option("--html", "page", type=click.Path(), help="write the differences as a page, too")
@_command
def diff(run_a: str, run_b: str, **options: Any) -> int:
    """Say what changed from RUN_A to RUN_B: parameters, facts, gates, data and code."""
    from segwork.engine import diff as engine_diff

    return engine_diff.show(run_a, run_b, **options, say=_say)


@main.command(epilog=EPILOG)
@click.argument("config", required=False, type=click.Path())
@click.option("--notebooks", type=click.Path(), help="folder of the notebooks")
@_command
def check(**options: Any) -> int:
    """Check CONFIG, its data, the notebooks' parameters and the rules about notebooks; run nothing.

    Without CONFIG only the notebooks are looked at.
    """
    from segwork.engine.preflight import preflight

    return preflight(**options, say=_say)


@main.command(epilog=EPILOG)
@click.argument("run_folder", metavar="RUN", type=click.Path())
@click.option("--to", required=True, type=click.Choice(["csv", "salesforce", "hubspot"]))
@click.option("--dry-run", is_flag=True, help="say what would be done, call nobody")
@click.option("--resume", is_flag=True, help="go on with an export that was interrupted")
@click.option("--despite", default="", help="why a run is exported whose required gates failed")
@click.option("--config", type=click.Path(), help="config of the run (default: as it was made)")
@click.option("--journal", type=click.Path(), help="default: .segwork/export.sqlite")
@click.option("--out", type=click.Path(), help="folder of the CSV file (default: exports/<name>)")
@click.option("--url", default="", help="address of the CRM (default: that of the config)")
@_command
def export(run_folder: str, **options: Any) -> int:
    """Send the segments of RUN to a CRM or a file, each customer once; exit 1 where one failed."""
    from segwork.export import command

    return command.export(run_folder, **options, say=_say)


@main.command(epilog=EPILOG)
@click.argument("run_folder", metavar="RUN", type=click.Path())
@click.argument("table", type=click.Path())
@click.option("--as-of", required=True, metavar="DATE", help="rows on or after it are not used")
@click.option(
    "--engine",
    default="pandas",
    show_default=True,
    type=click.Choice(["pandas", "duckdb", "spark"]),
)
@click.option("--out", type=click.Path(), help=".csv or .parquet file (Spark: a folder of parts)")
@click.option(
    "--master", default="", help="Spark's master URL (default: a session's own, or local)"
)
@_command
def score(run_folder: str, table: str, **options: Any) -> int:
    """Assign the segments of RUN to the customers of TABLE, with ids as TABLE has them.

    TABLE holds order lines under the names of the data contract (CSV, Parquet, a database), or is
    a config (.toml) that maps them; its consent counts. Placed + not placed = customers.
    """
    from segwork.scoring import command

    return command.score(run_folder, table, **options, say=_say)


@main.command(epilog=EPILOG)
@click.argument("run_folder", metavar="RUN", type=click.Path())
@click.option("--brokers", required=True, help="addresses of Kafka: host:port,host:port")
@click.option("--from", "source", required=True, metavar="TOPIC", help="events: orders, contacts")
@click.option("--to", "changes", required=True, metavar="TOPIC", help="changes of segment")
@click.option("--dead", metavar="TOPIC", help="events not used, with the reason (<--to>-dead)")
@click.option("--checkpoint", required=True, metavar="FOLDER", help="place and state of the stream")
@click.option("--table", default="", metavar="FOLDER", help="the changes once more, as Parquet")
@click.option("--late-hours", default=1.0, show_default=True, help="how long a day stays open")
@click.option("--partitions", default=2, show_default=True, help="tasks that share the customers")
@click.option("--batch", default=20_000, show_default=True, help="most events taken at once")
@click.option("--settings", type=click.Path(), help="TOML: [client] of librdkafka, [spark]")
@click.option("--consent", metavar="CONFIG", help="segwork.toml whose customers say who agreed")
@click.option("--once", is_flag=True, help="take what is there, and end")
@click.option(
    "--master", default="", help="Spark's master URL (default: a session's own, or local)"
)
@_command
def stream(run_folder: str, consent: str | None, once: bool, master: str, **options: Any) -> int:
    """Follow a topic of orders and contacts; write changes of segment by the model of RUN.

    Each event ends as applied or as a dead letter with its reason; each change is written once.
    Exit code 1: it broke off, and goes on where it was when started again.
    """
    from segwork.scoring import stream as scoring_stream

    settings = scoring_stream.Settings.of(**options)
    more = {"consent": consent, "once": once, "master": master}
    return scoring_stream.follow(run_folder, settings, **more, say=click.echo)


@main.command(epilog=EPILOG)
@click.argument("words", metavar="[DIR] FILES…", nargs=-1)
@click.option("--check", "compare", is_flag=True, help="compare the config with its files")
@_command
def init(words: tuple[str, ...], compare: bool) -> int:
    """Make a project in DIR (here) from your exports: CSV, Excel, Parquet, a database.

    The mapping is guessed from names and values, with the reason beside each guess. What is
    doubtful is asked on a terminal, and left open elsewhere (exit code 2). Without FILES the
    project reads the sample company.
    """
    from segwork.init import project

    folder, files = project.split(words)
    if compare:
        return 2 if project.compare(folder, say=_say) else 0
    ask = _ask if sys.stdin.isatty() and sys.stdout.isatty() else None
    left = project.make(folder, files, ask=ask, say=_say)
    for text in left:
        click.echo(f"open: {text}", err=True)
    return 2 if left else 0


def _ask(column: str, question: str, choices: list[str]) -> str:
    """Ask a person on the terminal."""
    kind = click.Choice(choices) if choices else None
    return str(click.prompt(f"{column}: {question}", type=kind, default=(choices or [""])[0]))


@main.command(epilog=EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option("--customers", default=20_000, show_default=True)
@click.option("--seed", default=7, show_default=True)
@_command
def sample(folder: str, customers: int, seed: int) -> None:
    """Write the sample company and its answer key to DIR."""
    from segwork import sample as sample_company

    click.echo(sample_company.write(folder, customers=customers, seed=seed))


@main.command(epilog=EPILOG)
@click.argument("name")
@click.option("--to", "folder", default="data", show_default=True, help="folder to download into")
@_command
def fetch(name: str, folder: str) -> None:
    """Download a known public data set from its publisher and verify its checksum."""
    from segwork import fetch as fetcher

    fetcher.fetch(name, folder, say=_say)


@main.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_command
def lab(arguments: tuple[str, ...]) -> int:
    """Open the notebooks in JupyterLab; ARGUMENTS go to it."""
    import subprocess

    from segwork.runs.project import project_root

    command = [sys.executable, "-m", "jupyterlab"]
    command += [f"--ServerApp.root_dir={project_root()}"]
    command += ["--LabApp.default_url=/lab/tree/notebooks", *arguments]
    return subprocess.call(command, cwd=project_root())
