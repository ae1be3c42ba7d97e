"""The ledger of one workspace. Every method is one transaction."""

from __future__ import annotations

from pathlib import Path

from mapforge.catalog.drives import Drives
from mapforge.catalog.leases import Leases
from mapforge.catalog.locks import Locks
from mapforge.catalog.runs import Runs
from mapforge.catalog.tiles import Tiles
from mapforge.errors import ConfigurationError
from mapforge.io.object_store import is_store


class Catalog(Runs, Drives, Tiles, Leases, Locks):
    """Runs, drives and tiles of one workspace; each part has its module."""

    @classmethod
    def of(cls, workspace: str, url: str | None) -> Catalog:
        """The catalog at `url`, or the SQLite file of a workspace (made when it is not there).

        Raises CatalogError; ConfigurationError for a workspace in an object store, which can hold no database.
        """
        if url is not None:
            return cls(url)
        if is_store(workspace):
            raise ConfigurationError(
                f"workspace={workspace} needs catalog_url: postgresql://USER@HOST/NAME where several machines share "
                "it, sqlite:///FILE where one does"
            )
        root = Path(workspace).expanduser().resolve()
        root.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{root / 'catalog.db'}")
