"""A catalog as MapForge 0.1 made it, before tables had versions; a run of that time in it."""

from sqlalchemy import Engine, text

TABLES = """
CREATE TABLE runs (run_id TEXT NOT NULL, region TEXT NOT NULL, state TEXT NOT NULL, started_ns BIGINT NOT NULL,
  ended_ns BIGINT, settings_json TEXT NOT NULL, owner TEXT NOT NULL, error TEXT, PRIMARY KEY (run_id));
CREATE TABLE drives (drive_id TEXT NOT NULL, state TEXT NOT NULL, source_format TEXT NOT NULL, start_ns BIGINT NOT NULL,
  end_ns BIGINT NOT NULL, quarantined_rows BIGINT NOT NULL, error TEXT, PRIMARY KEY (drive_id));
CREATE TABLE tiles (tile TEXT NOT NULL, state TEXT NOT NULL, build TEXT, run_id TEXT, error TEXT, stage TEXT,
  attempts BIGINT NOT NULL, lease_owner TEXT, lease_expires_ns BIGINT, updated_ns BIGINT NOT NULL, PRIMARY KEY (tile));
CREATE INDEX tiles_by_run ON tiles (run_id);
CREATE INDEX tiles_by_state ON tiles (state);
CREATE TABLE builds (tile TEXT NOT NULL, build TEXT NOT NULL, fingerprint TEXT NOT NULL, run_id TEXT NOT NULL,
  created_ns BIGINT NOT NULL, PRIMARY KEY (tile, build));
CREATE TABLE releases (name TEXT NOT NULL, run_id TEXT NOT NULL, created_ns BIGINT NOT NULL, current BOOLEAN NOT NULL,
  PRIMARY KEY (name));
CREATE TABLE attempts (attempt_id {serial}, run_id TEXT NOT NULL, stage TEXT NOT NULL, item TEXT NOT NULL,
  ended_ns BIGINT NOT NULL, seconds FLOAT NOT NULL, error TEXT, traceback TEXT, PRIMARY KEY (attempt_id),
  FOREIGN KEY(run_id) REFERENCES runs (run_id));
CREATE INDEX attempts_by_run ON attempts (run_id)
"""
ROWS = """
INSERT INTO runs VALUES ('r0', 'town', 'done', 1, 2, '{}', 'host/1/1700000000000', NULL);
INSERT INTO drives VALUES ('a', 'usable', 'mcap', 1, 2, 3, NULL);
INSERT INTO tiles VALUES ('32617/1/1', 'valid', 'b', 'r0', NULL, NULL, 1, NULL, NULL, 2);
INSERT INTO tiles VALUES ('32617/1/2', 'failed', NULL, 'r0', 'boom', 'fusion', 2, NULL, NULL, 2);
INSERT INTO builds VALUES ('32617/1/1', 'b', 'f', 'r0', 2);
INSERT INTO releases VALUES ('first', 'r0', 2, true);
INSERT INTO attempts (run_id, stage, item, ended_ns, seconds, error)
  VALUES ('r0', 'fusion', '32617/1/2', 2, 0.5, 'boom')
"""


def make_old_catalog(engine: Engine) -> None:
    serial = "INTEGER NOT NULL" if engine.dialect.name == "sqlite" else "SERIAL NOT NULL"
    with engine.begin() as connection:
        for statement in (TABLES.replace("{serial}", serial) + ";" + ROWS).split(";"):
            connection.execute(text(statement.replace(":", "\\:")))
