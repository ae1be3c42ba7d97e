"""Files in an object store: S3, and what speaks as it does. A put is atomic: readers see the old object or the new.

Endpoint, region and credentials come from the environment, as for every S3 client: AWS_ENDPOINT_URL, AWS_REGION,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, or ~/.aws.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mapforge.errors import ConfigurationError, MissingInputError, StorageError

if TYPE_CHECKING:
    from pyarrow import fs  # what only says where a workspace lies does not wait for it

SCHEME = "s3://"
PIECE_BYTES = 16 * 2**20
TIMEOUT_S = 60.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class StoredObject:
    """What a listing says of an object."""

    size_bytes: int
    modified_ns: int


class ObjectStore:
    """The objects under one URL, by their name relative to it. Made by `store_at`: one a process and URL.

    Every method raises StorageError when the store does not answer or refuses.
    """

    def __init__(self, url: str) -> None:
        """url: s3://bucket/prefix. Raises ConfigurationError on another form."""
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
        if not url.startswith(SCHEME) or not _BUCKET.fullmatch(parts.netloc) or parts.query or ".." in prefix:
            raise ConfigurationError(
                f"workspace={_without_secret(url)}: write s3://bucket/prefix; endpoint and credentials are taken from "
                "AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        self.url = f"{SCHEME}{parts.netloc}" + (f"/{prefix}" if prefix else "")
        self._base = self.url.removeprefix(SCHEME)
        self._sizes: dict[str, int] = {}
        self._listed: set[str] = set()

    @property
    def cache_folder(self) -> Path:
        """Where this machine keeps copies of the objects: in MAPFORGE_CACHE, else in the user's cache folder."""
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        caches = os.environ.get("MAPFORGE_CACHE") or f"{home}/mapforge"
        place = f"{os.environ.get('AWS_ENDPOINT_URL', '')} {self.url}"
        name = f"{re.sub(r'[^A-Za-z0-9.-]+', '-', self._base)[:80]}-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
        return Path(caches).expanduser().resolve() / name

    def listing(self, folder: str) -> dict[str, StoredObject]:
        """Everything below a folder, or in the whole store for an empty one, by name."""
        from pyarrow import fs

        selector = fs.FileSelector(self._path(folder), recursive=True, allow_not_found=True)
        with self._explained("list", folder):
            found = self._files.get_file_info(selector)
        objects = {
            info.path.removeprefix(f"{self._base}/"): StoredObject(info.size, info.mtime_ns)
            for info in found
            if info.is_file
        }
        self._sizes.update({name: item.size_bytes for name, item in objects.items()})
        return objects

    def look(self, names: list[str]) -> dict[str, StoredObject]:
        """Those of some objects that are there, asked for one by one."""
        with self._explained("look at", ", ".join(names)):
            found = self._files.get_file_info([self._path(name) for name in names])
        return {n: StoredObject(info.size, info.mtime_ns) for n, info in zip(names, found) if info.is_file}

    def refresh(self) -> None:
        """Forgets what is known of sizes: others may have written since."""
        self._sizes.clear()
        self._listed.clear()

    def holds(self, name: str) -> bool:
        """Whether there is such an object, as far as its folder was listed since `refresh`."""
        folder = name.partition("/")[0]
        if name not in self._sizes and folder not in self._listed:
            self.listing(folder)
            self._listed.add(folder)
        return name in self._sizes

    def has_size(self, name: str, size_bytes: int) -> bool:
        """Whether there is such an object of this size; asks again when the listing says otherwise."""
        if self.holds(name) and self._sizes[name] == size_bytes:
            return True
        with self._explained("look at", name):
            info = self._files.get_file_info(self._path(name))
        if not info.is_file:
            self._sizes.pop(name, None)
            return False
        self._sizes[name] = info.size
        return bool(info.size == size_bytes)

    def read(self, name: str) -> bytes:
        """A small object whole. Raises MissingInputError when there is none."""
        with self._explained("read", name), self._files.open_input_stream(self._path(name)) as stream:
            return bytes(stream.readall())

    def sha256(self, name: str) -> str:
        """Hash of an object's content, read in bounded pieces. Raises MissingInputError."""
        digest = hashlib.sha256()
        for piece in self._pieces(name):
            digest.update(piece)
        return digest.hexdigest()

    @contextmanager
    def fetched(self, name: str, tmp: Path) -> Iterator[tuple[Path, str]]:
        """A copy of an object in `tmp`, with its sha256; removed at the end if it was not renamed to its place.

        Raises MissingInputError.
        """
        digest = hashlib.sha256()
        tmp.mkdir(parents=True, exist_ok=True)
        unfinished = tmp / f"{os.urandom(16).hex()}{Path(name).suffix}"
        try:
            with unfinished.open("wb") as stream:
                for piece in self._pieces(name):
                    digest.update(piece)
                    stream.write(piece)
            yield unfinished, digest.hexdigest()
        finally:
            unfinished.unlink(missing_ok=True)

    def put(self, name: str, path: Path) -> None:
        """A file as an object. One that cannot be read to its end leaves no object behind."""
        size = path.stat().st_size
        with path.open("rb") as source:
            first = source.read(PIECE_BYTES)
            if len(first) == size:
                self.put_bytes(name, first)
                return
            self._put_pieces(name, source, first, size)
        self._sizes[name] = size

    def put_bytes(self, name: str, content: bytes) -> None:
        with self._explained("write", name), self._files.open_output_stream(self._path(name)) as stream:
            stream.write(content)
        self._sizes[name] = len(content)

    def delete(self, name: str) -> None:
        """Removes an object, if it is there."""
        try:
            with self._explained("delete", name):
                self._files.delete_file(self._path(name))
        except MissingInputError:
            pass
        self._sizes.pop(name, None)

    def _put_pieces(self, name: str, source: Any, first: bytes, size: int) -> None:
        """In parts that become an object when the last is there; pyarrow completes it even after an error."""
        written = 0
        try:
            with self._explained("write", name), self._files.open_output_stream(self._path(name)) as stream:
                piece = first
                while piece:
                    stream.write(piece)
                    written += len(piece)
                    piece = source.read(PIECE_BYTES)
        finally:
            if written != size:
                self.delete(name)

    def _pieces(self, name: str) -> Iterator[bytes]:
        with self._explained("read", name), self._files.open_input_stream(self._path(name)) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield bytes(piece)

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}".rstrip("/")

    @property
    def _files(self) -> fs.S3FileSystem:
        return _file_system(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))

    @contextmanager
    def _explained(self, what: str, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise MissingInputError(f"{self.url}/{name} is missing") from error
        except OSError as error:
            raise StorageError(f"cannot {what} {self.url}/{name}: {error}; look at AWS_* and the store") from error


@lru_cache(maxsize=16)
def store_at(url: str) -> ObjectStore:
    """The store of a URL. Raises ConfigurationError."""
    return ObjectStore(url.rstrip("/"))


def is_store(place: str) -> bool:
    """Whether a workspace lies in a store. Raises ConfigurationError on a URL of another kind."""
    if "://" in place and not place.startswith(SCHEME):
        raise ConfigurationError(f"workspace={_without_secret(place)}: a folder, or s3://bucket/prefix")
    return place.startswith(SCHEME)


@lru_cache(maxsize=4)
def _file_system(endpoint: str | None) -> fs.S3FileSystem:
    """One a process: connections are kept. Small objects are one request."""
    from pyarrow import fs

    options: dict[str, Any] = {"allow_delayed_open": True, "request_timeout": TIMEOUT_S, "connect_timeout": TIMEOUT_S}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        options["region"] = region
    if endpoint:
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        options |= {"endpoint_override": parts.netloc, "scheme": parts.scheme}
    return fs.S3FileSystem(**options)


def _without_secret(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", url)
