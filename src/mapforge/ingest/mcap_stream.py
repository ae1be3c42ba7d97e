"""The MCAP container, read forward record by record: what is whole is given, what is damaged is counted.

The reader of the `mcap` package stops at the first damaged byte; a drive log that was cut off or hit by a bit flip
still holds minutes of good data. So framing is done here, after the MCAP specification (version 0): a damaged chunk
is left out, and where the framing itself is lost, the next intact chunk is searched for.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import lz4.frame
import zstandard

from mapforge.errors import LogError
from mapforge.ingest.discovery import MCAP_MAGIC
from mapforge.ingest.quarantine import Quarantine

SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END, FOOTER = 0x03, 0x04, 0x05, 0x06, 0x0F, 0x02
CHUNK_INDEX = 0x08

_RECORD = struct.Struct("<BQ")
_CHUNK_HEAD = struct.Struct("<QQQII")
_MESSAGE_HEAD = struct.Struct("<HIQQ")
_COMPRESSION_MARKS = (b"\x04\x00\x00\x00zstd", b"\x03\x00\x00\x00lz4")
_RELEASE_BYTES = 64 * 2**20
_LAST_KNOWN_OPCODE = 0x0F


@dataclass(frozen=True)
class McapChannel:
    """A topic. schema: name of its message type, e.g. sensor_msgs/msg/PointCloud2; encoding: of the message bytes."""

    topic: str
    schema: str
    encoding: str


@dataclass(frozen=True)
class McapMessage:
    """One message; data lives in the chunk it came from. offset_bytes: of the chunk or message in the file."""

    channel: McapChannel
    log_time_ns: int
    data: memoryview
    offset_bytes: int


@dataclass
class _Directory:
    """Schemas and channels by their ids, as far as met."""

    schemas: dict[int, str] = field(default_factory=dict)
    channels: dict[int, McapChannel] = field(default_factory=dict)

    def add(self, opcode: int, body: memoryview) -> None:
        """Takes in a schema or channel; a damaged one is left out, and with it what refers to it."""
        try:
            self._add(opcode, body)
        except struct.error:
            return

    def _add(self, opcode: int, body: memoryview) -> None:
        identifier = struct.unpack_from("<H", body)[0]
        if opcode == SCHEMA:
            self.schemas[identifier] = _string(body, 2)[0]
        else:
            topic, at = _string(body, 4)
            encoding, _ = _string(body, at)
            schema = self.schemas.get(struct.unpack_from("<H", body, 2)[0], "")
            self.channels[identifier] = McapChannel(topic, schema, encoding)


class McapFile:
    """An MCAP file on disk, mapped into memory, never loaded as a whole.

    max_record_bytes: a record or chunk that claims more counts as damaged. Raises LogError when the file does not
    start as an MCAP file.
    """

    def __init__(self, path: Path, max_record_bytes: int) -> None:
        self.path = path
        self._limit = max_record_bytes
        if path.stat().st_size < len(MCAP_MAGIC):
            raise LogError(f"{path}: only {path.stat().st_size} bytes long, no MCAP file; record it again")
        with path.open("rb") as stream:
            self._file = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes = memoryview(self._file)
        if self._bytes[: len(MCAP_MAGIC)] != MCAP_MAGIC:
            raise LogError(
                f"{path}: offset 0 holds {bytes(self._bytes[:8])!r}, not the MCAP magic; is it another format?"
            )

    def messages(self, quarantine: Quarantine, schemas: frozenset[str] | None = None) -> Iterator[McapMessage]:
        """Messages in the order of the file, of the named message types only when given."""
        directory = self._directory_of_summary()
        for opcode, body, offset in self._records(quarantine):
            if opcode == CHUNK:
                yield from self._chunk(body, offset, directory, quarantine, schemas)
            elif opcode in (SCHEMA, CHANNEL):
                directory.add(opcode, body)
            elif opcode == MESSAGE:
                yield from _message(body, offset, directory, quarantine, schemas)

    def chunks_of(self, topics: frozenset[str]) -> list[int] | None:
        """Offsets of the chunks that hold messages of these topics, after the file's index; None without an index."""
        directory = self._directory_of_summary()
        wanted = {identifier for identifier, channel in directory.channels.items() if channel.topic in topics}
        found = []
        for opcode, body, _ in self._summary_records():
            if opcode == CHUNK_INDEX:
                try:
                    offset, channels = _chunk_index(body)
                except struct.error:
                    return None
                if not channels:
                    return None
                if wanted & channels:
                    found.append(offset)
        return sorted(found) if directory.channels else None

    def topics_of(self, schema: str) -> frozenset[str]:
        """Topics of a message type, after the file's index (empty without one)."""
        return frozenset(c.topic for c in self._directory_of_summary().channels.values() if c.schema == schema)

    def messages_of_chunks(
        self, offsets: list[int], quarantine: Quarantine, schemas: frozenset[str]
    ) -> Iterator[McapMessage]:
        """As `messages`, from these chunks only."""
        directory = self._directory_of_summary()
        for offset in offsets:
            record = self._record_at(offset)
            if record is not None and record[0] == CHUNK:
                yield from self._chunk(record[1], offset, directory, quarantine, schemas)

    def _records(self, quarantine: Quarantine) -> Iterator[tuple[int, memoryview, int]]:
        """Top-level records up to the end of the data section: opcode, body, offset."""
        at, released = len(MCAP_MAGIC), 0
        while at < len(self._bytes):
            record = self._record_at(at)
            if record is None:
                quarantine.add("log", "file damaged or cut off", offset_bytes=at)
                following = self._next_chunk(at + 1)
                if following is None:
                    return
                at = following
                continue
            opcode, body = record
            if opcode in (DATA_END, FOOTER):
                return
            yield opcode, body, at
            at += _RECORD.size + len(body)
            released = self._release(released, at)
        quarantine.add("log", "file ends without an end record", offset_bytes=len(self._bytes))

    def _release(self, released: int, at: int) -> int:
        """Gives the pages of what has been read back, now and then, so that resident memory stays bounded."""
        passed = at // mmap.PAGESIZE * mmap.PAGESIZE
        if passed - released < _RELEASE_BYTES:
            return released
        self._file.madvise(mmap.MADV_DONTNEED, released, passed - released)
        return passed

    def _record_at(self, at: int) -> tuple[int, memoryview] | None:
        """Opcode and body, None when no whole, known record starts here."""
        if at < 0 or at + _RECORD.size > len(self._bytes):
            return None
        opcode, length = _RECORD.unpack_from(self._bytes, at)
        start = at + _RECORD.size
        known = 0 < opcode <= _LAST_KNOWN_OPCODE or opcode >= 0x80
        if not known or length > self._limit or start + length > len(self._bytes):
            return None
        return opcode, self._bytes[start : start + length]

    def _next_chunk(self, at: int) -> int | None:
        """Offset of the next chunk whose lengths agree with each other, found by its compression's name."""
        found = [self._next_chunk_with(mark, at) for mark in _COMPRESSION_MARKS]
        return min((offset for offset in found if offset is not None), default=None)

    def _next_chunk_with(self, mark: bytes, at: int) -> int | None:
        lead = _RECORD.size + _CHUNK_HEAD.size - 4
        position = self._file.find(mark, at)
        while position >= 0:
            start = position - lead
            record = self._record_at(start)
            if start >= at and record is not None and record[0] == CHUNK and _consistent(record[1], len(mark)):
                return start
            position = self._file.find(mark, position + 1)
        return None

    def _chunk(
        self,
        body: memoryview,
        offset: int,
        directory: _Directory,
        quarantine: Quarantine,
        schemas: frozenset[str] | None,
    ) -> Iterator[McapMessage]:
        data, problem = _decompress(body, self._limit)
        if problem:
            quarantine.add("log", f"chunk {problem}", offset_bytes=offset)
        at = 0
        while at + _RECORD.size <= len(data):
            opcode, length = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            if at + length > len(data):
                quarantine.add("log", "record cut off inside a chunk", offset_bytes=offset)
                return
            inner = data[at : at + length]
            at += length
            if opcode in (SCHEMA, CHANNEL):
                directory.add(opcode, inner)
            elif opcode == MESSAGE:
                yield from _message(inner, offset, directory, quarantine, schemas)

    def _directory_of_summary(self) -> _Directory:
        directory = _Directory()
        for opcode, body, _ in self._summary_records():
            if opcode in (SCHEMA, CHANNEL):
                directory.add(opcode, body)
        return directory

    def _summary_records(self) -> Iterator[tuple[int, memoryview, int]]:
        """Records of the summary section; none when the file has no whole footer."""
        footer = len(self._bytes) - len(MCAP_MAGIC) - 20 - _RECORD.size
        record = self._record_at(footer)
        if record is None or record[0] != FOOTER or self._bytes[-len(MCAP_MAGIC) :] != MCAP_MAGIC:
            return
        at = struct.unpack_from("<Q", record[1])[0]
        while 0 < at < footer:
            inner = self._record_at(at)
            if inner is None:
                return
            yield inner[0], inner[1], at
            at += _RECORD.size + len(inner[1])


