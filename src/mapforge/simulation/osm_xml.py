"""OpenStreetMap XML, as Lanelet2 writes its maps: nodes, ways, relations and their tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

from mapforge.errors import ConfigurationError

LARGEST_MB = 256
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class OsmNode:
    """lat, lon: as written, "" without."""

    lat: str
    lon: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OsmWay:
    """nodes: ids in the way's order."""

    nodes: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OsmRelation:
    """members: (kind, id, role)."""

    members: list[tuple[str, str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def ways(self, role: str) -> list[str]:
        """Ids of the ways that play a role in it."""
        return [ref for kind, ref, played in self.members if kind == "way" and played == role]


@dataclass(frozen=True)
class OsmFile:
    """What a file holds, by id; what its editor marked as deleted is not there."""

    nodes: dict[str, OsmNode] = field(default_factory=dict)
    ways: dict[str, OsmWay] = field(default_factory=dict)
    relations: dict[str, OsmRelation] = field(default_factory=dict)


def read_osm(source: Path) -> OsmFile:
    """Reads a file piece by piece, no tree of it is made.

    Raises ConfigurationError when it is damaged, larger than LARGEST_MB, or declares a document type: entities could
    make it endless.
    """
    if source.stat().st_size > LARGEST_MB * 1e6:
        raise ConfigurationError(f"{source} is larger than {LARGEST_MB} MB: cut the map into parts")
    target = _Target(source)
    parser = ElementTree.XMLParser(target=target)
    try:
        with source.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                parser.feed(piece)
        parser.close()
    except ConfigurationError:
        raise
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ConfigurationError(f"{source} is no OSM file: {str(error)[:200]}") from error
    return target.read


class _Tagged(Protocol):
    """What can have tags."""

    @property
    def tags(self) -> dict[str, str]: ...


class _Target:
    """Takes what the parser meets."""

    def __init__(self, source: Path) -> None:
        self.read = OsmFile()
        self._source = source
        self._depth = 0
        self._open: _Tagged | None = None
        self._name = ""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        """Refused: nothing of a map needs one."""
        raise ConfigurationError(
            f"{self._source} declares a document type ({name[:40]}): no OSM file does, take it out"
        )

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag opens."""
        self._depth += 1
        if self._depth == 1 and tag != "osm":
            raise ConfigurationError(f"{self._source} is no OSM file: its root is <{tag[:40]}>, not <osm>")
        if self._depth == 2:
            self._begin(tag, attributes)
        elif self._depth == 3 and self._open is not None:
            self._add(tag, attributes)

    def end(self, _tag: str) -> None:
        """A tag closes."""
        self._depth -= 1
        if self._depth == 1:
            self._open = None

    def close(self) -> None:
        """The file ends."""

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag not in ("node", "way", "relation") or attributes.get("action") == "delete":
            return
        self._name = f"a {tag}"
        own = self._needed(attributes, "id")
        self._name = f"{tag} {own[:40]}"
        if tag == "node":
            node = OsmNode(attributes.get("lat", ""), attributes.get("lon", ""))
            self.read.nodes[own] = self._open = node
        elif tag == "way":
            self.read.ways[own] = self._open = OsmWay()
        else:
            self.read.relations[own] = self._open = OsmRelation()

    def _add(self, tag: str, attributes: Mapping[str, str]) -> None:
        held = self._open
        if tag == "tag" and held is not None:
            held.tags[self._needed(attributes, "k")] = self._needed(attributes, "v")
        elif tag == "nd" and isinstance(held, OsmWay):
            held.nodes.append(self._needed(attributes, "ref"))
        elif tag == "member" and isinstance(held, OsmRelation):
            kind, ref = (self._needed(attributes, name) for name in ("type", "ref"))
            held.members.append((kind, ref, attributes.get("role", "")))

    def _needed(self, attributes: Mapping[str, str], name: str) -> str:
        if name not in attributes:
            raise ConfigurationError(f"{self._source}: {self._name} lacks '{name}'")
        return attributes[name]
