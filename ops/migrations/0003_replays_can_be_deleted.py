"""Let the append-only triggers go of the rows of a replay that is deleted."""

from typing import ClassVar

from django.db import migrations

from ops.append_only import FUNCTION


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ops", "0002_quick_lists")]
    operations: ClassVar = [migrations.RunSQL(FUNCTION, migrations.RunSQL.noop)]
