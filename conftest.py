"""Fixtures and rules all tests share."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import browser

for variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Return the folder of public data sets, or skip where there is none."""
    folder = os.environ.get("SEGWORK_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SEGWORK_DATA names no folder with the public data sets (data/README.md)")
    return Path(folder)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """Return one Chromium for all tests of a file, or skip where none is installed."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    pytest.importorskip("playwright", reason="playwright is not installed (make setup installs it)")
    with browser(path) as running:
        yield running


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Start Spark in local mode, quietly, with this Python in its workers."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else any python3 on PATH
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.sql.shuffle.partitions", "2")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    session = builder.config("spark.driver.memory", "1g").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Kafka broker on loopback and return its address, or skip where it cannot be had."""
    pytest.importorskip("confluent_kafka", reason="pip install 'segwork[stream]'")
    pyspark = pytest.importorskip("pyspark", reason="pip install 'segwork[stream]'")
    from benchmarks.stream import broker
    from segwork.errors import SegworkError
    from segwork.scoring import spark, stream

    if shutil.which("java") is None:
        pytest.skip("no Java on PATH (Debian: apt-get install openjdk-17-jre-headless)")
    try:
        for pom, release in (
            (stream.CONNECTOR, pyspark.__version__),
            (broker.POM, broker.RELEASE),
        ):
            spark.fetched(pom, release)
    except SegworkError as missing:  # no Maven, or nothing served
        pytest.skip(str(missing))
    with broker.running(tmp_path_factory.mktemp("kafka")) as one:
        yield one.address


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where SEGWORK_NO_SKIPS is set (CI has every program and data set) a skip is a failure."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("SEGWORK_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be missing: {call.excinfo.value}"
