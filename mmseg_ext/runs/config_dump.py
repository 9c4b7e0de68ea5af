"""Reading of the config in a work dir without running it: a foreign run must not execute code here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.reading import load_text, read_json, read_yaml
from mmseg_ext.runs.config_names import DATA_SUFFIXES

MAX_CONFIG_BYTES = 10_000_000


def read_config_dump(path: str | Path, text: str | None = None) -> dict[str, Any]:
    """Read a config as mmengine writes it into a work dir: assignments of literals and of ``dict(…)``; JSON or YAML.

    Args:
        path: The file.
        text: Its content, where it comes from elsewhere; ``path`` then only names it.

    Raises:
        InputError: The file cannot be read, or holds anything else (it is then a program and not a dump).
    """
    if text is None and Path(path).suffix in DATA_SUFFIXES:
        content = read_data(path)
        if not isinstance(content, dict):
            raise InputError(path, 'is not a config written by a training', 'its settings stay unknown')
        return content
    try:
        tree = ast.parse(load_text(path, MAX_CONFIG_BYTES) if text is None else text)
        return {_target(statement): _value(statement.value) for statement in tree.body}  # type: ignore[attr-defined]
    except (OSError, SyntaxError, ValueError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise InputError(
            path, f'is not a config written by a training ({one_line(error)[:300]})', 'its settings stay unknown'
        ) from error


def read_data(path: str | Path) -> Any:
    """Read a config that is plain data, JSON or YAML.

    Raises:
        InputError: The file cannot be read.
    """
    return read_json(path) if Path(path).suffix == '.json' else read_yaml(path)


def _target(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    raise ValueError(f'line {statement.lineno} is not an assignment')


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        return _dict_call(node)
    if isinstance(node, ast.Dict):
        if None in node.keys:
            raise ValueError(f'line {node.lineno} unpacks a dictionary')
        return {
            ast.literal_eval(key): _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.List | ast.Tuple):
        items = [_value(item) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Name) and node.id in ('inf', 'nan'):  # how Python writes these numbers
        return float(node.id)
    return ast.literal_eval(node)


def _dict_call(node: ast.Call) -> dict[Any, Any]:
    """Read ``dict(key=value, …)``, or ``dict({…})`` where a key is no name."""
    mappings = all(isinstance(argument, ast.Dict) for argument in node.args) and len(node.args) <= 1
    if not isinstance(node.func, ast.Name) or node.func.id != 'dict' or not mappings:
        raise ValueError(f'line {node.lineno} calls a function')
    content: dict[Any, Any] = _value(node.args[0]) if node.args else {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise ValueError(f'line {node.lineno} unpacks a dictionary')
        content[keyword.arg] = _value(keyword.value)
    return content
