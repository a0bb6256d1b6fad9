"""Figures in two and three dimensions, with the helpers that place and turn them."""

from __future__ import annotations

import numpy as np

Sample = tuple[np.ndarray, np.ndarray]
Random = np.random.Generator


def group_sizes(rng: Random, k: int, *, most: int = 1200) -> np.ndarray:
    """Draw how many rows each of k groups has, alike or very uneven."""
    total = int(np.exp(rng.uniform(np.log(max(120, 15 * k)), np.log(max(most, 30 * k)))))
    uneven = rng.choice([100.0, 5.0, 1.5])
    return np.maximum(8, (rng.dirichlet(np.full(k, uneven)) * total).astype(int))


def place_centres(rng: Random, k: int, d: int, gap: float) -> np.ndarray:
    """Place centres at random, none nearer to another than ``gap``."""
    side = gap * k ** (1 / d) * rng.uniform(1.0, 2.0)
    found: list[np.ndarray] = []
    while len(found) < k:
        point = rng.uniform(0, side, d)
        if all(np.linalg.norm(point - other) >= gap for other in found):
            found.append(point)
        side *= 1.002
    return np.array(found)


def joined(parts: list[np.ndarray]) -> Sample:
    """Put groups below each other, with their numbers."""
    return np.vstack(parts), np.repeat(np.arange(len(parts)), [len(p) for p in parts])


def turn(rng: Random, d: int) -> np.ndarray:
    """Return a random rotation."""
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def curve(rng: Random, n: int) -> np.ndarray:
    """Return one shape in the plane, about two units wide, without thickness."""
    t = rng.uniform(0, 1, n)
    turn = rng.uniform(0, 2 * np.pi)
    kind = rng.choice(["arc", "ring", "spiral", "line", "wave", "disc", "box", "cross"])
    if kind in ("arc", "ring"):
        angle = turn + t * (2 * np.pi if kind == "ring" else rng.uniform(1.5, 4.5))
        return np.column_stack([np.cos(angle), np.sin(angle)])
    if kind == "spiral":
        angle = turn + 2 * np.pi * rng.uniform(1.0, 2.0) * np.sqrt(t)
        return np.sqrt(t)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    if kind == "disc":
        return np.sqrt(t)[:, None] * on_circle(rng, n)
    flat = {
        "line": np.column_stack([2 * t - 1, np.zeros(n)]),
        "wave": np.column_stack([2 * t - 1, 0.4 * np.sin(2 * np.pi * rng.uniform(0.7, 1.6) * t)]),
        "box": rng.uniform(-1, 1, (n, 2)) * [1, rng.uniform(0.2, 1)],
        "cross": np.where(rng.random((n, 1)) < 0.5, [[1.0, 0.05]], [[0.05, 1.0]])
        * rng.uniform(-1, 1, (n, 2)),
    }[kind]
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return flat @ spin


def on_circle(rng: Random, n: int) -> np.ndarray:
    """Draw points of the unit circle."""
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def shapes(rng: Random) -> Sample:
    """Scatter shapes; some lie close, some far."""
    k = int(rng.integers(2, 8))
    centres, thick = place_centres(rng, k, 2, rng.uniform(1.8, 3.0)), rng.uniform(0.02, 0.12)
    rows = zip(centres, group_sizes(rng, k, most=1500), strict=True)
    return joined([c + curve(rng, n) + thick * rng.normal(size=(n, 2)) for c, n in rows])


def rings(rng: Random) -> Sample:
    """Draw rings around each other, perhaps around a core, evenly dense or not."""
    k, thick, inner = int(rng.integers(2, 5)), rng.uniform(0.02, 0.15), rng.uniform(0.25, 0.8)
    core, parts = rng.random() < 0.4, []
    for i, n in enumerate(group_sizes(rng, k, most=1500)):
        wide = rng.uniform(0.9, 1.1, 2) if rng.random() < 0.3 else np.ones(2)
        base = (i + inner) * on_circle(rng, n) * wide
        if i == 0 and core:
            base = inner / 2 * rng.normal(size=(n, 2)) / (1 + 4 * thick)
        parts.append(base + thick * rng.normal(size=(n, 2)) + rng.normal(0, 0.03, 2))
    return joined(parts)


def spirals(rng: Random) -> Sample:
    """Draw two to four interleaved spirals."""
    k, turns, parts = int(rng.integers(2, 5)), rng.uniform(0.8, 1.4), []
    thick = rng.uniform(0.02, 0.13)
    for i, n in enumerate(group_sizes(rng, k, most=1500)):
        along = 2 * np.pi * turns * np.sqrt(rng.uniform(0.03, 1, n))
        angle = along + 2 * np.pi * i / k
        base = along[:, None] / 3 * np.column_stack([np.cos(angle), np.sin(angle)])
        parts.append(base + thick * rng.normal(size=(n, 2)))
    return joined(parts)


