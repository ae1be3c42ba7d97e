"""Fingerprints change with what was put in, and with nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file


@dataclass
class Settings:
    reach_m: float = 20.0


class Kind(Enum):
    FAST = "fast"


def test_named_inputs_have_no_order() -> None:
    assert fingerprint_of(a=1, b=Settings()) == fingerprint_of(b=Settings(), a=1)
    assert fingerprint_of(a={"x": 1, "y": 2}) == fingerprint_of(a={"y": 2, "x": 1})
    assert fingerprint_of(a={3, 1, 2}) == fingerprint_of(a=[1, 2, 3])
    assert fingerprint_of(a=Kind.FAST) == fingerprint_of(a="fast")


def test_every_change_shows() -> None:
    values: list[object] = [1, 2, "1", [1], Settings(), Settings(20.1)]
    variants: list[dict[str, object]] = [{"b": 1}, *({"a": value} for value in values)]
    assert len({fingerprint_of(**variant) for variant in variants}) == len(variants)


def test_what_has_no_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        fingerprint_of(a=object())


def test_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert sha256_of_file(tmp_path / "a") == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_code_versions() -> None:
    assert code_version("mapforge.geometry", "mapforge.schemas") == code_version(
        "mapforge.schemas", "mapforge.geometry"
    )
    assert code_version("mapforge.geometry") != code_version("mapforge.geometry.se3")
