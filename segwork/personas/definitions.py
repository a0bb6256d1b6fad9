"""The definitions and words of this room, read from its TOML files."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from segwork.errors import UsageError

LANGUAGES = {"en": "English", "id": "Bahasa Indonesia"}


@cache
def definition(name: str) -> dict[str, Any]:
    """Return one definition with its source and why.

    Examples
    --------
    >>> definition("new")["days"]
    90
    """
    return dict(_read("definitions.toml")[name])


def words(language: str) -> dict[str, Any]:
    """Return the words of a language.

    Raises
    ------
    UsageError
        No file holds that language.

    Examples
    --------
    >>> words("id")["data"]["loyal"]
    'setia'
    """
    if str(language) not in LANGUAGES:
        raise UsageError.unknown("language", str(language), LANGUAGES, where="personas")
    return _read(f"words_{language}.toml")


@cache
def _read(name: str) -> dict[str, Any]:
    text = resources.files("segwork.personas").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)
