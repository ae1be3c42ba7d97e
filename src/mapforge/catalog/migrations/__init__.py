"""How the tables of an existing catalog become the newest ones (alembic).

A change of tables.py needs a new file in `versions` and its number at the end of `schema.REVISIONS`; a test
compares what the files build with what tables.py says. New columns are nullable or have a server default, so that a
process of the version before, still running, does not stumble over them.
"""
