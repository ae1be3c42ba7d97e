"""What goes wrong with a database, said in words: which one, what, and the way out."""

from __future__ import annotations

import sqlite3

from sqlalchemy.engine import ExceptionContext

from mapforge.errors import CatalogError

SQLITE_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process kept it locked for too long: `fuser FILE` names it; try again",
    sqlite3.SQLITE_LOCKED: "another connection of this process holds it: try again",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only: give this user write access, or name another with "
    "catalog_url=",
    sqlite3.SQLITE_CANTOPEN: "make sure that its folder exists, that this user may write there, and that not too many "
    "files are open (ulimit -n)",
    sqlite3.SQLITE_FULL: "the disk is full: free some space; what was committed is safe",
    sqlite3.SQLITE_IOERR: "the disk does not answer properly: look at its state (dmesg) and the space left",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: put a backup in its place, or move it away and run again: what lies "
    "on disk is found by its fingerprints, only the history is lost",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database: move it away, or name another with catalog_url=",
}


def explain(context: ExceptionContext) -> CatalogError | None:
    """Gives the error to raise instead, or none where the fault is no matter of the database's state."""
    error = context.original_exception
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        advice = SQLITE_ADVICE.get(code)
    elif type(error).__name__ in ("OperationalError", "ConnectionTimeout") and not isinstance(error, sqlite3.Error):
        advice = "make sure that the server runs, that catalog_url= names it, and that user and password are right"
    else:
        advice = None
    if advice is None:
        return None
    where = context.engine.url.render_as_string() if context.engine is not None else "its database"
    return CatalogError(f"catalog {where}: {str(error).strip()}; {advice}")
