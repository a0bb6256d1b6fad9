"""Pages of finished runs: bytes, height, printed sheets, and sentences that the run contradicts.

``python -m benchmarks.pages RUN …`` prints a line a page and what it complains about.
``python -m benchmarks.pages --left-out CONFIG FOLDER`` runs a config once with each of its optional
tables left out, into FOLDER, and looks at those pages. Heights and sheets need Playwright and the
Chromium that ``SEGWORK_CHROMIUM`` names; without them those columns stay empty.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd

from segwork.config import load as load_config
from segwork.engine.rules import SPEAKS_OF
from segwork.report.folder import load

LARGEST_KB, MOST_SHEETS, PHONE = 400, 4, 390
HEIGHT = """(() => {
  const main = document.querySelector('main'), last = document.querySelector('.appendix');
  return (last ? last.offsetTop - main.offsetTop : main.offsetHeight);
})()"""
SPELLINGS = {
    r"\bnan\b|\bNone\b(?! of)|\bNaT\b|<NA>": "a missing value in words",
    r"-0(?:\.0+)?(?![\d.])": "minus nought",
    r"\d(?:\.\d+)?e-\d\d": "a number with an exponent",
    r"\bp 0(?![\d.])": "p of nought",
    r"\d%": "a share without its space",
    r"\bnot_applicable\b": "a status that is no word",
}
CURRENCIES = ("IDR", "GBP", "USD", "EUR")


def text_of(html: str) -> str:
    """Return what a page says, without code, tables and pictures."""
    for part in ("style", "pre", "code", "table", "summary", "nav"):
        html = re.sub(rf"<{part}[ >].*?</{part}>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def complaints(html: str, *, notebooks: list[str], currency: str) -> Iterator[str]:
    """Yield what a page says that cannot be so."""
    text = text_of(html)
    for pattern, words in SPELLINGS.items():
        for found in re.finditer(pattern, text):
            yield f"{words}: …{text[max(found.start() - 40, 0) : found.end() + 20]}…"
    for code in set(CURRENCIES) - {currency}:
        if re.search(rf"\b{code} [\d-]", text):
            yield f"money in {code}, the run has {currency or 'no currency'}"
    for name in set(re.findall(r'href="(\d\d_\w+)\.html"', html)) - set(notebooks):
        yield f"a link to {name}, which is no page of the run"
    yield from _without_pictures(html)


def _without_pictures(html: str) -> Iterator[str]:
    """Yield prose under Result that speaks of a picture or table none of which follows it.

    What follows is everything up to the next prose; outputs are marked, code is folded away.
    """
    result = re.search(r'<h2 id="result">.*?(?=<h2 )', html, re.S)
    bare = re.sub(r"<details.*?</details>", "", result[0] if result else "", flags=re.S)
    parts = re.split(
        r'(<div class="outputs">.*?</div>(?=\s*(?:<h\d|<p>|<ul|<div class="outputs"|$)))',
        bare,
        flags=re.S,
    )
    prose, after = "", ""
    for part in [*parts, "<p>end</p>"]:
        if part.startswith('<div class="outputs">') or not part.strip():
            after += part
            continue
        for pattern, call in SPEAKS_OF.items():
            mark = {"run.figure": "<figure", "run.table": "<table"}[call]
            if (found := re.search(pattern, text_of(prose))) and mark not in after:
                yield f"'{found[0]}' and no {call.removeprefix('run.')} after it"
        prose, after = part, ""


@contextmanager
def browser() -> Iterator[Any]:
    """Open a page in the Chromium that is named, or give None."""
    path = os.environ.get("SEGWORK_CHROMIUM", "")
    if not path:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened.new_page(viewport={"width": 1200, "height": 1600})
        opened.close()


def measured(page: Any, file: Path) -> dict[str, int]:
    """Return height before the appendix, printed sheets, and width on a phone."""
    if page is None:
        return {}
    page.set_viewport_size({"width": 1200, "height": 1600})
    page.goto(file.resolve().as_uri())
    height = page.evaluate(HEIGHT)
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    page.set_viewport_size({"width": PHONE, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    return {"height": height, "sheets": len(re.findall(rb"/Type\s*/Page\b", paper)), "phone": wide}


def looked_at(folders: list[Path]) -> tuple[pd.DataFrame, list[str]]:
    """Return a row a page, and every complaint with its place."""
    rows, said = [], []
    with browser() as page:
        for folder in folders:
            run = load(folder)
            asked = {
                "notebooks": list(run.notebooks),
                "currency": run.manifest["config"].get("currency", ""),
            }
            for file in sorted(folder.glob("*.html")):
                cards = file.stem.startswith(
                    "cards"
                )  # spelled as their language does, a sheet each
                html = file.read_text(encoding="utf-8")
                found = [] if cards else list(complaints(html, **asked))
                size, sizes = file.stat().st_size / 1000, measured(page, file)
                if size > LARGEST_KB:
                    found.append(f"{size:.0f} kB")
                if not cards and sizes.get("sheets", 0) > MOST_SHEETS:
                    found.append(f"{sizes['sheets']} sheets")
                if sizes.get("phone", 0) > PHONE:
                    found.append(f"{sizes['phone']} pixels wide on a phone")
                said += [f"{folder.name} {file.stem}: {words}" for words in found]
                row = {"run": folder.name, "page": file.stem, "kB": round(size), **sizes}
                rows.append({**row, "complaints": len(found)})
    return pd.DataFrame(rows), said


def left_out(config: Path, folder: Path) -> list[Path]:
    """Run a config once without each of its optional tables; return the run folders."""
    runs = []
    settings = tomllib.loads(config.read_text(encoding="utf-8"))
    paths = {name: load_config(config).resolve(t["path"]) for name, t in settings["tables"].items()}
    for name in [n for n in settings["tables"] if n != "transactions"]:
        text = re.sub(rf"(?m)^\[tables\.{name}\]\n(?:(?!\[).*\n?)*", "", config.read_text("utf-8"))
        text = re.sub(r"(?m)^\[sample\]\n(?:(?!\[).*\n?)*", "", text)
        for other, path in paths.items():
            text = text.replace(f'"{settings["tables"][other]["path"]}"', f'"{path.resolve()}"')
        own = folder / f"without_{name}.toml"
        own.write_text(text, encoding="utf-8")
        subprocess.run(["segwork", "run", "--config", own, "--out", folder], check=False)
        runs.append(folder / own.stem)
    return runs


def main(arguments: list[str]) -> int:
    """Print the table and the complaints; 1 where there are any."""
    folders = [Path(argument) for argument in arguments]
    if arguments[:1] == ["--left-out"]:
        folders = left_out(*map(Path, arguments[1:]))
    table, said = looked_at(folders)
    print(table.to_string(index=False))
    print("\n".join(said) or "nothing to complain about")
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
