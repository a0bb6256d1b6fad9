"""Who waits for whom: read from the tables that notebooks read and leave, declared nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from segwork.engine.plan.notebooks import Notebook
from segwork.engine.plan.parameters import notebook_named
from segwork.errors import UsageError


def owners(notebooks: Mapping[str, Notebook]) -> dict[str, str]:
    """Return for every table the notebook that leaves it.

    Raises
    ------
    UsageError
        Two notebooks leave the same table, or nobody leaves one that is read.
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
    for notebook in notebooks.values():
        for table in notebook.reads:
            if table not in owner and table not in notebook.asks:
                raise UsageError.unknown(
                    "table", table, owner, where=f"the reads of {notebook.name}"
                )
    return owner


def needs(notebooks: Mapping[str, Notebook]) -> dict[str, tuple[str, ...]]:
    """Return for every notebook, in running order, the notebooks it waits for.

    Raises
    ------
    UsageError
        As :func:`owners`, or notebooks wait for each other in a ring.
    """
    owner = owners(notebooks)
    waits = {
        name: tuple(sorted({owner[t] for t in (*n.reads, *n.asks) if t in owner} - {name}))
        for name, n in sorted(notebooks.items())
    }
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
