"""The networks for other runtimes: torch.export programs (.pt2) and ONNX, each checked against the original."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from mapforge.errors import MissingInputError, ModelError
from mapforge.io.atomic import atomic_file
from mapforge.models.bev_segmenter import HEAD_SIZES, REACH_CELLS, STRIDE_CELLS, BevSegmenter, load_bev_segmenter
from mapforge.models.normalisation import CAMERA_INPUTS, FINE_CELLS, FINE_INPUTS, features_of
from mapforge.models.sign_detector import STRIDES_PX, SignDetector, read_sign_detector

TOLERANCE = 1e-3
"""Largest difference of any output, in single precision, for an export to count as the same network."""


class Exchange(StrEnum):
    """Formats other runtimes read."""

    onnx = "onnx"
    pt2 = "pt2"


class BevNetwork(nn.Module):
    """Raster channels in, probabilities and line geometry out: normalisation included."""

    inputs = ("lidar", "camera")
    outputs = tuple(HEAD_SIZES)

    def __init__(self, model: BevSegmenter) -> None:
        super().__init__()
        self.model = model

    def forward(self, lidar: Tensor, camera: Tensor) -> tuple[Tensor, ...]:
        """lidar: (B, 6, 2H, 2W), camera: (B, 4, 2H, 2W) float32, channels as in models.normalisation, camera zeros
        where there is none. Returns the heads in the order of HEAD_SIZES, (B, C, H, W); class, type, colour and curb
        logits become probabilities."""
        heads = self.model(features_of(lidar, camera))
        heads["classes"], heads["curb"] = torch.sigmoid(heads["classes"]), torch.sigmoid(heads["curb"])
        for name in ("marking_type", "colour"):
            heads[name] = torch.softmax(heads[name], dim=1)
        return tuple(heads[name] for name in HEAD_SIZES)

    def example(self) -> tuple[Tensor, ...]:
        """A random input of the smallest useful size."""
        edge = FINE_CELLS * (2 * REACH_CELLS + 8 * STRIDE_CELLS)
        noise = torch.Generator().manual_seed(0)
        lidar = torch.rand(2, len(FINE_INPUTS), edge, edge, generator=noise)
        lidar[:, 0] = torch.poisson(2 * lidar[:, 0], generator=noise)
        return lidar, 255 * torch.rand(2, len(CAMERA_INPUTS), edge, edge, generator=noise)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Any batch, any edge that is a multiple of the stride."""
        batch, rows, columns = Dim("batch", max=64), Dim("rows", min=4, max=512), Dim("columns", min=4, max=512)
        stride = FINE_CELLS * STRIDE_CELLS
        shape = {0: batch, 2: stride * rows, 3: stride * columns}
        return shape, dict(shape)


class SignNetwork(nn.Module):
    """Pictures in, head outputs of every place at strides 4, 8 and 16 out; boxes are decoded by the caller (FCOS)."""

    inputs = ("images",)
    outputs = ("class_logits", "sides", "centreness")

    def __init__(self, model: SignDetector) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """images: (B, 3, H, W) float32 0..1, edges multiples of 16. Returns (B, places, classes) logits, (B, places,
        4) sides left, top, right, bottom in strides, (B, places, 1) centre-ness logits; places row by row, stride by
        stride."""
        heads = self.head(list(self.backbone((images - 0.45) / 0.25).values()))
        return heads["cls_logits"], heads["bbox_regression"], heads["bbox_ctrness"]

    def example(self) -> tuple[Tensor, ...]:
        return (torch.rand(2, 3, 192, 256, generator=torch.Generator().manual_seed(0)),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Any batch, any edge that is a multiple of the widest stride."""
        batch, rows, columns = Dim("batch", max=64), Dim("rows", min=4, max=256), Dim("columns", min=4, max=256)
        return ({0: batch, 2: STRIDES_PX[-1] * rows, 3: STRIDES_PX[-1] * columns},)


def load_network(name: str, weights: Path) -> BevNetwork | SignNetwork:
    """The exportable network `bev` or `signs` with its weights. Raises MissingInputError or ModelError."""
    if name == "signs":
        return SignNetwork(read_sign_detector(weights).to(memory_format=torch.contiguous_format))
    return BevNetwork(load_bev_segmenter(weights, "cpu").to(memory_format=torch.contiguous_format))


@dataclass(frozen=True)
class Exported:
    """A written file and the largest difference of its outputs to the original's."""

    path: Path
    difference: float


def export_network(network: BevNetwork | SignNetwork, target: Path, tmp: Path, to: Exchange) -> Exported:
    """Writes `target` and runs it beside the original on inputs of another size than it was traced with.

    Raises ModelError when outputs differ by more than TOLERANCE, MissingInputError when onnx or onnxruntime is not
    installed.
    """
    network = network.eval()
    with torch.no_grad():
        program = torch.export.export(network, network.example(), dynamic_shapes=network.dynamic_shapes())
    with atomic_file(target, tmp) as path:
        if to is Exchange.pt2:
            torch.export.save(program, path)
        else:
            _write_onnx(program, network, path)
    given = _other_size(network.example())
    with torch.no_grad():
        expected = network(*given)
    found = _run_pt2(target, given) if to is Exchange.pt2 else _run_onnx(target, network, given)
    difference = max(float((a - b).abs().max()) for a, b in zip(expected, found))
    if not difference <= TOLERANCE:
        raise ModelError(f"{target} differs from the network it was made of by {difference:.2g}: do not use it")
    return Exported(target, difference)


def _other_size(example: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One sample, two strides shorter along its rows."""
    return tuple(tensor[:1, :, : -2 * FINE_CELLS * STRIDE_CELLS].contiguous() for tensor in example)


def _write_onnx(program: Any, network: BevNetwork | SignNetwork, path: Path) -> None:
    try:
        import onnxscript  # noqa: F401 - what torch.onnx needs
    except ImportError as error:
        raise MissingInputError("ONNX export needs the extra `training`: pip install 'mapforge[training]'") from error
    made = torch.onnx.export(
        program, input_names=list(network.inputs), output_names=list(network.outputs), verbose=False
    )
    assert made is not None
    made.save(str(path), external_data=False)


def _run_pt2(path: Path, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return tuple(torch.export.load(path).module()(*given))


def _run_onnx(path: Path, network: BevNetwork | SignNetwork, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingInputError("checking ONNX needs the extra `training`: pip install 'mapforge[training]'") from error
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {name: tensor.numpy() for name, tensor in zip(network.inputs, given)}
    return tuple(torch.from_numpy(values) for values in session.run(list(network.outputs), feed))
