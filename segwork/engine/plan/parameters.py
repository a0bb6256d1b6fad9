"""The parameter contract of a notebook: typed, strict, checked before a kernel starts.

The schema is the one code cell tagged ``parameters``: literal assignments whose type is the
annotation, or the type of the default. The command line is parsed by that type, never guessed.
"""

from __future__ import annotations

import ast
import difflib
import io
import json
import math
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Optional, Union, get_args, get_origin

from segwork.engine.plan.notebooks import Cell, Notebook
from segwork.errors import UsageError

_ALLOWED_IMPORTS = {"datetime", "pathlib", "typing"}
_MISSING = object()
Kind = Any  # a type, or a form of typing such as list[int] | None
_TYPES: dict[str, Kind] = {
    **{kind.__name__: kind for kind in (bool, int, float, str, list, dict, date, Path)},
    "Literal": Literal,
    "Optional": Optional,
    "Union": Union,
    "Any": Any,
}
_WRITTEN: dict[Kind, str] = {
    int: r"[+-]?(0|[1-9]\d*)",
    float: r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?",
    bool: r"(?i)true|false",
    type(None): r"(?i)none|null",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    Parameters
    ----------
    name : str
    kind : str
        Its type as text, such as ``list[str] | None``: the annotation, else that of the default.
    default, literal : any
        The default as that type, and as it is written.
    help : str
        The comment beside it.
    annotated : bool
        Whether the type is written down.
    """

    name: str
    kind: str
    default: object
    literal: object
    help: str = ""
    annotated: bool = False


def schema(notebook: Notebook) -> dict[str, Parameter]:
    """Return the parameters a notebook declares, by name; empty where no cell is tagged.

    Raises
    ------
    UsageError
        Two cells are tagged, a value is derived, or a name is assigned twice or again later.
    """
    tagged = [cell for cell in notebook.code if "parameters" in cell.tags]
    if not tagged:
        return {}
    if len(tagged) > 1:
        places = " and ".join(str(cell.index) for cell in tagged)
        raise UsageError(
            f"cells {places} of {notebook.name} are both tagged 'parameters'",
            accepted="exactly one tagged cell",
        )
    cell = tagged[0]
    if cell.tree is None:
        raise UsageError(f"the parameters cell of {notebook.name} is not Python")
    found: dict[str, Parameter] = {}
    for statement in cell.tree.body:
        parameter = _declared(statement, cell, notebook.name)
        if parameter is None:
            continue
        if parameter.name in found:
            raise UsageError(f"parameter '{parameter.name}' of {notebook.name} is assigned twice")
        found[parameter.name] = parameter
    _not_assigned_again(notebook, cell, found)
    return found


def values(
    notebook: Notebook,
    *,
    config: Mapping[str, object],
    command_line: Mapping[str, str],
    injected: Mapping[str, object],
) -> dict[str, object]:
    """Return the value of every parameter: default < config < command line; typed.

    Parameters
    ----------
    notebook : Notebook
    config : mapping
        Values of the config's ``[parameters.<notebook>]``, already typed by TOML.
    command_line : mapping of str to str
        Text of ``-p notebook.name=text``.
    injected : mapping
        Values the engine gives to every notebook that declares them.

    Raises
    ------
    UsageError
        A name is unknown or a value is not of the declared type.
    """
    known = schema(notebook)
    for name in (*config, *command_line):
        if name in injected:
            raise UsageError(f"'{name}' of {notebook.name} cannot be set", accepted=f"--{name}")
        if name not in known:
            error = UsageError.unknown("parameter", name, known, where=notebook.name)
            if not known:
                error = UsageError(
                    f"{notebook.name} has no cell tagged 'parameters', so '{name}' cannot be set"
                )
            raise error
    ready = {name: parameter.default for name, parameter in known.items()}
    ready |= {name: value for name, value in injected.items() if name in known}
    ready |= {name: _typed(known[name], value, notebook.name) for name, value in config.items()}
    for name, text in command_line.items():
        ready[name] = _parsed(known[name], text, notebook.name)
    return ready


def refuse_below_zero(notebook: Notebook, given: Mapping[str, object]) -> None:
    """Refuse a number below zero where the default is none: counts, days, shares are not.

    Raises
    ------
    UsageError
    """
    for name, parameter in schema(notebook).items():
        value = given.get(name)
        numbers = isinstance(value, int | float) and isinstance(parameter.default, int | float)
        if numbers and value < 0 <= parameter.default:
            raise UsageError(
                f"parameter '{name}' of {notebook.name} is {value}", accepted="0 or more"
            )


def assignments(texts: Iterable[str], names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Split ``notebook.name=value`` texts; a notebook may be named by its number alone.

    Raises
    ------
    UsageError
        A text has another form, names no notebook, or sets the same parameter again.
    """
    names = list(names)
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        notebook, dot, name = target.rpartition(".")
        if not (equals and dot and notebook and name):
            raise UsageError(f"-p {text} is no assignment", accepted="-p notebook.name=value")
        full = notebook_named(notebook, names)
        if name in found.setdefault(full, {}):
            raise UsageError(f"parameter '{full}.{name}' is given twice on the command line")
        found[full][name] = value
    return found


def notebook_named(short: str, names: Iterable[str]) -> str:
    """Return the notebook of that name or number."""
    names = list(names)
    if short in names:
        return short
    matches = [name for name in names if name.split("_")[0] == short]
    if len(matches) != 1:
        raise UsageError.unknown("notebook", short, names, where="the notebooks folder")
    return matches[0]


def code_of(value: object) -> str:
    """Write a value as Python source that builds exactly that value.

    Examples
    --------
    >>> code_of({"k": [1, 2.5, None]}), code_of(date(2011, 12, 10))
    ("{'k': [1, 2.5, None]}", "__import__('datetime').date(2011, 12, 10)")
    """
    if isinstance(value, date):
        return f"__import__('datetime').date({value.year}, {value.month}, {value.day})"
    if isinstance(value, Path):
        return f"__import__('pathlib').Path({value.as_posix()!r})"
    return repr(value)


def plain(value: object) -> object:
    """Return the value as JSON can hold it: dates and paths as text."""
    return (
        value.isoformat()
        if isinstance(value, date)
        else (value.as_posix() if isinstance(value, Path) else value)
    )


def _declared(statement: ast.stmt, cell: Cell, where: str) -> Parameter | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return None
    if isinstance(statement, ast.Import | ast.ImportFrom):
        module = getattr(statement, "module", None) or statement.names[0].name
        if module in _ALLOWED_IMPORTS:
            return None
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, annotation = [statement.target], ast.unparse(statement.annotation)
    elif isinstance(statement, ast.Assign):
        targets, annotation = statement.targets, ""
    else:
        raise _not_literal(statement, cell, where)
    if len(targets) != 1 or not isinstance(targets[0], ast.Name):
        raise _not_literal(statement, cell, where)
    name, default = targets[0].id, _literal(statement.value)
    if default is _MISSING:
        raise _not_literal(statement, cell, where)
    kind = annotation or ("Any" if default is None else type(default).__name__)
    if _kind(kind) is _MISSING:
        raise UsageError(
            f"parameter '{name}' of {where} has type {kind}",
            accepted="bool, int, float, str, date, Path, list[…], dict[…], Literal, | None",
        )
    said = _comment(cell, statement)
    parameter = Parameter(name, kind, default, default, said, annotated=bool(annotation))
    return replace(parameter, default=_typed(parameter, default, where))


def _comment(cell: Cell, statement: ast.stmt) -> str:
    tokens = tokenize.generate_tokens(io.StringIO(cell.python).readline)
    lines = range(statement.lineno, (statement.end_lineno or 0) + 1)
    found = (t.string for t in tokens if t.type == tokenize.COMMENT and t.start[0] in lines)
    return next(found, "").lstrip("# ")


def _not_literal(statement: ast.stmt, cell: Cell, where: str) -> UsageError:
    line = ast.unparse(statement).splitlines()[0]
    return UsageError(
        f"'{line}' in the parameters cell ({cell.index}) of {where} is not a literal assignment",
        accepted="name: type = literal",
        hint="compute derived values in a later cell, or they keep the default's value",
    )


def _literal(node: ast.expr) -> object:
    if isinstance(node, ast.Call) and not node.keywords:
        name = ast.unparse(node.func).rpartition(".")[2]
        arguments = [_literal(argument) for argument in node.args]
        if name in ("date", "Path") and _MISSING not in arguments:
            return {"date": date, "Path": Path}[name](*arguments)
        return _MISSING
    try:
        value = ast.literal_eval(node)
        json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, SyntaxError):
        return _MISSING
    return _MISSING if isinstance(value, tuple) else value


