"""A difference for people and programs: GeoJSON in WGS84, and a few lines of text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.io.atomic import atomic_file, write_text
from mapforge.releases.changes import Change
from mapforge.releases.difference import ReleaseDifference
from mapforge.releases.difference_picture import difference_picture

_DEGREE_DECIMALS = 9
_HEIGHT_DECIMALS = 4


def write_difference(found: ReleaseDifference, folder: Path, px_per_m: float) -> list[Path]:
    """difference.geojson, difference.png and difference.txt in a folder; returns them."""
    geojson, picture, text = (folder / f"difference.{kind}" for kind in ("geojson", "png", "txt"))
    write_text(geojson, json.dumps(as_geojson(found), separators=(",", ":"), allow_nan=False), folder)
    with atomic_file(picture, folder) as path:
        difference_picture(found, px_per_m).save(path, format="PNG", optimize=True)
    write_text(text, as_text(found), folder)
    return [geojson, picture, text]


def as_geojson(found: ReleaseDifference) -> dict[str, Any]:
    """RFC 7946: one feature a change; what moved also where it was, as `moved_from`."""
    features = [_feature(change, change.geometry, str(change.kind), found.frame) for change in found.changes]
    features += [
        _feature(change, change.was, "moved_from", found.frame) for change in found.changes if change.was is not None
    ]
    return {"type": "FeatureCollection", "old": found.old, "new": found.new, "features": features}


def as_text(found: ReleaseDifference) -> str:
    """What changed, a line a class and kind."""
    tiles = (found.tiles_added, found.tiles_removed, found.tiles_changed)
    lines = [
        f"{found.old} -> {found.new}",
        "tiles: {} added, {} removed, {} changed".format(*map(len, tiles)),
    ]
    if found.ids_paired:
        lines.append(f"ids: {found.ids_kept} of {found.ids_paired} elements in both have the same")
    for name, kinds in sorted(found.counts().items()):
        for kind, cell in sorted(kinds.items()):
            parts = [f"{cell['count']:.0f}"]
            parts += [f"{cell['length_m']:.1f} m"] if "length_m" in cell else []
            parts += [f"{cell['area_m2']:.1f} m2"] if "area_m2" in cell else []
            parts += [f"up to {cell['distance_m']:.2f} m"] if "distance_m" in cell else []
            lines.append(f"{name} {kind}: {', '.join(parts)}")
    if not found.changes:
        lines.append(f"nothing that moved more than {found.moved_m:g} m, came or went")
    return "\n".join(lines) + "\n"


def _feature(change: Change, geometry: shapely.Geometry, kind: str, frame: MapFrame) -> dict[str, Any]:
    on_earth = shapely.transform(
        shapely.force_3d(geometry, 0.0), lambda xyz: _rounded(frame.to_wgs84(xyz)), include_z=True
    )
    if shapely.get_dimensions(on_earth) == 2:
        on_earth = shapely.orient_polygons(on_earth, exterior_cw=False)
    shape = shapely.geometry.mapping(on_earth)
    return {
        "type": "Feature",
        "geometry": {"type": shape["type"], "coordinates": shape["coordinates"]},
        "properties": {
            "change": kind,
            "class": str(change.element_class),
            "element_id": change.element_id,
            "old_id": change.old_id,
            "distance_m": change.distance_m,
            "length_m": round(change.length_m, 3),
            "area_m2": round(change.area_m2, 3),
            "attributes": {name: {"from": a, "to": b} for name, (a, b) in change.attributes.items()},
        },
    }


def _rounded(lon_lat_height: np.ndarray) -> np.ndarray:
    return np.column_stack(
        [np.round(lon_lat_height[:, :2], _DEGREE_DECIMALS), np.round(lon_lat_height[:, 2], _HEIGHT_DECIMALS)]
    )
