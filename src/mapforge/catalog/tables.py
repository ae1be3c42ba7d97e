"""The catalog's tables. Times are int64 nanoseconds since the Unix epoch."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class TileState(StrEnum):
    """A tile's life: pending -> building -> built -> valid | rejected -> published, or failed.

    `parked`: failed so often that no run takes it up before somebody unparks it.
    """

    PENDING = "pending"
    BUILDING = "building"
    BUILT = "built"
    VALID = "valid"
    REJECTED = "rejected"
    PUBLISHED = "published"
    FAILED = "failed"
    PARKED = "parked"


FINAL_STATES = (TileState.VALID, TileState.REJECTED, TileState.PUBLISHED)
"""Nothing is left to do until an input changes. A rejected tile would only be rejected again."""


class DriveState(StrEnum):
    """Whether a drive takes part. `parked`: refused so often that nobody tries; `withdrawn`: its data must go."""

    USABLE = "usable"
    REFUSED = "refused"
    PARKED = "parked"
    WITHDRAWN = "withdrawn"


class RunState(StrEnum):
    """A run's life. `interrupted`: its process died; a later run picks its tiles up."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Table(DeclarativeBase):
    """Base of all catalog tables."""

    type_annotation_map = {int: BigInteger, str: Text}  # noqa: RUF012


class Run(Table):
    """One call of the pipeline, with the settings that repeat it. renewed_ns: its last sign of life."""

    __tablename__ = "runs"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str]
    state: Mapped[str]
    started_ns: Mapped[int]
    ended_ns: Mapped[int | None]
    settings_json: Mapped[str]
    owner: Mapped[str]
    error: Mapped[str | None]
    renewed_ns: Mapped[int | None]


class Drive(Table):
    """A drive of the store, and whether it may be used.

    failures: times in a row that it was refused. fingerprint: of its newest drive elements and detections.
    """

    __tablename__ = "drives"

    drive_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    source_format: Mapped[str]
    start_ns: Mapped[int]
    end_ns: Mapped[int]
    quarantined_rows: Mapped[int]
    error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    fingerprint: Mapped[str | None]


class DriveTile(Table):
    """A drive touches a tile, counted with the drive's reach."""

    __tablename__ = "drive_tiles"

    drive_id: Mapped[str] = mapped_column(primary_key=True)
    tile: Mapped[str] = mapped_column(primary_key=True)

    __table_args__ = (Index("drive_tiles_by_tile", "tile"), {"sqlite_with_rowid": False})


class Tile(Table):
    """A tile: its state, the build that is current, and the lease of who works on it.

    recipe: hash of the settings, code and weights that the build depends on, drives left out; none = must be built
    anew. fingerprint: of the fused product. failures: attempts in a row that failed.
    """

    __tablename__ = "tiles"

    tile: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    build: Mapped[str | None]
    run_id: Mapped[str | None]
    error: Mapped[str | None]
    stage: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None]
    lease_expires_ns: Mapped[int | None]
    updated_ns: Mapped[int]
    recipe: Mapped[str | None]
    fingerprint: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")

    __table_args__ = (Index("tiles_to_plan", "state", "recipe", "tile"), Index("tiles_by_run", "run_id"))


class Build(Table):
    """One immutable tile file, and the hash of its bytes where it is known."""

    __tablename__ = "builds"

    tile: Mapped[str] = mapped_column(primary_key=True)
    build: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    run_id: Mapped[str]
    created_ns: Mapped[int]
    sha256: Mapped[str | None]


class Attempt(Table):
    """One try at one task, kept for as long as the run is."""

    __tablename__ = "attempts"

    attempt_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"))
    stage: Mapped[str]
    item: Mapped[str]
    ended_ns: Mapped[int]
    seconds: Mapped[float]
    error: Mapped[str | None]
    traceback: Mapped[str | None]

    __table_args__ = (
        Index("attempts_by_run", "run_id"),
        Index("attempts_by_item", "item", postgresql_ops={"item": "text_pattern_ops"}),
    )


class Release(Table):
    """A published set of tile builds."""

    __tablename__ = "releases"

    name: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str]
    created_ns: Mapped[int]
    current: Mapped[bool]
    manifest_sha256: Mapped[str | None]


class Lock(Table):
    """What only one may do at a time, and who does it. holder: what it calls itself; owner: its process."""

    __tablename__ = "locks"

    lock: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str | None]
    owner: Mapped[str | None]
    since_ns: Mapped[int | None]
