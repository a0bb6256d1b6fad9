"""Where a model lies: in a folder of its own, or in the run that drew the segments."""

from __future__ import annotations

from pathlib import Path

from segwork.clustering.model import SegmentModel
from segwork.errors import DataError
from segwork.runs.folder import RunFolder

SEGMENTS = "segments"


def save(model: SegmentModel, folder: str | Path) -> Path:
    """Write a fitted segmentation into a folder and return the folder.

    The files are ``model.json`` (rule, columns, format, SHA-256) and ``arrays.npz``, each whole or
    not there, and for their owner only.
    """
    return model.save(folder)


def load(folder: str | Path) -> SegmentModel:
    """Read a saved segmentation; nothing in the files is executed.

    Raises
    ------
    DataError
        The folder holds no model, one of another format, or files that are not as they were saved.
    """
    return SegmentModel.load(folder)


def model_of(run: str | Path) -> SegmentModel:
    """Read the segmentation of a run; a folder that :func:`save` wrote will do.

    Raises
    ------
    DataError
        As :func:`load`; or the run left no model.
    """
    return load(place_of(run))


def place_of(run: str | Path) -> Path:
    """Return the folder of the model of a run, or of :func:`save`.

    Raises
    ------
    DataError
        The run left no model.
    """
    folder = Path(run)
    if (folder / "model.json").is_file():
        return folder
    place = RunFolder(folder).model(SEGMENTS)
    if not place.is_dir():
        raise DataError(
            f"'{folder}' holds no model of its segments",
            accepted="a run in which 20_segments ended well, or a folder of scoring.save",
            hint="runs of an earlier segwork left none: run again",
        )
    if place.resolve() != folder.resolve() / place.relative_to(folder):
        raise DataError(f"'{place}' leads out of the run folder")
    return place
