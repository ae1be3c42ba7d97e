"""What alembic runs: the migrations, inside the transaction that `schema.ensure_schema` began."""

from alembic import context

from mapforge.catalog.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
