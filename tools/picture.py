"""Draw the README's picture: the head of a report's index page, as a small PNG.

Run: ``python tools/picture.py reports/segwork docs/report.png`` (needs Chromium, as the tests do).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1_000, 900
COLOURS = 64
MOST_BYTES = 150_000


def draw(run: Path, out: Path) -> int:
    """Write the picture; return its size in bytes."""
    page_file = (run / "index.html").resolve().as_uri()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shot = Path(folder) / "page.png"
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_file)
        page.screenshot(path=shot)
        browser.close()
        with Image.open(shot) as picture:
            picture.convert("RGB").quantize(COLOURS).save(out, optimize=True)
    size = out.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{out} has {size:,} bytes; at most {MOST_BYTES:,}")
    return size


def _chromium() -> str | None:
    return next(
        (p for p in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(p).exists()), None
    )


if __name__ == "__main__":
    print(f"{draw(Path(sys.argv[1]), Path(sys.argv[2])):,} bytes")
