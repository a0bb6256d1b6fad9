"""Files of a run: whole or not there, and for their owner only."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segwork.errors import UsageError
from segwork.runs.names import visible

Json = dict[str, Any]  # what a JSON object holds is of any type
FULL = (errno.ENOSPC, errno.EDQUOT)


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, which only the owner may enter."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def write_json(path: Path, content: object) -> None:
    """Write canonical JSON (sorted keys, no NaN) under a temporary name, then rename it."""
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text under a temporary name, then rename it."""
    # A lone surrogate, as in a file name that is no text, is no reason to lose a record.
    data = text.encode("utf-8", "backslashreplace")
    atomically(path, lambda target: Path(target).write_bytes(data))


def atomically(path: Path, write: Callable[[str], object]) -> None:
    """Let ``write`` fill a file under a temporary name, then rename it: none is ever seen half.

    Raises
    ------
    UsageError
        The disk is full, or the folder cannot be written to; what was there is as it was.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=private_folder(path.parent), prefix=".half-")
        os.close(handle)
        write(temporary)
        os.chmod(temporary, 0o600)
        os.replace(temporary, path)
    except BaseException as fault:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(fault, OSError):
            raise unwritable(path, fault) from None
        raise


def unwritable(path: Path, fault: OSError) -> UsageError:
    """Return the sentence for a file that cannot be written."""
    full = fault.errno in FULL or "No space left" in str(fault)
    why = "the disk is full" if full else fault.strerror or type(fault).__name__
    return UsageError(f"cannot write to '{visible(path)}' ({why})", accepted="a folder with room")
