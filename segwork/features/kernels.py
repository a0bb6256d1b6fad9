"""Compiled loops over order lines: runs, customers' numbers, orders, gaps, different values.

A *run* is a stretch of neighbouring lines of one customer, one order and one day. Every loop goes
over its rows once. Rows are kept by partition: customer number ``c`` is customer ``c // PARTS`` of
partition ``c % PARTS``, so that the tables of one partition stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.uint8]
Rows = NDArray[np.void]

Loop = TypeVar("Loop", bound=Callable[..., object])

PARTS = 128
_LONG = {"order": "u8", "spend": "f8", "returned": "f8", "pieces": "f8"}
_SHORT = {"customer": "u4", "day": "i4", "lines": "u4", "returns": "u4"}
RUN = np.dtype([*_LONG.items(), *_SHORT.items()])
PAIR = np.dtype([("value", "u8"), ("customer", "u4")])
NOBODY = -1
# Columns of the sums of a customer over lines, as `folding.LINE_SUMS` names them.
LINES, RETURNS, SPEND, RETURNED, PIECES, FIRST, LAST = range(7)


def kernel(function: Loop) -> Loop:
    """Compile a loop, kept on disk for the next process where there is a place for it."""
    try:
        return numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(function, nogil=True)


@kernel
def find_runs(customer: Hashes, order: Hashes, day: Numbers) -> Ints:
    """Return where each run begins, and the number of lines at the end."""
    starts = np.empty(len(customer) + 1, np.int64)
    n = 0
    for i in range(len(customer)):
        if (
            i == 0
            or customer[i] != customer[i - 1]
            or order[i] != order[i - 1]
            or day[i] != day[i - 1]
        ):
            starts[n] = i
            n += 1
    starts[n] = len(customer)
    return starts[: n + 1]


@kernel
def number(
    starts: Ints,
    customer: Hashes,
    keys: Hashes,
    numbers: Numbers,
    known: int,
    found: Numbers,
    new: Ints,
) -> int:
    """Assign numbers to the customers of runs as they appear; say where new ones do."""
    mask = np.uint64(len(keys) - 1)
    fresh = 0
    for run in range(len(starts) - 1):
        key = customer[starts[run]]
        slot = (key >> np.uint64(8)) & mask
        while numbers[slot] != NOBODY and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if numbers[slot] == NOBODY:
            keys[slot], numbers[slot] = key, known + fresh
            new[fresh] = starts[run]
            fresh += 1
        found[run] = numbers[slot]
    return fresh


@kernel
def enlarge(keys: Hashes, numbers: Numbers) -> tuple[Hashes, Numbers]:
    """Move the table of customers' numbers into one of twice the size."""
    size = 2 * len(keys)
    wider, moved, mask = np.zeros(size, np.uint64), np.full(size, NOBODY, np.int32), size - 1
    for i in range(len(keys)):
        if numbers[i] != NOBODY:
            slot = (keys[i] >> np.uint64(8)) & np.uint64(mask)
            while moved[slot] != NOBODY:
                slot = (slot + np.uint64(1)) & np.uint64(mask)
            wider[slot], moved[slot] = keys[i], numbers[i]
    return wider, moved


@kernel
def count_runs(found: Numbers, n: Ints) -> None:
    """Count the runs of each partition."""
    for run in range(len(found)):
        n[found[run] % PARTS] += 1


@kernel
def sum_runs(
    starts: Ints,
    found: Numbers,
    lines_of: tuple[Hashes, Numbers, Floats, Floats, Flags, Flags],
    ends: Ints,
    out: Rows,
) -> None:
    """Sum the lines of each run and put it into its partition; ``ends`` moves along.

    Of a line are given its order, day, amount and pieces, and whether it was sold or came back.
    """
    order, day, amount, pieces, sold, back = lines_of
    for run in range(len(found)):
        lines, returns, spend, returned, count = 0, 0, 0.0, 0.0, 0.0
        for i in range(starts[run], starts[run + 1]):
            if sold[i]:
                lines += 1
                spend += amount[i]
                count += pieces[i]
            elif back[i]:
                returns += 1
                returned += abs(amount[i])
        part = found[run] % PARTS
        row = out[ends[part]]
        ends[part] += 1
        row.order, row.day = order[starts[run]], day[starts[run]]
        row.customer = found[run] // PARTS
        row.lines, row.returns = lines, returns
        row.spend, row.returned, row.pieces = spend, returned, count


