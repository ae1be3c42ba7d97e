"""Stamps: proof that a stage is done with an item, with the parts that decided it, so that a plan can say why."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mapforge.io import mirror
from mapforge.io.fingerprint import fingerprint_of, sha256_of_file
from mapforge.io.workspace import Workspace


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a product, by name: hashes of inputs, weights and code; settings as JSON."""

    parts: Mapping[str, str]

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(parts=dict(self.parts))


@dataclass(frozen=True)
class StoredOutput:
    """One file a job left. name: relative to the workspace."""

    name: str
    size_bytes: int
    modified_ns: int
    sha256: str

    @property
    def is_named_well(self) -> bool:
        """Whether it lies in the workspace: what a stamp names may be deleted."""
        name = self.name
        if not isinstance(name, str) or not name or "\0" in name or not isinstance(self.size_bytes, int):
            return False
        return not Path(name).is_absolute() and ".." not in Path(name).parts

    @classmethod
    def of(cls, path: Path, workspace: Workspace) -> StoredOutput:
        status = path.stat()
        name = workspace.name_of(path)
        return cls(name, status.st_size, status.st_mtime_ns, sha256_of_file(path))

    def is_whole(self, workspace: Workspace, verify_fully: bool = False) -> bool:
        """Whether the file is what it was: by size and time, by sha256 where the time differs or when asked to.

        In a remote workspace: by size, by sha256 when asked to; what is fetched is compared by sha256 in any case.
        """
        store = workspace.store
        if store is None:
            return self.is_whole_here(workspace, verify_fully)
        return store.has_size(self.name, self.size_bytes) and not (
            verify_fully and store.sha256(self.name) != self.sha256
        )

    def is_whole_here(self, workspace: Workspace, verify_fully: bool = False) -> bool:
        """The same of the file, or the copy, on this machine."""
        path = workspace.root / self.name
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        if status.st_size != self.size_bytes:
            return False
        if status.st_mtime_ns == self.modified_ns and not verify_fully:
            return True
        return sha256_of_file(path) == self.sha256


@dataclass(frozen=True)
class Stamp:
    """What an item was made of and what it left. notes: on its outputs, so that a plan need not read them."""

    parts: Mapping[str, str]
    outputs: tuple[StoredOutput, ...]
    notes: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        return Recipe(self.parts).fingerprint

    def paths(self, workspace: Workspace) -> tuple[Path, ...]:
        return tuple(workspace.root / output.name for output in self.outputs)

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        outputs: Iterable[Path],
        workspace: Workspace,
        notes: Mapping[str, Any] | None = None,
        known: Mapping[str, StoredOutput] | None = None,
    ) -> Stamp:
        """For outputs that are there. known: by name, those that need not be looked at."""
        found = known or {}
        stored = (found.get(workspace.name_of(path)) or StoredOutput.of(path, workspace) for path in sorted(outputs))
        return cls(recipe.parts, tuple(stored), notes or {})

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Stamp | None:
        """None when it is none, or torn."""
        try:
            outputs = tuple(StoredOutput(*entry) for entry in raw["outputs"])
            stamp = cls(dict(raw["parts"]), outputs, dict(raw["notes"]))
        except (KeyError, TypeError, ValueError):
            return None
        return stamp if all(output.is_named_well for output in outputs) else None

    def as_dict(self) -> dict[str, Any]:
        entries = [[o.name, o.size_bytes, o.modified_ns, o.sha256] for o in self.outputs]
        return {"parts": dict(self.parts), "outputs": entries, "notes": dict(self.notes)}

    def damaged(self, workspace: Workspace, verify_fully: bool = False) -> str | None:
        """Name of the first output that is missing or not what it was."""
        broken = (output.name for output in self.outputs if not output.is_whole(workspace, verify_fully))
        return next(broken, None)


@dataclass(frozen=True)
class Failure:
    """How an item of a stage failed. count: times in a row with the same parts."""

    stage: str
    item: str
    parts: Mapping[str, str]
    kind: str
    message: str
    traceback: str
    run_id: str
    count: int = 1


