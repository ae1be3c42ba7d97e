"""Versions of the tables: made, upgraded, refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from old_schema import make_old_catalog
from sqlalchemy import create_engine, event, inspect, text

from mapforge.catalog import Catalog, schema
from mapforge.catalog.tables import Table
from mapforge.errors import CatalogError


def plain_engine(url: str):
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def differences(engine) -> list:
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), Table.metadata)


def test_a_new_catalog_is_at_the_newest_version(url):
    catalog = Catalog(url)
    with catalog.reading() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == schema.NEWEST
    assert differences(catalog.engine) == []
    catalog.close()


def test_an_old_catalog_is_upgraded_in_place_and_keeps_its_rows(url):
    engine = plain_engine(url)
    make_old_catalog(engine)
    catalog = Catalog(url)
    assert differences(engine) == [], "the migrations build what tables.py says"
    assert [(tile.tile, tile.state, tile.build, tile.failures) for tile in catalog.tiles()] == [
        ("32617/1/1", "valid", "b", 0),
        ("32617/1/2", "failed", None, 0),
    ]
    assert catalog.run("latest").run_id == "r0"
    assert catalog.attempts("r0")[0].error == "boom"
    assert catalog.drive("a").failures == 0
    assert catalog.builds("32617/1/1")[0].fingerprint == "f"
    assert catalog.stale_tiles("R") == ["32617/1/1", "32617/1/2"], "of unknown recipes: built again once"
    catalog.record_attempt("r0", "fusion", "32617/1/2", 1.0)
    assert [attempt.attempt_id for attempt in catalog.attempts("r0")] == [1, 2]
    catalog.close()


def test_an_upgraded_and_a_new_catalog_have_the_same_tables(tmp_path):
    """What compare_metadata does not look at as well: indexes, keys, defaults, nullability."""

    def described(engine) -> dict:
        seen = inspect(engine)
        return {
            name: (
                sorted((c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)),
                sorted((i["name"], tuple(i["column_names"])) for i in seen.get_indexes(name)),
                seen.get_pk_constraint(name)["constrained_columns"],
            )
            for name in seen.get_table_names()
        }

    old, new = (plain_engine(f"sqlite:///{tmp_path / name}.db") for name in ("old", "new"))
    make_old_catalog(old)
    for engine in (old, new):
        Catalog(str(engine.url)).close()
    assert described(old) == described(new)


def test_a_catalog_of_a_newer_mapforge_is_refused_and_left_alone(url):
    catalog = Catalog(url)
    with catalog.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    catalog.close()
    with pytest.raises(CatalogError, match=r"'9999'.*made by a newer.*update this installation"):
        Catalog(url)
    with plain_engine(url).connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_a_database_of_something_else_is_refused(url):
    with plain_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id INTEGER)"))
    with pytest.raises(CatalogError, match=r"not MapForge's \(invoices\)"):
        Catalog(url)


def test_a_failed_upgrade_leaves_the_old_catalog(url, monkeypatch):
    engine = plain_engine(url)
    make_old_catalog(engine)

    def stumble(_connection) -> None:
        with engine.connect():
            raise CatalogError("stumbled")

    upgrade = schema._upgrade
    monkeypatch.setattr(schema, "_upgrade", lambda connection: (upgrade(connection), stumble(connection)))
    with pytest.raises(CatalogError, match="stumbled"):
        Catalog(url)
    assert "drive_tiles" not in inspect(engine).get_table_names()
    assert "recipe" not in {column["name"] for column in inspect(engine).get_columns("tiles")}
    monkeypatch.undo()
    catalog = Catalog(url)
    assert len(catalog.tiles()) == 2
    catalog.close()


@pytest.mark.parametrize("old", [False, True], ids=["empty", "old"])
def test_processes_that_open_a_catalog_at_once_do_not_collide(url, old, tmp_path):
    if old:
        make_old_catalog(plain_engine(url))
    gate = tmp_path / "go"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom mapforge.catalog import Catalog\n"
        "print('ready', flush=True)\n"
        "while not Path(sys.argv[2]).exists(): time.sleep(0.001)\n"
        "print(len(Catalog(sys.argv[1]).tiles()))\n"
    )
    words = [sys.executable, "-c", code, url, str(gate)]
    crowd = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in crowd:
        assert process.stdout.readline() == "ready\n"
    gate.touch()
    ends = [process.communicate(timeout=120) for process in crowd]
    assert [out.strip() for out, _ in ends] == ["2" if old else "0"] * 2, ends
    engine = plain_engine(url)
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [schema.NEWEST]


def test_a_current_catalog_is_opened_by_a_look_at_its_version_and_without_alembic(url):
    Catalog(url).close()
    code = (
        "import sys\nfrom mapforge.catalog import Catalog\nCatalog(sys.argv[1])\n"
        "print([name for name in ('alembic', 'pyarrow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_known_versions_are_the_files_in_order():
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    files = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(files)) == schema.REVISIONS


def test_opening_asks_for_the_version_and_no_more(tmp_path):
    Catalog(f"sqlite:///{tmp_path / 'c.db'}").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'c.db'}").execution_options(writes=True)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    schema.ensure_schema(engine)
    assert [s for s in statements if not s.startswith("PRAGMA")] == ["SELECT version_num FROM alembic_version"]
