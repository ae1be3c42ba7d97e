"""Own processes do without pandas, and pyarrow converts as it did."""

from __future__ import annotations

import subprocess
import sys

CONVERSIONS = """
import sys
import numpy as np, pyarrow as pa, pyarrow.compute as pc
{first}
values = np.array([0.5, np.nan, 2.0])
table = pa.table({{"x": pa.array(values), "y": pa.array([1, None, 3]), "z": [["a"], [], None]}})
print(table.to_pydict(), table["x"].null_count, pc.less_equal(table["x"], 1.0).to_pylist(), table["x"].to_numpy())
print("pandas" in sys.modules, file=sys.stderr)
"""


def converted(first: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CONVERSIONS.format(first=first)], capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_conversions_are_the_same_and_pandas_stays_out() -> None:
    kept_out = "from mapforge.io.pandas_guard import keep_pandas_out; keep_pandas_out()"
    plain, guarded = converted(""), converted(kept_out)
    assert guarded[0] == plain[0]
    assert guarded[1].strip() == "False"
