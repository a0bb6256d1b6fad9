"""Every method fitted on the same rows, and what their models need to label others."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from segwork.clustering import prepare, usable
from segwork.clustering.identity import segment_ids
from segwork.clustering.judging.clusterability import Clusterability, clusterability, enough_of
from segwork.clustering.judging.scoreboard import plain_row, with_progress
from segwork.clustering.judging.scored import Scored, scored
from segwork.clustering.methods import deep
from segwork.clustering.methods.classical import MOST_SEGMENTS, Candidate, cluster_numbers
from segwork.clustering.methods.pool import classical_pool, fitting_rows
from segwork.clustering.model import SegmentModel
from segwork.clustering.rfm import rfm_labels
from segwork.features.rfm import fit_cuts

AUTOENCODERS = ("autoencoder_kmeans", "autoencoder_mixture", "idec")
VALUE = ("days_since_last", "orders", "spend_total")  # what a partition of customers should tell


class Fitting:
    """Runs one method after the other on the same rows and remembers what models need."""

    def __init__(
        self,
        frame: pd.DataFrame,
        once: np.ndarray,
        scaling: prepare.Scaling,
        n_clusters: int | None,
        seed: int,
    ) -> None:
        self.scaling, self.n_clusters, self.seed = scaling, n_clusters, seed
        self.everybody, self.compared, self.is_once = frame, frame[~once], once
        self.matrix = scaling.transform(self.compared)
        rows = fitting_rows(len(self.matrix), seed=seed)
        self.frame, self.X = self.compared.iloc[rows], self.matrix[rows]
        self.once = scaling.transform(frame[once]) if once.any() else None
        self.candidates: list[Candidate] = []
        distinct, first, codes = np.unique(self.X, axis=0, return_index=True, return_inverse=True)
        self.alike = first[codes]  # equal rows get the label of their first
        self.customers = scaling.rule == "customer"
        most = MOST_SEGMENTS if self.customers else 100
        self.numbers = [n_clusters] if n_clusters else cluster_numbers(len(distinct), most=most)
        self.cost: dict[str, tuple[float, float]] = {}
        self.codes: dict[str, deep.Code] = {}

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows given, rows fitted on, and customers with one order."""
        return len(self.everybody), len(self.X), int(self.is_once.sum())

    def run(self, names: Sequence[str], *, copies: int) -> Clusterability:
        """Add the candidates of every method; the nets learn while the others are fitted."""
        nets = [name for name in names if name in AUTOENCODERS]
        with ThreadPoolExecutor(1) as beside:
            if nets:
                self._training = beside.submit(deep.learn_code, self.X, seed=self.seed)
            others = [name for name in names if name not in (*AUTOENCODERS, "stable_kmeans")]
            for name in with_progress(others):
                self._run(name)
            groups = self.scored(self.candidates).groups if others else 1
            rows = enough_of(self.X, groups, seed=self.seed)
            verdict = clusterability(
                rows,
                copies=copies,
                seed=self.seed,
                n_clusters=self.n_clusters,
                customers=self.customers,
            )
            self.stable = self._stable() if "stable_kmeans" in names else None
            for name in with_progress(nets):
                self._run(name)
        return verdict

    def _run(self, name: str) -> None:
        """Add the candidates of one method, with seconds and megabytes spent."""
        began, before = time.perf_counter(), _peak_megabytes()
        found = self._candidates(name) or [_one_group(name, len(self.X))]
        self.candidates += [replace(c, labels=c.labels[self.alike]) for c in found]
        self.cost[name] = time.perf_counter() - began, _peak_megabytes() - before

    def _stable(self) -> tuple[SegmentModel, np.ndarray, pd.DataFrame]:
        """Return the K-Means that is found again: model, everybody's labels, scoreboard row."""
        frame, scaling = self.everybody, self.scaling
        if self.customers:
            frame = frame[list(VALUE)]
            scaling = prepare.fit_scaling(frame, scale="customer")
        began, before = time.perf_counter(), _peak_megabytes()
        Z = scaling.transform(frame)
        rows = fitting_rows(len(Z), seed=self.seed)
        numbers = [self.n_clusters] if self.n_clusters else usable.NUMBERS
        centres, again = usable.stable_kmeans(Z[rows], seed=self.seed, numbers=numbers)
        labels = ((Z[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        model = usable.stable_model(scaling, centres, labels)
        cost = time.perf_counter() - began, _peak_megabytes() - before
        row = plain_row(labels, model.setting, again, cost)
        return model, labels, pd.DataFrame([row], index=pd.Index(["stable_kmeans"], name="method"))

    def scored(self, candidates: list[Candidate]) -> Scored:
        """Measure candidates on the deciding rows, for the referee of this kind of table."""
        return scored(self.X, candidates, seed=self.seed, customers=self.customers)

    def _candidates(self, name: str) -> list[Candidate]:
        if name == "rule_rfm":
            cuts = fit_cuts(self.frame)
            labels = rfm_labels(self.frame, cuts)
            rule = {"kind": "rfm", "cuts": cuts}
            return [Candidate(name, "quintile scores", labels, lambda Y, _: labels[: len(Y)], rule)]
        if name == "autoencoder_kmeans":
            return self._in_code
        if name == "autoencoder_mixture":
            return deep.code_mixture(self._code_rows, self.numbers, seed=self.seed)
        if name == "idec":
            quality = self.scored(self._in_code).quality
            k = self._in_code[int(quality.argmax())].n_clusters
            found, self.codes[name] = deep.idec(self.X, *self._learnt, k, seed=self.seed)
            return [found]
        return classical_pool(
            self.X, (name,), seed=self.seed, numbers=self.numbers, given=bool(self.n_clusters)
        )

    @cached_property
    def _learnt(self) -> tuple[deep.Code, list[np.ndarray]]:
        learnt = self._training.result()
        self.codes |= dict.fromkeys(AUTOENCODERS, learnt[0])
        return learnt

    @cached_property
    def _code_rows(self) -> np.ndarray:
        return self._learnt[0].encode(self.X)

    @cached_property
    def _in_code(self) -> list[Candidate]:
        return deep.code_kmeans(self._code_rows, self.numbers, seed=self.seed)

    def model(self, candidate: Candidate) -> SegmentModel:
        """Return the model that labels new rows as this candidate labelled the fitted ones."""
        labels, rule = candidate.labels, dict(candidate.rule)
        code = self.codes.get(candidate.method)
        if rule["kind"] == "neighbours":
            known = rule.pop("core", np.ones(len(labels), dtype=bool))
            space = self.X if code is None else code.encode(self.X)
            rule |= {"rows": space[known], "labels": labels[known]}
        parts = [self.X[labels == c] for c in range(int(labels.max(initial=-1)) + 1)]
        one_time = self.once is not None and rule["kind"] != "rfm"
        if one_time:
            parts.append(self.once)
        centres = np.array([p.mean(axis=0) if len(p) else np.zeros(self.X.shape[1]) for p in parts])
        ids = tuple(segment_ids(centres, np.array([len(p) for p in parts]))) if parts else ()
        return SegmentModel(
            candidate.method, candidate.setting, self.scaling, rule, centres, ids, code, one_time
        )


def _one_group(name: str, n_rows: int) -> Candidate:
    """Return the answer of a method none of whose settings fits the rows."""
    none = np.zeros(n_rows, dtype=int)
    return Candidate(
        name, "no setting fits", none, lambda Y, _: np.zeros(len(Y), dtype=int), {"kind": "one"}
    )


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
