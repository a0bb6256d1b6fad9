"""Segments into a CRM or a file: who may be sent, each once, and the proof of it."""

from segwork.export.calls import Patience
from segwork.export.preview import Preview, preview
from segwork.export.rows import rows
from segwork.export.sending import Sent, send

__all__ = ["Patience", "Preview", "Sent", "preview", "rows", "send"]
