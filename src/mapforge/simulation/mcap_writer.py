"""One drive as an MCAP file of ROS 2 messages; the same messages give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcap.well_known import SchemaEncoding
from mcap.writer import CompressionType, Writer
from mcap_ros2.writer import serialize_dynamic

from mapforge.io.atomic import atomic_file
from mapforge.simulation.message_definitions import definition

LIBRARY = "mapforge simulation"
_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class TimedMessage:
    """A message and when it is logged. fields: nested dicts after the message definition of `datatype`."""

    log_time_ns: int
    topic: str
    datatype: str
    fields: dict[str, Any]


class DriveLog:
    """Writes messages to an open MCAP file, one channel a topic."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._encoders: dict[str, Any] = {}
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._sequence: dict[str, int] = {}

    def write(self, message: TimedMessage) -> None:
        channel = self._channels.get(message.topic)
        if channel is None:
            channel = self._register(message.topic, message.datatype)
        sequence = self._sequence[message.topic] = self._sequence.get(message.topic, -1) + 1
        self._writer.add_message(
            channel_id=channel,
            log_time=message.log_time_ns,
            publish_time=message.log_time_ns,
            sequence=sequence,
            data=self._encoders[message.datatype](message.fields),
        )

    def _register(self, topic: str, datatype: str) -> int:
        if datatype not in self._schemas:
            text = definition(datatype)
            self._encoders[datatype] = serialize_dynamic(datatype, text)[datatype]
            self._schemas[datatype] = self._writer.register_schema(datatype, SchemaEncoding.ROS2, text.encode())
        channel = self._writer.register_channel(topic, "cdr", self._schemas[datatype])
        self._channels[topic] = channel
        return channel


@contextmanager
def open_drive_log(target: Path, tmp: Path, metadata: dict[str, str]) -> Iterator[DriveLog]:
    """A log that appears at `target`, whole, when the block ends without an error."""
    with atomic_file(target, tmp) as path, path.open("wb") as stream:
        writer = Writer(stream, chunk_size=_CHUNK_BYTES, compression=CompressionType.ZSTD)
        writer.start(profile="ros2", library=LIBRARY)
        writer.add_metadata("drive", metadata)
        yield DriveLog(writer)
        writer.finish()


def write_drive_log(target: Path, tmp: Path, metadata: dict[str, str], messages: Iterable[TimedMessage]) -> None:
    """Writes messages in the order given, which must be that of their log times."""
    with open_drive_log(target, tmp, metadata) as log:
        for message in messages:
            log.write(message)
