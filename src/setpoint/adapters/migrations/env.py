"""Run by alembic: migrates the connection that `schema.migrate` hands over, inside its transaction."""

from alembic import context

from setpoint.adapters.revision import STAMP
from setpoint.adapters.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=STAMP,
    transactional_ddl=False,  # the caller's transaction holds all of it
    render_as_batch=True,
)
context.run_migrations()
