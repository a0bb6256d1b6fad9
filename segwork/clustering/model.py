"""A fitted segmentation that labels new customers, kept as JSON and arrays, never as pickles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from segwork.clustering.identity import segment_ids
from segwork.clustering.methods.deep import Code
from segwork.clustering.prepare import Scaling, as_frame
from segwork.errors import DataError
from segwork.features.rfm import SCORES
from segwork.runs.files import Json, atomically, write_json

FORMAT = 1  # of the files of a saved model; a change that older code cannot read adds one
CHUNK = 50_000
_SCALING = ("logs", "low", "high", "middle", "spread", "fill")


@dataclass(frozen=True)
class SegmentModel:
    """One method, fitted.

    Attributes
    ----------
    method, setting : str
    scaling : Scaling
    code : Code or None
        The autoencoder's code, for its family.
    rule : dict
        How a row of the matrix (or of its code) gets a label: nearest of ``centres``; most likely
        of ``gaussians``; nearest of the fitted rows (``neighbours``), within ``radius`` if given;
        or ``rfm`` scores.
    centres : array, shape (k, d)
        Mean of each cluster in the scaled columns; what ids are matched on.
    ids : tuple of str
        ``S01`` …, by label.
    one_time : bool
        The last label is the rule's segment of customers with one order.
    """

    method: str
    setting: str
    scaling: Scaling
    rule: dict[str, object]
    centres: np.ndarray
    ids: tuple[str, ...]
    code: Code | None = None
    one_time: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns a row needs to get a label, in order."""
        if self.rule["kind"] == "rfm":
            return tuple(SCORES)
        return tuple(dict.fromkeys((*self.scaling.columns, *["orders"] * self.one_time)))

    @property
    def required(self) -> tuple[str, ...]:
        """Those of the columns that cannot be filled with what is usual."""
        if self.rule["kind"] == "rfm" or self.scaling.rule != "customer":
            return self.columns
        return ("orders",) * self.one_time

    def assign(self, X: pd.DataFrame | np.ndarray) -> pd.Series:
        """Return the label of every row, index of X; −1 is noise.

        Raises
        ------
        DataError
            A column the model was fitted on is missing or unusable.
        """
        frame = as_frame(X)
        parts = [
            self._labels(frame.iloc[start : start + CHUNK]) for start in range(0, len(frame), CHUNK)
        ]
        labels = np.concatenate(parts) if parts else np.zeros(0, dtype=int)
        return pd.Series(labels, index=frame.index, name=self.method)

    def segments(self, X: pd.DataFrame | np.ndarray) -> pd.Series:
        """Return segment ids (``S01`` …, ``noise``) instead of labels."""
        names = dict(enumerate(self.ids)) | {-1: "noise"}
        return self.assign(X).map(names).rename("segment")

    def named_after(self, earlier: SegmentModel) -> SegmentModel:
        """Return the same model with the segment ids of an earlier run carried over.

        Raises
        ------
        DataError
            The earlier model was fitted on other columns.
        """
        if earlier.scaling.columns != self.scaling.columns:
            raise DataError(
                f"the earlier model used columns {', '.join(earlier.scaling.columns)}",
                accepted=", ".join(self.scaling.columns),
            )
        theirs, ours = earlier.scaling, self.scaling
        centres = (earlier.centres * theirs.spread + theirs.middle - ours.middle) / ours.spread
        previous = dict(zip(earlier.ids, centres, strict=True))
        sizes = -np.arange(len(self.ids))
        return replace(self, ids=tuple(segment_ids(self.centres, sizes, previous=previous)))

    def _labels(self, frame: pd.DataFrame) -> np.ndarray:
        if self.rule["kind"] == "rfm":
            from segwork.clustering.rfm import rfm_labels

            return rfm_labels(frame, self.rule["cuts"])
        X = self.scaling.transform(frame)
        labels = apply_rule(self.rule, X if self.code is None else self.code.encode(X))
        if self.one_time:
            labels = np.where(frame["orders"].to_numpy() <= 1, len(self.ids) - 1, labels)
        return labels

    def save(self, folder: str | Path) -> Path:
        """Write ``model.json`` and ``arrays.npz`` into the folder and return it.

        The first names the version of the format and the SHA-256 of both. A model of the nearest
        rows (``neighbours``) keeps the measures of the customers it was fitted on, without ids.
        """
        folder = Path(folder)
        arrays = {f"scaling_{name}": getattr(self.scaling, name) for name in _SCALING}
        arrays["centres"] = self.centres
        facts = {"method": self.method, "setting": self.setting, "ids": list(self.ids)}
        facts |= {"rule_of_scaling": self.scaling.rule, "columns": list(self.scaling.columns)}
        facts["one_time"] = self.one_time
        facts["rule"] = {k: v for k, v in self.rule.items() if not isinstance(v, np.ndarray)}
        arrays |= {f"rule_{k}": v for k, v in self.rule.items() if isinstance(v, np.ndarray)}
        if self.code is not None:
            arrays |= {f"code_{n}": getattr(self.code, n) for n in ("middle", "spread", "widths")}
            facts["nets"] = [len(net) for net in self.code.weights]
            for i, net in enumerate(self.code.weights):
                for j, layer in enumerate(net):
                    arrays |= zip((f"net_{i}_{j}_kernel", f"net_{i}_{j}_bias"), layer, strict=True)
        bundle = BytesIO()
        np.savez(bundle, **arrays)
        facts["format"] = FORMAT
        facts["sha256"] = _digest(facts, bundle.getvalue())
        atomically(folder / "arrays.npz", lambda to: Path(to).write_bytes(bundle.getvalue()))
        write_json(folder / "model.json", facts)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> SegmentModel:
        """Read a saved model; nothing in the files is executed.

        Raises
        ------
        DataError
            The folder holds no model, one of another version, or files that are not as saved.
        """
        folder = Path(folder)
        facts, bundle = _read(folder)
        try:
            with np.load(BytesIO(bundle), allow_pickle=False) as file:
                return cls._of(facts, dict(file))
        except (KeyError, TypeError, ValueError, BadZipFile) as fault:
            raise _damaged(folder, f"{type(fault).__name__}: {fault}") from None

    @classmethod
    def _of(cls, facts: Json, arrays: dict[str, np.ndarray]) -> SegmentModel:
        scaling = Scaling(
            facts["rule_of_scaling"],
            tuple(facts["columns"]),
            *(arrays[f"scaling_{name}"] for name in _SCALING),
        )
        rule = facts["rule"] | {k[5:]: v for k, v in arrays.items() if k.startswith("rule_")}
        centres, ids = arrays["centres"], tuple(facts["ids"])
        code = _load_code(facts["nets"], arrays) if "nets" in facts else None
        return cls(
            facts["method"], facts["setting"], scaling, rule, centres, ids, code, facts["one_time"]
        )