@kernel
def count_pairs(starts: Ints, found: Numbers, value: Hashes, n: Ints) -> None:
    """Count the lines of each partition that have a value; 0 is none."""
    for run in range(len(found)):
        for i in range(starts[run], starts[run + 1]):
            if value[i] != 0:
                n[found[run] % PARTS] += 1


@kernel
def put_pairs(starts: Ints, found: Numbers, value: Hashes, ends: Ints, out: Rows) -> None:
    """Put customer and value of each line that has one into its partition."""
    for run in range(len(found)):
        part, customer = found[run] % PARTS, found[run] // PARTS
        for i in range(starts[run], starts[run + 1]):
            if value[i] != 0:
                row = out[ends[part]]
                ends[part] += 1
                row.value, row.customer = value[i], customer


@kernel
def sum_orders(
    runs: Rows,
    n: int,
    slots: Numbers,
    orders: Hashes,
    who: Numbers,
    first: Numbers,
    spend: Floats,
    sums: Floats,
) -> int:
    """Join runs to orders and add them up by customer; return the number of orders so far.

    An order may come back later and on other days; only its lines that are no returns count.
    """
    mask = np.uint64(len(slots) - 1)
    for i in range(len(runs)):
        run = runs[i]
        customer = run.customer
        sums[customer, LINES] += run.lines
        sums[customer, RETURNS] += run.returns
        sums[customer, SPEND] += run.spend
        sums[customer, RETURNED] += run.returned
        sums[customer, PIECES] += run.pieces
        if run.lines == 0:
            continue
        sums[customer, FIRST] = min(sums[customer, FIRST], run.day)
        sums[customer, LAST] = max(sums[customer, LAST], run.day)
        mixed = run.order ^ (np.uint64(customer) * np.uint64(0x9E3779B97F4A7C15))
        slot = (mixed ^ (mixed >> np.uint64(29))) & mask
        while slots[slot] >= 0:
            if orders[slots[slot]] == run.order and who[slots[slot]] == customer:
                break
            slot = (slot + np.uint64(1)) & mask
        at = slots[slot]
        if at < 0:
            slots[slot] = n
            orders[n], who[n], first[n], spend[n] = run.order, customer, run.day, run.spend
            n += 1
        else:
            first[at] = min(first[at], run.day)
            spend[at] += run.spend
    return n


@kernel
def sum_window(who: Numbers, first: Numbers, spend: Floats, border: int, out: Floats) -> None:
    """Count each customer's orders, those that began at the border or later, and their money."""
    for i in range(len(who)):
        out[who[i], 0] += 1
        if first[i] >= border:
            out[who[i], 1] += 1
            out[who[i], 2] += spend[i]


@kernel
def sum_gaps(packed: Hashes, out: Floats) -> None:
    """Add up days between orders, and their squares; sorted, customer above and day below."""
    half = np.uint64(32)
    for i in range(1, len(packed)):
        customer = packed[i] >> half
        if customer == packed[i - 1] >> half:
            gap = np.float64(packed[i] - packed[i - 1])
            out[customer, 0] += gap
            out[customer, 1] += gap * gap


@kernel
def pack_pairs(pairs: Rows, bits: int, out: Hashes, at: int) -> int:
    """Pack customer and value into 64 bits each: the customer in ``bits`` of them, on top."""
    for i in range(len(pairs)):
        customer = np.uint64(pairs[i].customer) << (np.uint64(64) - bits)
        out[at + i] = customer | (pairs[i].value >> bits)
    return at + len(pairs)


@kernel
def count_different(packed: Hashes, bits: int, out: Ints) -> None:
    """Count the different values of each customer among sorted packed pairs."""
    for i in range(len(packed)):
        if i == 0 or packed[i] != packed[i - 1]:
            out[packed[i] >> (np.uint64(64) - bits)] += 1
