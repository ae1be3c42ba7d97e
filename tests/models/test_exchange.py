from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mapforge.errors import ModelError
from mapforge.models import exchange
from mapforge.models.bev_segmenter import BevSegmenter
from mapforge.models.config import BevSegmenterConfig
from mapforge.models.exchange import BevNetwork, Exchange, SignNetwork, export_network
from mapforge.models.sign_detector import SignDetector


def tiny(name: str) -> BevNetwork | SignNetwork:
    torch.manual_seed(3)
    if name == "bev":
        return BevNetwork(BevSegmenter(BevSegmenterConfig([8, 8, 8, 8], 8)))
    return SignNetwork(SignDetector((8, 8, 16, 16), 16))


@pytest.mark.parametrize(("name", "to"), [("bev", Exchange.onnx), ("signs", Exchange.pt2)])
def test_an_exported_network_says_the_same(name: str, to: Exchange, tmp_path: Path) -> None:
    """Checked inside by another runtime, on a size it was not traced with."""
    exported = export_network(tiny(name), tmp_path / f"network.{to}", tmp_path / "tmp", to)
    assert exported.path.stat().st_size > 1000
    assert exported.difference <= exchange.TOLERANCE


def test_another_network_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = exchange._run_pt2

    def off(path: Path, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return tuple(value + 0.01 for value in plain(path, given))

    monkeypatch.setattr(exchange, "_run_pt2", off)
    with pytest.raises(ModelError, match=r"differs .* by 0\.01"):
        export_network(tiny("signs"), tmp_path / "a.pt2", tmp_path / "tmp", Exchange.pt2)
