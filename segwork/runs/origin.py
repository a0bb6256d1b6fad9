"""Where a run folder comes from, as far as this project knows."""

from __future__ import annotations

import secrets

from segwork.errors import DataError
from segwork.runs.files import Json, write_json
from segwork.runs.folder import RunFolder
from segwork.runs.project import identity, own_folder


class Origin:
    """Whether this project made a run folder, and from what: kept where no run folder reaches.

    A folder from elsewhere may claim anything of its results, and name any config and code. Both
    count only where the project itself remembers the folder by its place and by a mark in it.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._path = own_folder() / "runs" / f"{identity(folder.path)}.json"

    def known(self) -> Json:
        """Return what the project remembers of the folder; empty where it is from elsewhere."""
        try:
            own = RunFolder(self._path.parent).read(self._path, dict)
            mark = self._folder.read(self._folder.memory("_made"), dict)["mark"]
            return own if mark == own["mark"] else {}
        except (DataError, KeyError):
            return {}

    def remember(self, content: Json) -> None:
        """Note what the folder is made from, with a mark of its own."""
        mark = self.known().get("mark") or secrets.token_hex(16)
        write_json(self._path, {**content, "mark": mark})
        write_json(self._folder.memory("_made"), {"mark": mark})
