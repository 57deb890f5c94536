"""A database that exists while something is tried out: created, migrated, dropped."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from arbsite.dashboards.role import ensure_role
from arbsite.setup.schema import connect_beside, ensure_database, using


@contextmanager
def scratch_database() -> Iterator[str]:
    """Let Django use a fresh database on the configured server, the dashboards' role at hand; yield its name.

    Raises: Refused if our role may not create databases or roles, Unreachable if the server does not answer.
    """
    database = settings.ARB.database
    ours = replace(database, name=f"{database.base_name}_scratch_{os.getpid()}")
    ensure_database(ours)
    try:
        with using(ours.name):
            call_command("migrate", verbosity=0, interactive=False)
            ensure_role(connection, user=settings.ARB.dashboards.user, password=None)
            yield ours.name
    finally:
        with connect_beside(database) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(ours.name)))
