"""The classical methods: each gives at most twenty candidate labellings of the same rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from segwork.clustering.methods.condensed import flat_clusters, merges_of
from segwork.clustering.methods.density import Reachability
from segwork.clustering.methods.trees import cut_hierarchy, genie, spanning_tree

CLASSICAL = ("kmeans", "mixture", "ward", "genie", "dbscan", "hdbscan", "pca_kmeans")
COARSE_K = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100)
ROWS_PER_CLUSTER = 15
MOST_SEGMENTS = 10  # of customers: more are not told apart by those who work with them
MOST_NOISE = 0.3  # of a labelling that is recommended
EPS_QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97, 0.99, 1.0)


@dataclass(frozen=True)
class Candidate:
    """One labelling and what is needed to label new rows.

    Parameters
    ----------
    method, setting : str
    labels : array of int, shape (n,)
        0-based; −1 is noise.
    refit : callable
        Other rows and a seed in, labels of a fit at the same setting out.
    rule : dict
        ``kind`` (centres · gaussians · neighbours) and its arrays: ``segwork.clustering.model``.
    """

    method: str
    setting: str
    labels: np.ndarray
    refit: Callable[[np.ndarray, int], np.ndarray] = field(repr=False)
    rule: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def n_clusters(self) -> int:
        """Number of clusters, noise not counted."""
        return len(np.unique(self.labels[self.labels >= 0]))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries from warning about fits that did not converge: they are scored like others.

    Rows are finite and settings are ours, so that neither is checked again in a thousand fits.
    """
    from sklearn import config_context

    unchecked = config_context(assume_finite=True, skip_parameter_validation=True)
    with warnings.catch_warnings(), unchecked:
        warnings.simplefilter("ignore")
        yield


