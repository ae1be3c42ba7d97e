"""Checks a table against its contract."""

from __future__ import annotations

import pyarrow as pa

from mapforge.errors import ContractError


def check_table(table: pa.Table, schema: pa.Schema, where: str) -> None:
    """Raises ContractError naming every missing, unexpected or mistyped column of `table`."""
    actual = {field.name: field.type for field in table.schema}
    expected = {field.name: field.type for field in schema}
    problems = [f"missing column '{name}'" for name in expected if name not in actual]
    problems += [f"unexpected column '{name}'" for name in actual if name not in expected]
    problems += [
        f"column '{name}' is {actual[name]}, not {kind}"
        for name, kind in expected.items()
        if name in actual and actual[name] != kind
    ]
    if problems:
        raise ContractError(f"{where}: {'; '.join(problems)}. Write it again with this version of MapForge")
