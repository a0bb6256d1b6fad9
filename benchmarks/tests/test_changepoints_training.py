"""The networks beside their simulators and their trainer."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from benchmarks.changepoints import scores, simulate_customers, simulate_series, train
from segwork import changepoints, sequences
from segwork.changepoints import detect, panel, panel_network, weights


def test_planted_changes_are_found_in_simulated_series() -> None:
    """Mean F1 over 60 fresh simulations is at least 0.75 and above that of reporting nothing."""
    rng = np.random.default_rng(99)
    drawn = [simulate_series.simulate(int(rng.integers(40, 200)), rng) for _ in range(60)]
    truth = [{"truth": marks.tolist()} for _, marks in drawn]
    ours = np.mean(
        [scores.f1(t, detect(y).indices) for t, (y, _) in zip(truth, drawn, strict=True)]
    )
    nothing = np.mean([scores.f1(t, []) for t in truth])

    assert ours >= 0.75
    assert ours >= nothing + 0.05


def test_simulated_series_are_what_they_say() -> None:
    """Marks ascend, keep their distance, and are absent when no change is asked for."""
    rng = np.random.default_rng(3)
    for n in (12, 40, 300):
        y, marks = simulate_series.simulate(n, rng, changed=True)
        assert y.shape == (n,)
        assert np.isfinite(y).all()
        assert (np.diff(np.r_[0, marks, n]) >= max(3, int(0.04 * n))).all()
        assert simulate_series.simulate(n, rng, changed=False)[1].size == 0


@pytest.mark.parametrize("name", ["series", "panel"])
def test_training_is_repeatable_and_weights_survive_storage(name, tmp_path, monkeypatch) -> None:
    """Two short trainings of one number store the same bytes; loading gives the same output."""
    monkeypatch.setattr(train, "BATCH", 8)
    monkeypatch.setattr(train, "BASE", 4)
    stored = []
    for file in ("a.npz", "b.npz"):
        network, loss = train.fit(train.TASKS[name], steps=2)
        weights.save(network, tmp_path / file)
        stored.append((tmp_path / file).read_bytes())
    assert np.isfinite(loss)
    assert stored[0] == stored[1]
    x, target = train.TASKS[name].batch(np.random.default_rng(0))
    assert len(x) == len(target) == 8
    again = weights.load(train.TASKS[name].build(), tmp_path / "a.npz")
    np.testing.assert_allclose(weights.predict(again, x), weights.predict(network, x), atol=0.02)


@pytest.mark.parametrize("name", ["series", "panel"])
def test_shipped_weights_are_those_the_trainer_writes(name) -> None:
    """The file beside the package is exactly the trainer's, and fits the network it builds."""
    folder = resources.files(changepoints)
    shipped = sorted(
        f.name
        for f in folder.iterdir()
        if f.name.startswith(f"{name}_") and f.name.endswith(".npz")
    )
    assert shipped == [train.TASKS[name].file]
    weights.load(train.TASKS[name].build(), folder / shipped[0])


def test_network_tells_changed_from_unchanged_better_than_the_scan() -> None:
    """Fresh simulations: area under the curve at least 0.01 above the scan's own statistic."""
    from sklearn.metrics import roc_auc_score

    drawn = simulate_customers.simulate(3000, 104, np.random.default_rng(7))
    changed = drawn.index >= 0
    usual = panel_network.usual_spread(drawn.counts, drawn.shape)
    network = roc_auc_score(changed, panel.score(drawn.counts, drawn.shape, usual)[0])
    classical = roc_auc_score(changed, sequences.scan(drawn.counts, drawn.shape).statistic)
    assert network >= classical + 0.01
