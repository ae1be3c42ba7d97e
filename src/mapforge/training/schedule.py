"""How fast a run learns at each step."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """steps: of the optimiser in all; the rate rises over the warm-up to its peak, then falls as a cosine to a
    hundredth. weight_decay: of AdamW. ema_decay: of the weights' moving average."""

    steps: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    ema_decay: float

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        share = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
