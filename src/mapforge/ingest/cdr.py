"""ROS 2 message bytes (CDR, the plain encapsulation of the OMG's DDS-RTPS specification), read field by field."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import LogError

_SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8}


class CdrReader:
    """A cursor over one message. Every read raises LogError where the bytes end too early."""

    def __init__(self, data: memoryview) -> None:
        if len(data) < 4 or data[0] != 0 or data[1] not in (0, 1):
            raise LogError(f"no CDR message: it starts with {bytes(data[:4])!r}")
        self._order = "<" if data[1] == 1 else ">"
        self._data = data[4:]
        self._at = 0

    def number(self, code: str) -> float | int:
        """One number by its `struct` code."""
        return self.numbers(code, 1)[0]

    def integer(self, code: str) -> int:
        return int(self.numbers(code, 1)[0])

    def numbers(self, code: str, count: int) -> tuple[float | int, ...]:
        """A fixed-length array of numbers."""
        start = self._aligned(_SIZES[code], count)
        return struct.unpack_from(f"{self._order}{count}{code}", self._data, start)

    def string(self) -> str:
        length = self.integer("I")
        start = self._aligned(1, length)
        return str(self._data[start : start + length], "utf-8", "replace").rstrip("\0")

    def strings(self) -> list[str]:
        return [self.string() for _ in range(self.count(4))]

    def count(self, least_bytes: int) -> int:
        """Length of a sequence whose items take at least `least_bytes`."""
        count = self.integer("I")
        if count * least_bytes > len(self._data) - self._at:
            raise LogError(f"a sequence claims {count} items, more than the message holds")
        return count

    def array(self, code: str) -> NDArray:
        """A sequence of numbers, as a view of the message."""
        count = self.integer("I")
        if count == 0:
            return np.zeros(0, dtype=self._order + code)
        start = self._aligned(_SIZES[code], count)
        return np.frombuffer(self._data, dtype=self._order + code, count=count, offset=start)

    def stamp_ns(self) -> int:
        seconds, nanoseconds = self.integer("i"), self.integer("I")
        return seconds * 1_000_000_000 + nanoseconds

    def header(self) -> tuple[int, str]:
        """Time stamp and frame id of a std_msgs/Header."""
        return self.stamp_ns(), self.string().lstrip("/")

    def _aligned(self, size: int, count: int) -> int:
        """Moves over `count` items of `size` bytes and returns where the first starts."""
        start = self._at + (-self._at % size)
        self._at = start + size * count
        if self._at > len(self._data):
            raise LogError(f"message ends after {len(self._data)} bytes, {self._at} were announced")
        return start
