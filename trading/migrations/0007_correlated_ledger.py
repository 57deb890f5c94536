"""Ledger lines carry the correlation id of the opportunity that they go back to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0006_price_bars"),
    ]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="correlation_id",
            field=models.CharField(blank=True, help_text="of the opportunity that it goes back to", max_length=36),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["correlation_id"], name="idx_ledger_correlation"),
        ),
    ]