def cluster_numbers(n_rows: int, *, most: int = 100) -> list[int]:
    """Return the numbers of clusters that are tried: dense to ten, then about × 1.3."""
    limit = max(2, min(most, n_rows // ROWS_PER_CLUSTER))
    return [k for k in COARSE_K if k <= limit and k < n_rows]


def kmeans(
    X: np.ndarray, numbers: Iterable[int], *, seed: int, starts: int = 10
) -> list[Candidate]:
    """K-Means, k-means++ starts: ten up to k = 10, three beyond."""
    from sklearn.cluster import KMeans

    found = []
    for k in numbers:
        with quiet():
            fit = KMeans(k, n_init=starts if k <= 10 else 3, random_state=seed).fit(X)
        rule = {"kind": "centres", "centres": fit.cluster_centers_}
        found.append(Candidate("kmeans", f"k = {k}", fit.labels_, again_kmeans(k), rule))
    return found


def again_kmeans(k: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return K-Means at one setting, for other rows and another seed."""
    from sklearn.cluster import KMeans

    def again(Y: np.ndarray, seed: int) -> np.ndarray:
        with quiet():
            return KMeans(min(k, len(Y)), n_init=3, random_state=seed).fit_predict(Y)

    return again


def mixture(
    X: np.ndarray, numbers: Iterable[int], *, seed: int, given: bool = False
) -> list[Candidate]:
    """Gaussian mixture; full covariances where the rows can carry them, else diagonal.

    Two starts up to k = 10, one beyond. With the number of clusters given: full covariances and
    ten starts, as in published tables.
    """
    from sklearn.mixture import GaussianMixture

    n, d = X.shape
    floor = 1e-6 * max(float(X.var(axis=0).mean()), 1e-12)
    found = []
    for k in numbers:
        kind = "full" if given or n >= 2 * k * d else "diag"

        def fitted(Y: np.ndarray, other: int, k: int = k, kind: str = kind) -> GaussianMixture:
            model = GaussianMixture(
                min(k, len(Y)),
                covariance_type=kind,
                n_init=10 if given else 2 if k <= 10 else 1,
                reg_covar=floor,
                random_state=other,
            )
            with quiet():
                return model.fit(Y)

        def again(Y: np.ndarray, other: int, fitted: Callable = fitted) -> np.ndarray:
            return fitted(Y, other).predict(Y)

        fit = fitted(X, seed)
        rule = {
            "kind": "gaussians",
            "weights": fit.weights_,
            "means": fit.means_,
            "precisions": fit.precisions_cholesky_,
        }
        found.append(Candidate("mixture", f"k = {k}, {kind}", fit.predict(X), again, rule))
    return found


def ward(X: np.ndarray, numbers: Iterable[int]) -> list[Candidate]:
    """Ward's hierarchy, cut at every number of clusters."""
    from scipy.cluster.hierarchy import linkage

    cuts = cut_hierarchy(linkage(X, "ward") if len(X) > 1 else np.zeros((0, 4)), numbers)
    return [
        Candidate("ward", f"k = {k}", labels, _again(ward, k), {"kind": "neighbours"})
        for k, labels in sorted(cuts.items())
    ]


def _again(method: Callable[..., list[Candidate]], k: int) -> Callable[..., np.ndarray]:
    return lambda Y, _: method(Y, [min(k, len(Y))])[0].labels


def genie_tree(X: np.ndarray, numbers: Iterable[int]) -> list[Candidate]:
    """Genie on the minimum spanning tree: shapes of any kind, sizes kept comparable."""
    from scipy.spatial.distance import cdist

    cuts = genie(*spanning_tree(cdist(X, X)), n_clusters=numbers)
    return [
        Candidate("genie", f"k = {k}", labels, _again(genie_tree, k), {"kind": "neighbours"})
        for k, labels in sorted(cuts.items())
    ]


def dbscan(X: np.ndarray, *, only: tuple[int, float] | None = None) -> list[Candidate]:
    """DBSCAN over ten quantiles of the k-distance at two neighbour counts.

    References
    ----------
    Ester et al. (1996); Schubert et al. (2017), "DBSCAN revisited, revisited": 2 × dimensions.
    """
    from scipy.spatial.distance import cdist

    n, d = X.shape
    counts = {min(max(4, 2 * d), 20), min(max(4, d), 10)}
    settings = [only] if only else [(c, q) for c in sorted(counts) for q in EPS_QUANTILES]
    distances = cdist(X, X)
    reach = {c: Reachability.of(distances, c) for c in {c for c, _ in settings} if c < n}
    found = []
    for points, share in settings:
        known = reach.get(points)
        eps = float(np.quantile(known.core, share)) * (1 + 1e-9) if known else 0.0
        if eps > 0:
            labels, core = known.within(eps)
            rule = {"kind": "neighbours", "radius": eps, "core": core}
            text = f"eps = {eps:.4g} (the {100 * share:g} % point), min_points = {points}"
            found.append(Candidate("dbscan", text, labels, _again_dbscan(points, share), rule))
    return found


def _again_dbscan(points: int, share: float) -> Callable[..., np.ndarray]:
    def again(Y: np.ndarray, _: int) -> np.ndarray:
        found = dbscan(Y, only=(points, share))
        return found[0].labels if found else np.full(len(Y), -1)

    return again


def hdbscan(X: np.ndarray) -> list[Candidate]:
    """HDBSCAN at smallest cluster sizes of 0.5, 1, 2, 5 and 10 %, two smoothings, two cuts."""
    found, seen, merges = [], set(), {}
    for share, samples, cut in product((0.005, 0.01, 0.02, 0.05, 0.10), (5, 10), ("eom", "leaf")):
        size = max(5, round(share * len(X)))
        if (size, samples, cut) in seen or size > len(X) or samples > len(X):
            continue
        seen.add((size, samples, cut))
        if samples not in merges:
            merges[samples] = _reachability_merges(X, samples)
        labels = flat_clusters(merges[samples], least=size, leaves=cut == "leaf")
        text = f"min_size = {size}, min_samples = {samples}, {cut}"
        rule = {"kind": "neighbours", "noise": True}
        found.append(Candidate("hdbscan", text, labels, _again_hdbscan(share, samples, cut), rule))
    return found


def _again_hdbscan(share: float, samples: int, cut: str) -> Callable[..., np.ndarray]:
    def again(Y: np.ndarray, _: int) -> np.ndarray:
        merges = _reachability_merges(Y, min(samples, len(Y)))
        size = min(max(5, round(share * len(Y))), len(Y))
        return flat_clusters(merges, least=size, leaves=cut == "leaf")

    return again


def _reachability_merges(X: np.ndarray, samples: int) -> np.ndarray:
    from scipy.spatial.distance import cdist

    reach = Reachability.of(cdist(X, X), samples)
    return merges_of(reach.edges, reach.lengths)


def pca_kmeans(X: np.ndarray, numbers: Iterable[int], *, width: int, seed: int) -> list[Candidate]:
    """K-Means after PCA to the autoencoder's width: what a linear code gives."""
    from sklearn.decomposition import PCA

    def flat(Y: np.ndarray) -> np.ndarray:
        return PCA(min(width, *Y.shape), random_state=seed).fit_transform(Y)

    named = {"method": "pca_kmeans", "rule": {"kind": "neighbours"}}
    return [
        replace(c, **named, refit=lambda Y, other, c=c: c.refit(flat(Y), other))
        for c in kmeans(flat(X), numbers, seed=seed)
    ]
