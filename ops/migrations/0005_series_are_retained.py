"""Let the append-only triggers go of rows of series that are older than the settings keep."""

from typing import ClassVar

from django.db import migrations

from ops.append_only import FUNCTION


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ops", "0004_readings")]
    operations: ClassVar = [migrations.RunSQL(FUNCTION, migrations.RunSQL.noop)]
