"""The autoencoder's candidates: K-Means and a mixture in its code, and IDEC."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from segwork.clustering.methods.autoencoder import Weights, encode, encoders
from segwork.clustering.methods.classical import Candidate, again_kmeans, kmeans, quiet

NETS = 3
GRAPH_NEIGHBOURS = 20
MOST_VECTORS = 40  # more eigenvectors cost more than all other methods together


@dataclass(frozen=True)
class Code:
    """What three autoencoders of different seeds make of the rows.

    Attributes
    ----------
    middle, spread : arrays, shape (d,)
        Standardisation before the nets (one number for all columns where they share a unit).
    weights : list of weights, one for each net
    width : array
        Divisor of each net's code.
    """

    middle: np.ndarray
    spread: np.ndarray
    weights: list[Weights]
    widths: np.ndarray

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Return the joined code, shape (n, 3 z)."""
        scaled = (X - self.middle) / self.spread
        return np.hstack(
            [encode(w, scaled) / s for w, s in zip(self.weights, self.widths, strict=True)]
        )


def learn_code(X: np.ndarray, *, seed: int) -> tuple[Code, list[np.ndarray]]:
    """Train the nets on scaled rows; also return their whole weights for fine-tuning."""
    from segwork.clustering.methods.training import trained

    middle, spread = X.mean(axis=0), np.full(X.shape[1], max(float(X.std()), 1e-12))
    scaled = (X - middle) / spread
    whole = trained(scaled, nets=NETS, seed=seed)
    weights = encoders(whole)
    widths = np.array([max(float(encode(w, scaled).std()), 1e-9) for w in weights])
    return Code(middle, spread, weights, widths), whole


def code_kmeans(Z: np.ndarray, numbers: Iterable[int], *, seed: int) -> list[Candidate]:
    """K-Means in the code."""
    return [replace(c, method="autoencoder_kmeans") for c in kmeans(Z, numbers, seed=seed)]


def code_mixture(Z: np.ndarray, numbers: Iterable[int], *, seed: int) -> list[Candidate]:
    """Mixture with a common covariance on the neighbour graph of the code.

    The graph's leading eigenvectors take the place UMAP has in N2D.

    References
    ----------
    McConville et al. (2021), "N2D: (not too) deep clustering via clustering the local manifold of
    an autoencoded embedding"; Ng, Jordan, Weiss (2002), "On spectral clustering".
    """
    numbers = [k for k in numbers if k < len(Z) - 1]
    numbers = [k for k in numbers if k <= MOST_VECTORS] or numbers[:1]
    if not numbers or len(Z) < 12:
        return []
    vectors = graph_vectors(Z, max(numbers), seed=seed)
    return [
        Candidate(
            "autoencoder_mixture",
            f"k = {k}",
            _graph_mixture(vectors, k, seed),
            _again_mixture(k),
            {"kind": "neighbours"},
        )
        for k in numbers
    ]


def _again_mixture(k: int) -> Callable[[np.ndarray, int], np.ndarray]:
    return lambda Z, seed: _graph_mixture(graph_vectors(Z, k, seed=seed), k, seed)


def _graph_mixture(vectors: np.ndarray, k: int, seed: int) -> np.ndarray:
    from sklearn.mixture import GaussianMixture

    lengths = np.linalg.norm(vectors[:, :k], axis=1, keepdims=True)
    rows = vectors[:, :k] / np.maximum(lengths, 1e-12)
    floor = 1e-3 * max(float(rows.var(axis=0).mean()), 1e-9)
    starts = 4 if k <= 10 else 2 if k <= 20 else 1
    model = GaussianMixture(
        k, covariance_type="tied", n_init=starts, reg_covar=floor, random_state=seed
    )
    with quiet():
        return model.fit_predict(rows)


def graph_vectors(Z: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Return the leading eigenvectors, shape (n, count), of the normalised neighbour graphs' sum.

    One graph for each net; weights fall off from the nearest neighbour on, as in UMAP.
    """
    from scipy.sparse import csr_matrix, diags
    from scipy.sparse.linalg import eigsh
    from sklearn.neighbors import NearestNeighbors

    n, q = len(Z), min(GRAPH_NEIGHBOURS, len(Z) - 1)
    graph = csr_matrix((n, n))
    for part in np.array_split(Z, NETS, axis=1):
        far, near = NearestNeighbors(n_neighbors=q + 1).fit(part).kneighbors(part)
        far, near = far[:, 1:], near[:, 1:]
        excess = far - far[:, :1]
        weight = np.exp(-excess / np.maximum(excess.mean(axis=1, keepdims=True), 1e-12))
        one = csr_matrix((weight.ravel(), (np.repeat(np.arange(n), q), near.ravel())), shape=(n, n))
        graph = graph + one + one.T - one.multiply(one.T)
    scale = diags(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)))
    start = np.random.default_rng([seed, 13]).normal(size=n)
    values, vectors = eigsh(scale @ graph @ scale, k=count, which="LA", v0=start)
    return vectors[:, np.argsort(-values)]


def idec(
    X: np.ndarray, code: Code, whole: list[np.ndarray], k: int, *, seed: int
) -> tuple[Candidate, Code]:
    """Fine-tune the first net towards ``k`` clusters (IDEC); return the labelling and its code."""
    from sklearn.cluster import KMeans

    from segwork.clustering.methods.training import refined

    scaled = (X - code.middle) / code.spread
    first = [part[:1] for part in whole]
    with quiet():
        start = KMeans(k, n_init=20, random_state=seed).fit(encode(code.weights[0], scaled))
    weights, centres, labels = refined(first, scaled, start.cluster_centers_, seed=seed)
    rule = {"kind": "centres", "centres": centres}
    tuned = Code(code.middle, code.spread, [weights], np.ones(1))
    return Candidate("idec", f"k = {k}", labels, again_kmeans(k), rule), tuned