def _not_assigned_again(notebook: Notebook, own: Cell, known: Mapping[str, Parameter]) -> None:
    for cell in notebook.code:
        for statement in cell.tree.body if cell.tree and cell is not own else ():
            targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name) and target.id in known:
                    raise UsageError(
                        f"cell {cell.index} of {notebook.name} assigns parameter '{target.id}'"
                        " again, so a value from outside would be lost",
                        accepted="another name in that cell",
                    )


def _kind(text: str) -> Kind:
    """Return the type an annotation means, or _MISSING where it is none of ours."""
    try:
        return _meant(ast.parse(text.strip("'\""), mode="eval").body)
    except (SyntaxError, KeyError, TypeError, ValueError):
        return _MISSING


def _meant(node: ast.expr) -> Kind:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Union[_meant(node.left), _meant(node.right)]  # noqa: UP007  (built, not written)
    if isinstance(node, ast.Subscript):
        outer, inner = _meant(node.value), node.slice
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if outer is Literal:
            return Literal[tuple(ast.literal_eval(part) for part in parts)]
        return outer[tuple(map(_meant, parts)) if len(parts) > 1 else _meant(parts[0])]
    if isinstance(node, ast.Constant) and node.value is None:
        return type(None)
    return _TYPES[ast.unparse(node)]


