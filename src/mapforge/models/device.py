"""Which device tensors live on."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path

from mapforge.errors import ConfigurationError


def resolve_device(name: str) -> str:
    """`auto` to `cuda` where there is one, else `cpu`. Raises ConfigurationError on a device that is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigurationError(f"engine.device={name}: use auto, cpu or cuda")
    if name == "cpu":
        return name
    if has_cuda():
        return "cuda"
    if name == "cuda":
        raise ConfigurationError("engine.device=cuda, but this machine has no usable CUDA device; use auto or cpu")
    return "cpu"


@lru_cache(maxsize=1)
def has_cuda() -> bool:
    """Whether torch would find a CUDA device. Does not load torch, which takes seconds, where the answer is no."""
    if "torch" not in sys.modules and not (_torch_is_built_for_cuda() and _driver_counts_devices()):
        return False
    import torch

    return bool(torch.cuda.is_available())


def _torch_is_built_for_cuda() -> bool:
    """As torch's version file says, which can be read alone."""
    package = importlib.util.find_spec("torch")
    if package is None or package.origin is None:
        return False
    path = Path(package.origin).with_name("version.py")
    spec = importlib.util.spec_from_file_location("_torch_version", path)
    if spec is None or spec.loader is None or not path.is_file():
        return True  # not to be told from here: let torch answer
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, "cuda", None) is not None


def _driver_counts_devices() -> bool:
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
