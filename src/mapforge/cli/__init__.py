"""The `mapforge` command. Heavy imports wait until a command needs them."""

import os

# numpy reads it when it is loaded: sums are the same on every machine, and few small jobs need no threads
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from mapforge.cli.app import main

__all__ = ["main"]
