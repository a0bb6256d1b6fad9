"""Commands of ``make bench-peers``: write the plants, score the alarms.

Run: ``python -m benchmarks.peers.run write build/peers``, then ``… score build/peers``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import click
import pandas as pd

from benchmarks.peers import plants as peer_plants
from benchmarks.peers import scores as peer_scores

KEPT = Path(__file__).resolve().parent


@click.group()
def main() -> None:
    """Write planted faults for programs that are not ours, and score their alarms."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def write(folder: Path) -> None:
    """Write tables and models with plants, and their answer keys, into FOLDER."""
    tables = peer_plants.write_data(folder / "plants")
    models = peer_plants.write_models(folder / "models")
    click.echo(f"{tables} tables and {models} models in {folder}")


@main.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--claims", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--made", required=True, help="the day the peers were run")
def score(folder: Path, claims: Path, made: str) -> None:
    """Score the alarms in FOLDER and keep the tables with the code."""
    told = tomllib.loads(claims.read_text(encoding="utf-8"))
    table, faults = peer_scores.score_data(folder, told["mode"], made=made)
    table.to_csv(KEPT / "peers_data.csv", index=False)
    faults.round(2).to_csv(KEPT / "peers_data_faults.csv", index=False)
    click.echo(table.to_string(index=False))
    if (folder / "deepchecks_models.jsonl").exists():
        models = peer_scores.score_models(folder, told["models"], made=made)
        models.to_csv(KEPT / "peers_models.csv", index=False)
        click.echo(models.to_string(index=False))


@main.command()
@click.option("--seed", default=40, show_default=True, help="the plants the peers were given")
@click.option("--draws", default=8, show_default=True, help="clean companies")
def own(seed: int, draws: int) -> None:
    """Score our own audit on the same plants, keep the line, and print the README's table."""
    from benchmarks.data import scores as data_scores
    from benchmarks.data.plants import MEDIUM

    plants = data_scores.run_plants(seeds=[seed], strengths=(MEDIUM,))
    clean = data_scores.run_clean(draws=draws, first_seed=5000 + 1000 * seed)
    pd.DataFrame([peer_scores.own(plants, clean)]).to_csv(KEPT / "peers_own.csv", index=False)
    click.echo("\n".join(peer_scores.for_readme()))


if __name__ == "__main__":
    main()
