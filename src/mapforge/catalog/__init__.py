"""Runs, drives, tiles, builds and attempts, in SQL: SQLite by default, any SQLAlchemy URL."""

from mapforge.catalog.store import Catalog
from mapforge.catalog.tiles import TileUpdate

__all__ = ["Catalog", "TileUpdate"]