def _message(
    body: memoryview, offset: int, directory: _Directory, quarantine: Quarantine, schemas: frozenset[str] | None
) -> Iterator[McapMessage]:
    if len(body) < _MESSAGE_HEAD.size:
        quarantine.add("log", "message cut off", offset_bytes=offset)
        return
    identifier, _, log_time_ns, _ = _MESSAGE_HEAD.unpack_from(body)
    channel = directory.channels.get(identifier)
    if channel is None:
        quarantine.add("log", "message of an undeclared channel", offset_bytes=offset)
    elif schemas is None or channel.schema in schemas:
        yield McapMessage(channel, log_time_ns, body[_MESSAGE_HEAD.size :], offset)


def _decompress(body: memoryview, limit: int) -> tuple[memoryview, str]:
    """A chunk's records and, when they cannot be had whole, why not."""
    nothing = memoryview(b"")
    if len(body) < _CHUNK_HEAD.size + 8:
        return nothing, "cut off"
    _, _, size, crc, name_length = _CHUNK_HEAD.unpack_from(body)
    if not _consistent(body, name_length + 4):
        return nothing, "header damaged"
    if size > limit:
        return nothing, f"claims {size} bytes"
    name = bytes(body[_CHUNK_HEAD.size : _CHUNK_HEAD.size + name_length])
    packed = body[_CHUNK_HEAD.size + name_length + 8 :]
    try:
        data = _unpack(name, packed, size)
    except (zstandard.ZstdError, RuntimeError, MemoryError, EOFError):
        return nothing, "cannot be decompressed"
    if data is None:
        return nothing, f"has unknown compression {name!r}"
    if len(data) != size:
        return nothing, "cannot be decompressed"
    if crc and zlib.crc32(data) != crc:
        return nothing, "fails its checksum"
    return memoryview(data), ""


