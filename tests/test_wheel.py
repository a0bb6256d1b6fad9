"""The wheel carries all that a folder of one's own needs: from an export to a read report."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def call(*words: object, folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder with the installed wheel and nothing of this project."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SEGWORK")}
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=folder, capture_output=True, text=True,
        encoding="utf-8", env={**kept, "PYTHONPATH": str(site)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the committed and new files and install it without its packages."""
    place = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False, text=True,
    )  # fmt: skip
    names = [n for n in listed.stdout.split("\0") if n and (ROOT / n).is_file()]
    if not names:
        pytest.skip("this is no git repository")
    for name in names:
        if name.startswith(("segwork/", "notebooks/")) or "/" not in name:
            (place / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "src" / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    wheel = [*pip, "wheel", "--no-deps", "-w", str(place), str(place / "src")]
    built = subprocess.run(wheel, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    install = [*pip, "install", "--no-deps", "--target", str(place / "site")]
    subprocess.run([*install, *map(str, place.glob("*.whl"))], check=True, capture_output=True)
    return place / "site"


def export(file: Path, lines: int) -> None:
    """Write sales as a till in Indonesia would: Rp, points for thousands, day first."""
    draw, moment = random.Random(1), datetime(2023, 1, 1)
    rows = ["No. Nota;Tanggal;Kode Pelanggan;Nama Barang;Jml;Harga Satuan;Total"]
    for number in range(lines):
        moment += timedelta(minutes=draw.uniform(1, 30_000 * 40 / lines))
        customer, pieces = int(1 + 500 * draw.random() ** 2), draw.randint(1, 4)
        price = draw.choice([12_500, 22_000, 125_000])
        paid = [f"Rp {value:,}".replace(",", ".") for value in (price, price * pieces)]
        when = f"{moment:%d/%m/%Y %H:%M}"
        rows.append(f"N{number:06};{when};P{customer:04};Teh;{pieces};{paid[0]};{paid[1]}")
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_from_an_export_to_a_report(site: Path, tmp_path: Path) -> None:
    """Three commands in an empty folder: init, check, run; then a run without own notebooks."""
    export(tmp_path / "penjualan.csv", 3_000)
    started = time.monotonic()
    told = call("-c", "import segwork; print(segwork.__file__)", folder=tmp_path, site=site)
    assert str(site) in told.stdout
    done = call("-m", "segwork", "init", ".", "penjualan.csv", folder=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    assert "transactions: 3,000 rows" in done.stdout
    checked = call("-m", "segwork", "check", "segwork.toml", folder=tmp_path, site=site)
    assert checked.returncode == 0, checked.stderr
    for notebook in (tmp_path / "notebooks").glob("*.ipynb"):
        notebook.unlink()
    for config in (tmp_path / "notebooks" / "configs").glob("*"):
        config.unlink()
    (tmp_path / "notebooks" / "configs").rmdir()
    (tmp_path / "notebooks").rmdir()
    ran = call("-m", "segwork", "run", "--only", "10", folder=tmp_path, site=site)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "reports" / "segwork" / "10_data_quality.html").is_file()
    print(f"init, check and the first page: {time.monotonic() - started:.0f} s by the clock")


def test_a_bare_run_says_what_to_do(tmp_path: Path) -> None:
    """Without a config: one sentence that names init."""
    done = call("-m", "segwork", "run", folder=tmp_path, site=ROOT)
    assert done.returncode == 2
    assert "no segwork.toml here" in done.stderr
    assert "segwork init" in done.stderr
