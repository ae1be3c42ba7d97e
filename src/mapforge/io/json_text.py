"""JSON from anywhere: whatever is wrong with it ends in one kind of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mapforge.errors import ContractError


def parse_json(text: str | bytes, where: str, remedy: str) -> Any:
    """Any JSON value. Raises ContractError, ending in the remedy, on text that is none or nests without end."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # also bytes that are no text, and numbers of thousands of digits
        raise ContractError(f"{where} is no JSON that can be read: {str(error)[:200]}; {remedy}") from error


def parse_object(text: str | bytes, where: str, remedy: str) -> dict[str, Any]:
    """A JSON object. Raises ContractError when the text holds anything else."""
    value = parse_json(text, where, remedy)
    if not isinstance(value, dict):
        raise ContractError(f"{where} holds no JSON object but {str(value)[:40]!r}; {remedy}")
    return value


def read_object(path: Path, remedy: str) -> dict[str, Any]:
    """The JSON object of a file. Raises FileNotFoundError and ContractError."""
    return parse_object(path.read_bytes(), str(path), remedy)