def _typed(parameter: Parameter, value: object, where: str) -> object:
    fitted = _fit(_kind(parameter.kind), value)
    if fitted is _MISSING:
        raise _wrong(parameter, value, where)
    return fitted


def _parsed(parameter: Parameter, text: str, where: str) -> object:
    """Read command-line text by the declared type; nothing is guessed."""
    value = _read(_kind(parameter.kind), text)
    if value is _MISSING:
        raise _wrong(parameter, text, where)
    return value


def _wrong(parameter: Parameter, value: object, where: str) -> UsageError:
    words = [str(one) for one in get_args(_kind(parameter.kind)) if isinstance(one, str) and one]
    near = difflib.get_close_matches(str(value), words, n=1, cutoff=0.6)
    return UsageError(
        f"parameter '{parameter.name}' of {where} is {value!r}",
        accepted=parameter.kind,
        hint=f"did you mean '{near[0]}'?" if near else "",
    )


def _fit(kind: Kind, value: object) -> object:
    """Return the value as that type, or _MISSING where it is none; 3 fits float, True no int."""
    base, inner = get_origin(kind) or kind, get_args(kind)
    if base in (Union, UnionType):
        return next((v for k in inner if (v := _fit(k, value)) is not _MISSING), _MISSING)
    if base is Literal:
        return value if any(value == o and type(value) is type(o) for o in inner) else _MISSING
    if base is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if base is list and isinstance(value, list):
        return _each(inner[0] if inner else Any, value)
    if base is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        fitted = _each(inner[1] if inner else Any, list(value.values()))
        return fitted if fitted is _MISSING else dict(zip(value, fitted, strict=True))
    if base is Path and isinstance(value, str | Path):
        return Path(value)
    if base is date and isinstance(value, str):
        return _date(value)
    exact = type(value) is base and base not in (float, dict)
    return value if exact or base is Any else _MISSING


def _each(kind: Kind, items: list[object]) -> object:
    fitted = [_fit(kind, item) for item in items]
    return _MISSING if any(item is _MISSING for item in fitted) else fitted


def _date(text: str) -> object:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return _MISSING


def _read(kind: Kind, text: str) -> object:
    base, inner = get_origin(kind) or kind, get_args(kind)
    if base in (Union, UnionType):  # None first: "none" is a text too
        options = sorted(inner, key=lambda option: option is not type(None))
        read = (_fit(kind, v) for k in options if (v := _read(k, text)) is not _MISSING)
        return next((value for value in read if value is not _MISSING), _MISSING)
    if base is Literal:
        return next((option for option in inner if str(option) == text), _MISSING)
    if base in _WRITTEN and not re.fullmatch(_WRITTEN[base], text):
        return _MISSING
    if base in (int, float):
        return _fit(base, base(text))
    if base is bool:
        return text.lower() == "true"
    if base is type(None):
        return None
    if base in (list, dict, Any):
        try:
            text = json.loads(text, parse_constant=int)  # int("NaN") raises: finite values only
        except ValueError:
            return _MISSING
    return _fit(kind, text)
