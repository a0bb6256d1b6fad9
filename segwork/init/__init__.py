"""A project from one's own exports: the mapping guessed with reasons, doubts asked."""

from __future__ import annotations

from segwork.init.guess import guess

__all__ = ["guess"]
