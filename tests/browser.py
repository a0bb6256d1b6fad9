"""A real Chromium for tests: what a page asks for, complains about, and how accessible it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
THEMES = ("light", "dark")


@dataclass
class Visit:
    """One open page and all it did.

    Parameters
    ----------
    page : playwright page
    requests : list of str
        Every address asked for, except the page itself and data inside it.
    complaints : list of str
        Console messages and errors.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong, all rules on, one line per element."""
        axe = resources.files("axe_playwright_python").joinpath("axe.min.js")
        self.page.evaluate(axe.read_text(encoding="utf-8"))
        result = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert len(result["passes"]) > 10, "axe-core hardly looked at the page"
        return [
            f"{violation['id']}: {node['html'][:120]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]


@contextmanager
def browser(path: str) -> Iterator[Any]:
    """Start the Chromium at ``path`` and stop it afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def visit(chromium: Any, page: Path, *, theme: str = "light", width: int = 1280) -> Iterator[Visit]:
    """Open a file in a fresh context and note what it does."""
    context = chromium.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    tab = context.new_page()
    seen = Visit(tab)
    address = page.resolve().as_uri()
    tab.on("request", lambda r: seen.requests.append(r.url))
    tab.on("console", lambda message: seen.complaints.append(message.text))
    tab.on("pageerror", lambda error: seen.complaints.append(str(error)))
    tab.on("requestfailed", lambda request: seen.complaints.append(f"failed: {request.url}"))
    try:
        tab.goto(address, wait_until="load")
        seen.requests[:] = [
            url for url in seen.requests if url != address and not url.startswith("data:")
        ]
        yield seen
    finally:
        context.close()
