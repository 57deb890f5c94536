"""``ml_training_data``: what models learn from, as a view."""

from typing import ClassVar

from django.db import migrations

# A plain view everywhere: an aggregate shows one hypertable, grouped by time, and samples are neither.
VIEW = """
CREATE VIEW ml_training_data AS
SELECT
    id,
    "timestamp",
    mode,
    run_id,
    kind,
    symbol,
    route_key,
    opportunity_id,
    feature_set,
    feature_hash,
    features,
    resolution_s,
    net_bps,
    notional_usd,
    explored,
    executed,
    edge_at_latency_bps,
    fillable_share_at_latency,
    settled_net_usd,
    slippage_bps,
    known_at
FROM mlops_sample
WHERE edge_at_latency_bps IS NOT NULL OR settled_net_usd IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("mlops", "0003_training_attempts")]
    operations: ClassVar = [migrations.RunSQL(VIEW, "DROP VIEW IF EXISTS ml_training_data")]
