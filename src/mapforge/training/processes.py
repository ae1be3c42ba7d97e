"""The processes of one training run: a single one, or as many as torchrun started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from mapforge.models.device import resolve_device

_PATIENCE = timedelta(hours=6)
"""Peers wait so long for the first process, which makes the data."""


@dataclass(frozen=True)
class Processes:
    """This process among its peers. rank: its number; count: of all; device: the torch device it works on."""

    rank: int
    count: int
    device: str

    @property
    def is_first(self) -> bool:
        """The one that writes files and talks."""
        return self.rank == 0

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """Each value averaged over all processes."""
        if self.count == 1 or not values:
            return values
        names = sorted(values)
        total = torch.tensor([values[name] for name in names], dtype=torch.float64, device=self._meeting_device())
        distributed.all_reduce(total)
        return dict(zip(names, (total / self.count).tolist()))

    def agree(self, flag: bool) -> bool:
        """What the first process says, for all."""
        if self.count == 1:
            return flag
        said = torch.tensor([int(flag)], device=self._meeting_device())
        distributed.broadcast(said, 0)
        return bool(said.item())

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            distributed.barrier()

    def _meeting_device(self) -> str:
        return self.device if self.device.startswith("cuda") else "cpu"


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Joins the peers that torchrun's environment names (gloo on CPUs, nccl on GPUs), and leaves them at the end.

    device: auto, cpu or cuda. Raises ConfigurationError on a device that is not there.
    """
    kind = resolve_device(device)
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(0, 1, kind)
        return
    place = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if kind == "cuda" else kind
    if kind == "cuda":
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(distributed.get_rank(), count, place)
    finally:
        distributed.destroy_process_group()