def moons(rng: Random) -> Sample:
    """Draw half rings that reach into each other, two or a chain of them."""
    k, parts = int(rng.choice([2, 2, 2, 3, 4])), []
    thick, lift = rng.uniform(0.02, 0.16), rng.uniform(0.3, 0.7)
    for i, n in enumerate(group_sizes(rng, k, most=1500)):
        angle = rng.uniform(0, np.pi, n) * (1 if i % 2 == 0 else -1)
        base = np.column_stack([np.cos(angle), np.sin(angle)]) + np.array([i, lift * (i % 2)])
        parts.append(base + thick * rng.normal(size=(n, 2)))
    return joined(parts)


def inside(rng: Random) -> Sample:
    """Draw dense groups inside an arc, or on a sparse cloud, of another density."""
    k, parts = int(rng.integers(2, 5)), []
    sizes = group_sizes(rng, k, most=1200)
    around = 3.0 * arc(rng, sizes[0]) if rng.random() < 0.5 else rng.normal(0, 2, (sizes[0], 2))
    parts.append(around + rng.uniform(0.03, 0.2) * rng.normal(size=around.shape))
    for centre, n in zip(place_centres(rng, k - 1, 2, 1.5), sizes[1:], strict=True):
        place = centre - 0.75 * (k - 1) ** 0.5
        parts.append(place + rng.uniform(0.15, 0.4) * rng.normal(size=(n, 2)))
    return joined(parts)


def arc(rng: Random, n: int) -> np.ndarray:
    """Return an arc of the unit circle, from a half to all of it."""
    angle = rng.uniform(0, 2 * np.pi) + rng.uniform(0, 1, n) * rng.uniform(np.pi, 2 * np.pi)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def stripes(rng: Random) -> Sample:
    """Long parallel bands, Gaussian or uniform across, in two or three dimensions."""
    k, d = int(rng.integers(2, 6)), int(rng.choice([2, 2, 3]))
    length, gap, parts = rng.uniform(6, 25), rng.uniform(2.5, 6.0), []
    for i, n in enumerate(group_sizes(rng, k)):
        rows = rng.normal(size=(n, d)) if rng.random() < 0.5 else rng.uniform(-1.5, 1.5, (n, d))
        rows[:, 0] = rng.uniform(-1, 1, n) * length / 2 + rng.normal() * length / 8
        rows[:, 1] += i * gap
        parts.append(rows)
    X, truth = joined(parts)
    return X @ turn(rng, d), truth


def tiles(rng: Random) -> Sample:
    """Rectangles of even density with gaps, as in drawn figures."""
    columns, rows = rng.integers(1, 4, 2)
    columns, gap, parts = max(columns, 2), rng.uniform(0.1, 0.5), []
    density = rng.uniform(40, 200)
    for i in range(columns):
        for j in range(rows):
            if rng.random() < 0.15 and len(parts) > 1:
                continue
            low = np.array([i, j]) + gap / 2 * rng.uniform(0.6, 1.0, 2)
            high = np.array([i + 1, j + 1]) - gap / 2 * rng.uniform(0.6, 1.0, 2)
            n = max(10, int(density * np.prod(high - low) * rng.choice([1, 1, 2])))
            parts.append(rng.uniform(low, high, (n, 2)))
    return joined(parts)


def solids(rng: Random) -> Sample:
    """Draw a ball in a shell, or a chain of linked rings, in three dimensions."""
    k, thick, parts = int(rng.integers(2, 4)), rng.uniform(0.02, 0.15), []
    linked = rng.random() < 0.5
    for i, n in enumerate(group_sizes(rng, k, most=1500)):
        if linked:
            ring = np.column_stack([on_circle(rng, n), np.zeros(n)])
            base = np.roll(ring, i % 2, axis=1) + np.array([0.0, i * rng.uniform(0.8, 1.2), 0.0])
        else:
            base = rng.normal(size=(n, 3))
            base *= i / np.linalg.norm(base, axis=1, keepdims=True)
            base += 0 if i else rng.uniform(0.1, 0.3) * rng.normal(size=(n, 3))
        parts.append(base + thick * rng.normal(size=(n, 3)))
    X, truth = joined(parts)
    return X @ turn(rng, 3), truth


def slopes(rng: Random) -> Sample:
    """Draw boxes side by side whose density falls along one axis; they nearly touch."""
    k, gap, parts = int(rng.integers(2, 5)), rng.uniform(0.02, 0.3), []
    for i, n in enumerate(group_sizes(rng, k, most=1500)):
        square = rng.random((n, 2))
        if rng.random() < 0.6:
            square[:, rng.integers(2)] = np.sqrt(rng.random(n))
        square = np.abs(square - rng.integers(0, 2, 2))
        square = square * [1.0, rng.uniform(0.5, 1.5)] + [i * (1 + gap), rng.uniform(0, 0.7)]
        parts.append(square)
    X, truth = joined(parts)
    return X @ turn(rng, 2), truth
