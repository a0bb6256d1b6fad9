"""The parameter contract of a notebook: typed, strict, checked before a kernel starts.

The schema is the one code cell tagged ``parameters``: literal assignments whose type is the
annotation, or the type of the default. The command line is parsed by that type, never guessed.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from segwork.engine.notebooks import Cell, Notebook
from segwork.errors import UsageError

SIMPLE = {"bool", "int", "float", "str", "date", "Path", "list", "dict", "None", "Any"}
_ALLOWED_IMPORTS = {"datetime", "pathlib", "typing"}
_MISSING = object()


@dataclass(frozen=True)
class Parameter:
    """One parameter; ``kind`` is its annotation as text, such as ``list[str] | None``."""

    name: str
    kind: str
    default: Any
    help: str = ""


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
    config: Mapping[str, Any],
    command_line: Mapping[str, str],
    injected: Mapping[str, Any],
) -> dict[str, Any]:
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
        ready[name] = _typed(known[name], _parsed(known[name], text, notebook.name), notebook.name)
    return ready


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


def code_of(value: Any) -> str:
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


def plain(value: Any) -> Any:
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
    comment = cell.source.splitlines()[statement.end_lineno - 1].partition("#")[2].strip()
    kind = annotation or ("Any" if default is None else type(default).__name__)
    parameter = Parameter(name, kind, default, comment)
    _check_kind(parameter, where)
    return Parameter(name, kind, _typed(parameter, default, where), comment)


def _not_literal(statement: ast.stmt, cell: Cell, where: str) -> UsageError:
    line = ast.unparse(statement).splitlines()[0]
    return UsageError(
        f"'{line}' in the parameters cell ({cell.index}) of {where} is not a literal assignment",
        accepted="name: type = literal",
        hint="compute derived values in a later cell, or they keep the default's value",
    )


def _literal(node: ast.expr) -> Any:
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


def _alternatives(kind: str) -> list[tuple[str, list[str]]]:
    """Split ``list[int] | None`` into [("list", ["int"]), ("None", [])]."""
    tree = ast.parse(kind.strip("'\""), mode="eval").body

    def walk(node: ast.expr) -> list[tuple[str, list[str]]]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return walk(node.left) + walk(node.right)
        if isinstance(node, ast.Subscript):
            base = ast.unparse(node.value).rpartition(".")[2]
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if base == "Optional":
                return [*walk(inner[0]), ("None", [])]
            return [(base, [ast.unparse(part) for part in inner])]
        return [(ast.unparse(node).rpartition(".")[2], [])]

    return walk(tree)


def _check_kind(parameter: Parameter, where: str) -> None:
    for base, inner in _alternatives(parameter.kind):
        known = base in SIMPLE | {"Literal"}
        if base in ("list", "dict"):
            known = all(name in SIMPLE for part in inner for name, _ in _alternatives(part))
        if not known:
            raise UsageError(
                f"parameter '{parameter.name}' of {where} has type {parameter.kind}",
                accepted="bool, int, float, str, date, Path, list[…], dict[…], Literal, | None",
            )


def _typed(parameter: Parameter, value: Any, where: str) -> Any:
    for base, inner in _alternatives(parameter.kind):
        fitted = _fit(base, inner, value)
        if fitted is not _MISSING:
            return fitted
    raise _wrong(parameter, value, where)


def _wrong(parameter: Parameter, value: Any, where: str) -> UsageError:
    return UsageError(
        f"parameter '{parameter.name}' of {where} is {value!r}", accepted=parameter.kind
    )


def _fit(base: str, inner: list[str], value: Any) -> Any:
    """Return the value as that type, or _MISSING where it is none; 3 fits float, True no int."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if base == "Literal":
        options = [repr(ast.literal_eval(part)) for part in inner]
        return value if repr(value) in options else _MISSING
    if base == "float" and number and math.isfinite(value):
        return float(value)
    if base == "list" and isinstance(value, list):
        return _all(value, inner[:1], list)
    if base == "dict" and isinstance(value, dict) and all(isinstance(k, str) for k in value):
        fitted = _all(list(value.values()), inner[1:], list)
        return fitted if fitted is _MISSING else dict(zip(value, fitted, strict=True))
    if base == "date" and isinstance(value, str):
        return _date(value)
    if base == "Path" and isinstance(value, str):
        return Path(value)
    exact = {"bool": bool, "int": int, "str": str, "date": date, "Path": Path, "None": type(None)}
    if base in exact and type(value) in (exact[base], type(Path()) if base == "Path" else None):
        return value
    return value if base == "Any" else _MISSING


def _all(items: list[Any], kinds: list[str], container: type) -> Any:
    if not kinds:
        return container(items)
    fitted = [
        next(
            (v for b, i in _alternatives(kinds[0]) if (v := _fit(b, i, item)) is not _MISSING),
            _MISSING,
        )
        for item in items
    ]
    return _MISSING if any(item is _MISSING for item in fitted) else container(fitted)


def _date(text: str) -> Any:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return _MISSING


def _parsed(parameter: Parameter, text: str, where: str) -> Any:
    """Read command-line text by the declared type; nothing is guessed."""
    for base, inner in sorted(_alternatives(parameter.kind), key=lambda one: one[0] != "None"):
        value = _read(base, inner, text)
        if value is not _MISSING:
            return value
    raise _wrong(parameter, text, where)


def _read(base: str, inner: list[str], text: str) -> Any:
    if base == "int":
        return int(text) if re.fullmatch(r"[+-]?(0|[1-9]\d*)", text) else _MISSING
    if base == "float":
        number = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
        return float(text) if re.fullmatch(number, text) else _MISSING
    if base == "bool":
        return {"true": True, "false": False}.get(text.lower(), _MISSING)
    if base == "None":
        return None if text.lower() in ("none", "null") else _MISSING
    if base in ("list", "dict", "Any"):
        try:
            return json.loads(text, parse_constant=int)  # int("NaN") raises: finite values only
        except ValueError:
            return _MISSING
    if base == "Literal":
        options = [ast.literal_eval(part) for part in inner]
        return next((option for option in options if str(option) == text), _MISSING)
    return text
