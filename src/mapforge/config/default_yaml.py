"""conf/<group>/default.yaml, written from the dataclasses: every setting with its default and what it means."""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from mapforge.config.tree import GROUPS, Settings


def write_default_conf(folder: Path) -> None:
    """Writes conf/<group>/default.yaml of every group (`python -m mapforge.config conf`)."""
    for group in GROUPS:
        (folder / group).mkdir(parents=True, exist_ok=True)
        (folder / group / "default.yaml").write_text(default_yaml(group), encoding="utf-8")


def default_yaml(group: str) -> str:
    """The text of conf/<group>/default.yaml: every setting of a group with its default and what it means."""
    kind = typing.get_type_hints(Settings)[group]
    return "# Defaults, kept equal to the dataclass by a test. Copy to a new name for a variant.\n" + "".join(
        _yaml_lines(kind(), 0)
    )


def _yaml_lines(value: Any, indent: int) -> Iterator[str]:
    pad = "  " * indent
    comments = _field_comments(type(value))
    for entry in fields(value):
        inner = getattr(value, entry.name)
        for line in comments.get(entry.name, ()):
            yield f"{pad}# {line}\n"
        if is_dataclass(inner):
            yield f"{pad}{entry.name}:\n"
            yield from _yaml_lines(inner, indent + 1)
        else:
            plain = inner.name if isinstance(inner, Enum) else inner
            text = yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
            yield f"{pad}{entry.name}: {text}\n"


def _field_comments(kind: type) -> dict[str, list[str]]:
    """The one-line docstrings under the fields of a dataclass, read from its source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    comments: dict[str, list[str]] = {}
    for entry, following in zip(body.body, body.body[1:]):
        if (
            isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            comments[entry.target.id] = [line.strip() for line in str(following.value.value).splitlines()]
    return comments
