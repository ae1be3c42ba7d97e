"""A static STAC catalogue of a release: a collection, below it blocks of 10 km, one item a tile; all links relative."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pystac
import shapely
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import MANIFEST, ReleasedTile, ReleaseManifest

GEOPARQUET = "application/vnd.apache.parquet"
PMTILES = "application/vnd.pmtiles"
BLOCK_TILES = 100
_SHA256_MULTIHASH = "1220"
"""What a multihash of a sha256 begins with: its code and its length."""
_DEGREE_DECIMALS = 7


def write_stac(
    workspace: Workspace, manifest: ReleaseManifest, folder: Path, home: Path, archive: Path | None = None
) -> None:
    """Fills `folder`, which is or will be at `home`: links to tiles and manifest are relative to there.

    archive: a PMTiles file to name as well.
    """
    collection = _collection(manifest)
    blocks: dict[str, pystac.Catalog] = {}
    for tile in manifest.tiles:
        name = _block(tile.tile_id)
        if name not in blocks:
            blocks[name] = pystac.Catalog(name, f"Tiles of block {name}")
            collection.add_child(blocks[name])
        item = _item(tile, manifest, workspace)
        blocks[name].add_item(item)
        item.set_collection(collection)
    manifest_file = workspace.release(manifest.name) / MANIFEST
    collection.add_asset(
        "manifest", pystac.Asset(str(manifest_file), "Manifest", None, "application/json", ["metadata"])
    )
    if archive is not None:
        collection.add_asset("pmtiles", pystac.Asset(str(archive), "Vector tiles", None, PMTILES, ["visual"]))
    collection.normalize_hrefs(str(home))
    collection.make_all_asset_hrefs_relative()
    for name, asset in collection.assets.items():
        collection.assets[name].href = pystac.utils.make_relative_href(asset.href, str(home / "collection.json"))
    collection.save(pystac.CatalogType.SELF_CONTAINED, dest_href=str(folder))


def _collection(manifest: ReleaseManifest) -> pystac.Collection:
    boxes = np.array([_lon_lat_bounds(tile.tile_id, manifest.frame) for tile in manifest.tiles])
    around = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
    times = [_times(tile, manifest) for tile in manifest.tiles]
    extent = pystac.Extent(
        pystac.SpatialExtent([around]),
        pystac.TemporalExtent([[min(start for start, _ in times), max(end for _, end in times)]]),
    )
    fields = {"mapforge:run_id": manifest.run_id, "mapforge:code_version": manifest.code_version}
    return pystac.Collection(
        manifest.name,
        f"HD map, release {manifest.name}: vector tiles of 100 m in EPSG:{manifest.epsg}, epoch {manifest.epoch}",
        extent,
        title=f"Release {manifest.name}",
        license="other",
        extra_fields=fields,
    )


def _item(tile: ReleasedTile, manifest: ReleaseManifest, workspace: Workspace) -> pystac.Item:
    start, end = _times(tile, manifest)
    bounds = tile.tile_id.bounds_projected()
    item = pystac.Item(
        tile.tile.replace("/", "-"),
        shapely.geometry.mapping(_footprint(tile.tile_id, manifest.frame)),
        _lon_lat_bounds(tile.tile_id, manifest.frame),
        None,
        {
            "mapforge:tile": tile.tile,
            "mapforge:build": tile.build,
            "mapforge:state": tile.state,
            "mapforge:released": tile.released,
            "mapforge:counts": tile.counts,
        },
        start_datetime=start,
        end_datetime=end,
    )
    ProjectionExtension.ext(item, add_if_missing=True).apply(code=f"EPSG:{manifest.epsg}", bbox=list(bounds))
    asset = pystac.Asset(str(tile.file(workspace)), f"Tile {tile.tile}", None, GEOPARQUET, ["data"])
    item.add_asset("tile", asset)
    FileExtension.ext(asset, add_if_missing=True).apply(size=tile.size_bytes, checksum=_SHA256_MULTIHASH + tile.sha256)
    return item


def _block(tile: TileId) -> str:
    return f"{tile.epsg}-{tile.column // BLOCK_TILES}-{tile.row // BLOCK_TILES}"


def _footprint(tile: TileId, frame: MapFrame) -> shapely.Polygon:
    """The tile's square on the earth, counter-clockwise."""
    square = shapely.force_3d(shapely.box(*tile.bounds_map(frame), ccw=True), 0.0)
    on_earth = shapely.force_2d(shapely.transform(square, frame.to_wgs84, include_z=True))
    return shapely.transform(on_earth, lambda lon_lat: np.round(lon_lat, _DEGREE_DECIMALS))


def _lon_lat_bounds(tile: TileId, frame: MapFrame) -> list[float]:
    return [float(value) for value in _footprint(tile, frame).bounds]


def _times(tile: ReleasedTile, manifest: ReleaseManifest) -> tuple[datetime, datetime]:
    """When the tile's elements were seen; of a tile without any, when the map's were; else the map's epoch."""
    first = tile.first_seen_ns or min((t.first_seen_ns for t in manifest.tiles if t.first_seen_ns), default=0)
    last = tile.last_seen_ns or max(t.last_seen_ns for t in manifest.tiles)
    if not first or not last:
        year = int(manifest.epoch)
        start = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=(manifest.epoch - year) * 365.25)
        return start, start
    return datetime.fromtimestamp(first // 10**9, UTC), datetime.fromtimestamp(last // 10**9, UTC)
