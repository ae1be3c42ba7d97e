"""Keeps pandas out of processes that are MapForge's own.

pyarrow imports pandas, where it is installed, on its first conversion of a numpy array or a Python number, only to tell
its types from others. Nothing here uses pandas, and importing it costs every command and worker a second.
"""

from __future__ import annotations

import sys
import types
import warnings


def keep_pandas_out() -> None:
    """Lets pyarrow look for pandas now and find one too old to use; does nothing where pandas is loaded already.

    `Table.to_pandas` fails in this process from then on: call it where a process begins, never in a library.
    """
    if "pandas" in sys.modules:
        return
    import numpy as np
    import pyarrow as pa

    stand_in = types.ModuleType("pandas")
    vars(stand_in)["__version__"] = "0"
    sys.modules["pandas"] = stand_in
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pa.array(np.zeros(1))
            pa.array([1.0, None])
            pa.scalar(1.0)
    finally:
        del sys.modules["pandas"]
