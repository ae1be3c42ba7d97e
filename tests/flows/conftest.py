"""Flow files are scripts: they are loaded from their folder, as Prefect does."""

from __future__ import annotations

import sys
from pathlib import Path

FLOWS = Path(__file__).resolve().parents[2] / "flows"
if str(FLOWS) not in sys.path:
    sys.path.insert(0, str(FLOWS))