class Ledger:
    """The stamps and failures of one workspace.

    A stamp that a power cut tore counts as none and its item is done again, so stamps are not flushed to the disk:
    that keeps thousands of them cheap. In a remote workspace a stamp goes to the store when its outputs are there.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def stamp(self, stage: str, item: str) -> Stamp | None:
        return Stamp.from_dict(_read(self._path(stage, item)))

    def write(
        self,
        stage: str,
        item: str,
        recipe: Recipe,
        outputs: Iterable[Path],
        notes: Mapping[str, Any] | None = None,
        known: Mapping[str, StoredOutput] | None = None,
    ) -> Stamp:
        """Stamps an item and forgets that it ever failed. known: outputs, by name, that need not be looked at."""
        stamp = Stamp.of(recipe, outputs, self.workspace, notes, known)
        self.keep(stage, {item: stamp}, known or {})
        return stamp

    def keep(self, stage: str, stamps: Mapping[str, Stamp], delivered: Collection[str] = ()) -> None:
        """Writes the stamps of items that were made together: all of them count, or none.

        delivered: names of outputs that the store of a remote workspace has already.
        """
        made = (output.name for stamp in stamps.values() for output in stamp.outputs)
        mirror.put(self.workspace, (self.workspace.root / name for name in made if name not in delivered))
        if len(stamps) > 1:
            together = {item: stamp.as_dict() for item, stamp in stamps.items()}
            self._write(self._together_path(stage), together)
        for item, stamp in stamps.items():
            self._write(self._path(stage, item), stamp.as_dict())
            self._remove(self._failure_path(stage, item))

    def kept_together(self, stage: str) -> dict[str, Stamp]:
        """The newest stamps that were written together, some of them perhaps nowhere else: a kill came in between."""
        stamps = {item: Stamp.from_dict(raw) for item, raw in _read(self._together_path(stage)).items()}
        return {item: stamp for item, stamp in stamps.items() if stamp is not None}

    def forget(self, stage: str, item: str) -> None:
        """As if the item had never been tried."""
        together = {other: stamp.as_dict() for other, stamp in self.kept_together(stage).items() if other != item}
        if self._together_path(stage).exists():
            self._write(self._together_path(stage), together)
        self._remove(self._path(stage, item))
        self._remove(self._failure_path(stage, item))

    def fetch(self, stage: str, item: str) -> Stamp | None:
        """The stamp as it is now in the store of a remote workspace; like `stamp` in a local one."""
        mirror.fetch_record(self.workspace, self._path(stage, item))
        return self.stamp(stage, item)

    def failure(self, stage: str, item: str) -> Failure | None:
        try:
            return Failure(**_read(self._failure_path(stage, item)))
        except TypeError:  # none, or torn
            return None

    def record_failure(self, failure: Failure) -> Failure:
        """Keeps a failure, counted on from those before it that had the same parts."""
        before = self.failure(failure.stage, failure.item)
        if before is not None and dict(before.parts) == dict(failure.parts):
            failure = replace(failure, count=before.count + 1)
        self._write(self._failure_path(failure.stage, failure.item), asdict(failure))
        return failure

    def forgive(self, stage: str, item: str) -> bool:
        """Forgets a failure; whether there was one."""
        path = self._failure_path(stage, item)
        return self._remove(path)

    def failures(self, stage: str) -> list[Failure]:
        """What failed last in a stage, sorted by item."""
        folder = self.workspace.root / "stamps" / stage
        names = {entry.name for entry in fields(Failure)}
        raws = (_read(path) for path in folder.rglob(f"*{_FAILED}"))
        found = [Failure(**raw) for raw in raws if names - {"count"} <= raw.keys() <= names]
        return sorted(found, key=lambda failure: str(failure.item))

    def _together_path(self, stage: str) -> Path:
        return self.workspace.root / "stamps" / f"{stage}.together"

    def _failure_path(self, stage: str, item: str) -> Path:
        stamp = self._path(stage, item)
        return stamp.with_name(stamp.name.removesuffix(".json") + _FAILED)

    def _path(self, stage: str, item: str) -> Path:
        """Items named by a path of the outer world (logs) get a name that is safe in the workspace."""
        safe = item if _SAFE_ITEM.fullmatch(item) else hashlib.sha256(item.encode()).hexdigest()[:32]
        return self.workspace.stamp(stage, safe)

    def _remove(self, path: Path) -> bool:
        """Whether there was such a file; copies of stamps and failures are as old as the run, so none here is none."""
        if not path.exists():
            return False
        mirror.remove(self.workspace, [path])
        path.unlink(missing_ok=True)
        return True

    def _write(self, path: Path, document: Mapping[str, Any]) -> None:
        text = json.dumps(document)
        if self.workspace.store is not None:  # first, so that no copy here is ahead of the store
            self.workspace.store.put_bytes(self.workspace.name_of(path), text.encode())
        self.workspace.tmp.mkdir(parents=True, exist_ok=True)
        unfinished = self.workspace.tmp / f"{uuid.uuid4().hex}.json"
        try:
            unfinished.write_text(text, encoding="utf-8")
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


_FAILED = ".failed"
_SAFE_ITEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+/@-]*")


def _read(path: Path) -> dict[str, Any]:
    """Empty when there is none or it is torn."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}