def _unpack(name: bytes, packed: memoryview, size: int) -> bytes | memoryview | None:
    """At most `size` bytes, whatever the packed data claims of itself."""
    if name == b"":
        return packed
    if name == b"zstd":
        claimed = zstandard.get_frame_parameters(packed).content_size
        if claimed not in (size, zstandard.CONTENTSIZE_UNKNOWN):
            raise zstandard.ZstdError("another size in the frame than in the chunk")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=max(size, 1))
    if name == b"lz4":
        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(packed, max_length=size))
    return None


def _consistent(body: memoryview, name_field_bytes: int) -> bool:
    """Whether a chunk's length of records is what is left of it after its head."""
    at = _CHUNK_HEAD.size - 4 + name_field_bytes
    return at + 8 <= len(body) and struct.unpack_from("<Q", body, at)[0] == len(body) - at - 8


def _chunk_index(body: memoryview) -> tuple[int, set[int]]:
    """Offset of a chunk and the ids of the channels in it."""
    offset, length = struct.unpack_from("<16xQ8xI", body)
    entries = struct.iter_unpack("<HQ", body[36 : 36 + length])
    return offset, {channel for channel, _ in entries}


def _string(body: memoryview, at: int) -> tuple[str, int]:
    length = struct.unpack_from("<I", body, at)[0]
    return str(body[at + 4 : at + 4 + length], "utf-8", "replace"), at + 4 + length
