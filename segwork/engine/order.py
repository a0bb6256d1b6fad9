"""Who waits for whom: read from the tables that notebooks read and leave, declared nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from segwork.engine.notebooks import Notebook
from segwork.engine.parameters import notebook_named
from segwork.errors import UsageError


def needs(notebooks: Mapping[str, Notebook]) -> dict[str, tuple[str, ...]]:
    """Return for every notebook, in running order, the notebooks whose tables it reads.

    Raises
    ------
    UsageError
        Two notebooks leave the same table, nobody leaves one that is read, or they wait in a ring.
    """
    owner: dict[str, str] = {}
    for notebook in notebooks.values():
        for table in notebook.leaves:
            if table in owner:
                raise UsageError(
                    f"{owner[table]} and {notebook.name} both leave the table '{table}'",
                    accepted="one notebook per table",
                )
            owner[table] = notebook.name
    waits: dict[str, tuple[str, ...]] = {}
    for name in sorted(notebooks):
        for table in notebooks[name].reads:
            if table not in owner:
                raise UsageError.unknown("table", table, owner, where=f"the reads of {name}")
        waits[name] = tuple(sorted({owner[table] for table in notebooks[name].reads}))
    try:
        order = TopologicalSorter(waits)
        order.prepare()
    except CycleError as ring:
        raise UsageError(f"notebooks wait for each other: {' → '.join(ring.args[1])}") from None
    return {name: waits[name] for name in _by_number(order)}


def _by_number(order: TopologicalSorter[str]) -> Iterable[str]:
    """Yield the notebooks so that each follows what it needs, lowest name first."""
    ready: list[str] = []
    while order.is_active():
        ready = sorted({*ready, *order.get_ready()})
        name = ready.pop(0)
        order.done(name)
        yield name


def selected(only: Iterable[str], waits: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return the notebooks asked for (all where none is), with everything they need."""
    chosen: set[str] = set()
    queue = [notebook_named(name, waits) for name in only] or list(waits)
    while queue:
        name = queue.pop()
        if name not in chosen:
            chosen.add(name)
            queue.extend(waits[name])
    return chosen
