"""A project from one's own exports: the mapping guessed with reasons, doubts asked."""

from __future__ import annotations

from segwork.init.mapping import guess

__all__ = ["guess"]