def _read(folder: Path) -> tuple[Json, bytes]:
    """Return the facts and the bytes of the arrays, of a known format and as they were saved."""
    if not (folder / "model.json").is_file() or not (folder / "arrays.npz").is_file():
        raise DataError(f"no model in '{folder}'", accepted="model.json and arrays.npz")
    try:
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise _damaged(folder, "model.json is no JSON") from None
    if not isinstance(facts, dict):
        raise _damaged(folder, "model.json holds no mapping")
    if facts.get("format") != FORMAT:
        raise DataError(
            f"the model in '{folder}' has format {str(facts.get('format'))[:20]}",
            accepted=f"format {FORMAT}",
            hint="save it again with this version of segwork",
        )
    bundle = (folder / "arrays.npz").read_bytes()
    if facts.get("sha256") != _digest(facts, bundle):
        raise _damaged(folder, "the SHA-256 is another")
    return facts, bundle


def _digest(facts: Json, bundle: bytes) -> str:
    """Return the SHA-256 of the facts, without the digest itself, and of the arrays."""
    told = json.dumps({k: v for k, v in facts.items() if k != "sha256"}, sort_keys=True)
    return hashlib.sha256(told.encode() + b"\n" + bundle).hexdigest()


def _damaged(folder: Path, why: str) -> DataError:
    return DataError(
        f"the model in '{folder}' is not as it was saved ({why})", hint="copy it or save it again"
    )


def _load_code(layers: list[int], arrays: dict[str, np.ndarray]) -> Code:
    nets = [
        [(arrays[f"net_{i}_{j}_kernel"], arrays[f"net_{i}_{j}_bias"]) for j in range(count)]
        for i, count in enumerate(layers)
    ]
    return Code(arrays["code_middle"], arrays["code_spread"], nets, arrays["code_widths"])


def apply_rule(rule: dict[str, object], X: np.ndarray) -> np.ndarray:
    """Return labels, shape (n,), of rows in the space the rule was fitted in."""
    if rule["kind"] == "one":
        return np.zeros(len(X), dtype=int)
    if rule["kind"] == "centres":
        from sklearn.metrics import pairwise_distances_argmin

        return pairwise_distances_argmin(X, np.asarray(rule["centres"], dtype=X.dtype))
    if rule["kind"] == "gaussians":
        return _most_likely(rule, X)
    far, at = _nearest(rule["rows"], X)
    return np.where(far <= float(rule.get("radius", np.inf)), rule["labels"][at], -1)


def _nearest(rows: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distance and place of the nearest of the rows; a tree is quicker in few dimensions."""
    if X.shape[1] <= 5:
        from scipy.spatial import cKDTree

        return cKDTree(rows).query(X, workers=-1)
    from sklearn.metrics import pairwise_distances_argmin

    at = pairwise_distances_argmin(X, rows)
    return np.sqrt(((X - rows[at]) ** 2).sum(axis=1)), at


def _most_likely(rule: dict[str, object], X: np.ndarray) -> np.ndarray:
    best, labels = np.full(len(X), -np.inf), np.zeros(len(X), dtype=int)
    for c, (weight, mean, root) in enumerate(
        zip(rule["weights"], rule["means"], rule["precisions"], strict=True)
    ):
        root = np.diag(root) if root.ndim == 1 else root
        far = (((X - mean) @ root) ** 2).sum(axis=1)
        level = np.log(max(weight, 1e-300)) + np.log(np.abs(np.diag(root))).sum() - far / 2
        better = level > best
        best[better], labels[better] = level[better], c
    return labels
