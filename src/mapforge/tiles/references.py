"""References between elements: from pieces, as the stages before name them, to the names elements have in tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mapforge.schemas.elements import MapElement

ONE = ("left_id", "right_id", "left_neighbour_id", "right_neighbour_id")
SEVERAL = ("predecessor_ids", "successor_ids", "regulatory_ids")


def referred(elements: list[MapElement]) -> set[str]:
    """All ids that elements refer to."""
    return {name for element in elements for names in _references(element).values() for name in names}


def resolved(element: MapElement, names: Mapping[str, str]) -> MapElement:
    """The element with the names of what it refers to; what has none, and itself, is left out.

    names: id of a piece -> name of its element.
    """
    attributes: dict[str, Any] = dict(element.attributes)
    for key, ids in _references(element).items():
        found = sorted({names[name] for name in ids if name in names} - {element.element_id})
        if not found:
            del attributes[key]
        else:
            attributes[key] = found if key in SEVERAL else found[0]
    return replace(element, attributes=attributes)


def _references(element: MapElement) -> dict[str, list[str]]:
    given = {key: list(element.attributes.get(key) or ()) for key in SEVERAL if key in element.attributes}
    return given | {key: [element.attributes[key]] for key in ONE if key in element.attributes}
