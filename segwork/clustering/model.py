"""A fitted segmentation that labels new customers, kept as JSON and arrays, never as pickles."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from segwork.clustering.identity import segment_ids
from segwork.clustering.methods.deep import Code
from segwork.clustering.prepare import Scaling, as_frame
from segwork.errors import DataError

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
        """Write ``model.json`` and ``arrays.npz`` into the folder and return it."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
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
        (folder / "model.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        np.savez(folder / "arrays.npz", **arrays)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> SegmentModel:
        """Read a saved model; nothing in the files is executed.

        Raises
        ------
        DataError
            The folder holds no model.
        """
        folder = Path(folder)
        if not (folder / "model.json").is_file() or not (folder / "arrays.npz").is_file():
            raise DataError(f"no model in '{folder}'", accepted="model.json and arrays.npz")
        facts = json.loads((folder / "model.json").read_text())
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            arrays = dict(file)
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
