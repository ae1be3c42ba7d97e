"""Damaged MCAP files: what is whole is read, the rest is counted with its place, and nothing else is ever raised."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from ingest_logs import Ingest, lidar_message, static_message, transform, write_mcap
from mcap.reader import make_reader
from mcap.writer import CompressionType

from mapforge.errors import LogError, MapForgeError
from mapforge.ingest.mcap_stream import McapFile
from mapforge.ingest.quarantine import Quarantine

SWEEPS = 12


def write_log(path: Path, compression: CompressionType = CompressionType.ZSTD) -> Path:
    tree = static_message(transform("ego", "os_sensor", (1.0, 0.0, 2.0)))
    return write_mcap(path, [tree, *(lidar_message(i) for i in range(SWEEPS))], compression, 6000)


def chunk_offsets(path: Path) -> list[int]:
    with path.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None
    return [index.chunk_start_offset for index in summary.chunk_indexes]


def flip(path: Path, offset: int, mask: int = 0x10) -> None:
    raw = bytearray(path.read_bytes())
    raw[offset] ^= mask
    path.write_bytes(raw)


def test_messages_equal_those_of_the_mcap_package(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.mcap")
    with path.open("rb") as stream:
        expected = [
            (c.topic, m.log_time, m.data) for _, c, m in make_reader(stream).iter_messages(log_time_order=False)
        ]
    quarantine = Quarantine()
    got = [(m.channel.topic, m.log_time_ns, bytes(m.data)) for m in McapFile(path, 2**24).messages(quarantine)]
    assert got == expected
    assert quarantine.counts() == {}


def test_the_index_finds_the_chunks_of_a_topic(tmp_path: Path) -> None:
    file = McapFile(write_log(tmp_path / "a.mcap"), 2**24)
    assert file.topics_of("tf2_msgs/msg/TFMessage") == {"/tf_static"}
    assert file.chunks_of(frozenset({"/tf_static"})) == chunk_offsets(tmp_path / "a.mcap")[:1]


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_truncated_log_gives_what_is_whole(tmp_path: Path, ingest: Ingest, share: float) -> None:
    path = write_log(tmp_path / "a.mcap")
    offsets = chunk_offsets(path)
    cut = int(offsets[-1] * share) if share < 0.9 else offsets[-1] + 40
    path.write_bytes(path.read_bytes()[:cut])
    drive = ingest(path)
    assert 0 < len(drive.sweep_index()) < SWEEPS
    np.testing.assert_allclose(drive.calibration()["os_sensor"].ego_SE3_sensor.translation_m, [1, 0, 2])
    (reason,) = (key for key in drive.manifest.quarantined if key.startswith("log"))
    assert "cut off (first at byte" in reason


def test_a_log_without_its_end_records_is_whole_and_that_is_said(tmp_path: Path, ingest: Ingest) -> None:
    path = write_log(tmp_path / "a.mcap")
    with path.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None
    last = summary.chunk_indexes[-1]
    end = last.chunk_start_offset + last.chunk_length + last.message_index_length
    path.write_bytes(path.read_bytes()[:end])
    drive = ingest(path)
    assert len(drive.sweep_index()) == SWEEPS
    assert drive.manifest.quarantined == {f"log: file ends without an end record (first at byte {end})": 1}


@pytest.mark.parametrize("compression", list(CompressionType))
def test_a_flipped_bit_costs_its_chunk(tmp_path: Path, ingest: Ingest, compression: CompressionType) -> None:
    path = write_log(tmp_path / "a.mcap", compression)
    offsets = chunk_offsets(path)
    flip(path, (offsets[3] + offsets[4]) // 2)
    drive = ingest(path)
    assert len(offsets) >= 6
    assert 0 < SWEEPS - len(drive.sweep_index()) <= SWEEPS // len(offsets) + 1
    (reason,) = drive.manifest.quarantined
    assert reason.startswith("log: chunk ") and f"(first at byte {offsets[3]})" in reason


def test_lost_framing_is_found_again_at_the_next_chunk(tmp_path: Path, ingest: Ingest) -> None:
    path = write_log(tmp_path / "a.mcap")
    offsets = chunk_offsets(path)
    raw = bytearray(path.read_bytes())
    raw[offsets[2] + 1 : offsets[2] + 9] = struct.pack("<Q", 2**62)
    path.write_bytes(raw)
    drive = ingest(path)
    assert SWEEPS - len(drive.sweep_index()) <= 2
    assert drive.manifest.quarantined == {f"log: file damaged or cut off (first at byte {offsets[2]})": 1}


def test_the_first_chunk_is_not_needed_while_the_summary_is_whole(tmp_path: Path, ingest: Ingest) -> None:
    path = write_log(tmp_path / "a.mcap")
    offsets = chunk_offsets(path)
    flip(path, (offsets[0] + offsets[1]) // 2)
    assert len(ingest(path).sweep_index()) >= SWEEPS - 2


def test_a_chunk_that_claims_terabytes_is_not_believed(tmp_path: Path, ingest: Ingest) -> None:
    path = write_log(tmp_path / "a.mcap")
    offsets = chunk_offsets(path)
    raw = bytearray(path.read_bytes())
    raw[offsets[1] + 9 + 16 : offsets[1] + 9 + 24] = struct.pack("<Q", 2**42)
    path.write_bytes(raw)
    tracemalloc.start()
    drive = ingest(path)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    assert f"log: chunk claims {2**42} bytes (first at byte {offsets[1]})" in drive.manifest.quarantined


def test_a_log_with_nothing_usable_names_file_and_offset(tmp_path: Path, ingest: Ingest) -> None:
    path = write_log(tmp_path / "a.mcap")
    offsets = chunk_offsets(path)
    path.write_bytes(path.read_bytes()[: offsets[0] + 50])
    with pytest.raises(LogError, match=rf"a\.mcap.*byte {offsets[0]}"):
        ingest(path)
    for content, pattern in ((b"", "0 bytes"), (b"PK\x03\x04 zipped", "offset 0")):
        path.write_bytes(content)
        with pytest.raises(LogError, match=rf"a\.mcap.*{pattern}"):
            ingest(path)


@pytest.mark.parametrize("compression", list(CompressionType))
def test_random_damage_never_raises_anything_else(tmp_path: Path, compression: CompressionType) -> None:
    from mapforge.ingest.mcap import McapReader

    whole = write_log(tmp_path / "a.mcap", compression).read_bytes()
    rng = np.random.default_rng(5)
    read = []
    for trial in range(60):
        raw = bytearray(whole)
        for at in rng.integers(8, len(raw), rng.integers(1, 20)):
            raw[at] = rng.integers(0, 256)
        if trial % 3 == 0:
            raw = raw[: rng.integers(8, len(raw))]
        path = tmp_path / f"{trial}.mcap"
        path.write_bytes(raw)
        quarantine = Quarantine()
        try:
            read.append(len(list(McapReader(path, 2**24, 20.0, 0.3).records(quarantine))))
        except MapForgeError:
            read.append(0)
            continue
        assert quarantine.counts() or quarantine.notes() or read[-1] >= SWEEPS
    assert np.mean(read) > 1
