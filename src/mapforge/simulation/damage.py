"""Damaged copies of a log, as disks, radios and bad firmware leave them: to test what reads logs."""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import numpy as np
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

from mapforge.io.atomic import atomic_file

Rng = np.random.Generator


class Damage(StrEnum):
    """What happened to the log."""

    BIT_FLIPS = "bit_flips"
    """A few bits anywhere."""
    TRUNCATED = "truncated"
    """The recording stopped: the end is missing."""
    ZEROED = "zeroed"
    """A stretch of zeros, as of a lost disk block."""
    SHUFFLED = "shuffled"
    """Stretches in another order."""
    REPEATED = "repeated"
    """A stretch written twice."""
    ABSURD_VALUES = "absurd_values"
    """A whole container whose messages hold values that cannot be."""
    SCRAMBLED_TIMES = "scrambled_times"
    """A whole container whose messages carry other messages' times."""


def damage_log(source: Path, target: Path, kind: Damage, seed: int) -> None:
    """Writes a damaged copy of an MCAP file; the same seed gives the same bytes."""
    rng = np.random.default_rng([seed, list(Damage).index(kind)])
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target, target.parent / "tmp") as path:
        if kind in (Damage.ABSURD_VALUES, Damage.SCRAMBLED_TIMES):
            _rewritten(source, path, kind, rng)
        else:
            path.write_bytes(_OF_BYTES[kind](source.read_bytes(), rng))


def _bit_flips(data: bytes, rng: Rng) -> bytes:
    out = bytearray(data)
    for at in rng.integers(0, len(out), int(rng.integers(1, 40))):
        out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


def _truncated(data: bytes, rng: Rng) -> bytes:
    return data[: int(len(data) * rng.uniform(0.0, 0.999))]


def _zeroed(data: bytes, rng: Rng) -> bytes:
    low, high = _stretch(data, rng)
    return data[:low] + bytes(high - low) + data[high:]


def _shuffled(data: bytes, rng: Rng) -> bytes:
    cuts = np.sort(rng.integers(0, len(data), int(rng.integers(2, 12)))).tolist()
    parts = [data[low:high] for low, high in zip([0, *cuts], [*cuts, len(data)])]
    return b"".join(parts[k] for k in rng.permutation(len(parts)))


def _repeated(data: bytes, rng: Rng) -> bytes:
    low, high = _stretch(data, rng)
    return data[:high] + data[low:high] + data[high:]


def _stretch(data: bytes, rng: Rng) -> tuple[int, int]:
    low = int(rng.integers(0, len(data)))
    return low, min(len(data), low + int(2 ** rng.uniform(4, 18)))


_OF_BYTES: dict[Damage, Callable[[bytes, Rng], bytes]] = {
    Damage.BIT_FLIPS: _bit_flips,
    Damage.TRUNCATED: _truncated,
    Damage.ZEROED: _zeroed,
    Damage.SHUFFLED: _shuffled,
    Damage.REPEATED: _repeated,
}

_ABSURD = [
    *(struct.pack("<d", value) for value in (float("nan"), float("inf"), -1e300, 1e12, 500.0)),
    *(struct.pack("<f", value) for value in (float("nan"), float("-inf"), 3e38, -4e5)),
    *(struct.pack("<q", value) for value in (-(2**63), 2**63 - 1, -1)),
    *(struct.pack("<I", value) for value in (0, 2**31, 2**32 - 1)),
]


def _rewritten(source: Path, target: Path, kind: Damage, rng: Rng) -> None:
    """A sound container around messages that are not."""
    with source.open("rb") as stream:
        messages = list(make_reader(stream).iter_messages())
    times = [message.log_time for _, _, message in messages]
    if kind is Damage.SCRAMBLED_TIMES:
        times = [times[k] for k in rng.permutation(len(times))]
    hit = set(rng.choice(len(messages), max(1, len(messages) // 5), replace=False).tolist())
    with target.open("wb") as out:
        writer = Writer(out, compression=CompressionType.LZ4)
        writer.start("ros2")
        channels: dict[int, int] = {}
        for number, (schema, channel, message) in enumerate(messages):
            if channel.id not in channels:
                assert schema is not None
                kept = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(channel.topic, channel.message_encoding, kept)
            data = message.data
            if kind is Damage.ABSURD_VALUES and number in hit:
                data = _absurd(data, rng)
            elif kind is Damage.SCRAMBLED_TIMES and number in hit:
                data = data[:4] + struct.pack("<iI", int(rng.integers(-(2**31), 2**31)), 0) + data[12:]
            writer.add_message(channels[channel.id], times[number], data, times[number])
        writer.finish()


def _absurd(data: bytes, rng: Rng) -> bytes:
    """A few fields overwritten, more often near the start where counts, sizes and times are."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        value = _ABSURD[int(rng.integers(len(_ABSURD)))]
        reach = len(out) if rng.random() < 0.5 else min(len(out), 200)
        at = 4 * int(rng.integers(0, max(1, reach // 4)))
        out[at : at + len(value)] = value[: max(0, len(out) - at)]
    return bytes(out)
