"""Series: what is recorded over time and never locked; hypertables where TimescaleDB is enabled."""

from django.db import models

from ops.columns import MoneyField, is_number, is_positive
from ops.scoped import ScopedModel


class MarketSnapshot(ScopedModel):
    """The best prices of one market at one instant."""

    timestamp = models.DateTimeField()
    venue = models.CharField(max_length=32)
    symbol = models.CharField(max_length=32)
    bid = MoneyField()
    ask = MoneyField()
    bid_depth_usd = MoneyField(default=0)
    ask_depth_usd = MoneyField(default=0)

    class Meta(ScopedModel.Meta):
        db_table = "market_snapshots"
        ordering = ["-timestamp"]
        indexes = [
            models.Index(fields=["mode", "run_id", "venue", "symbol", "-timestamp"], name="idx_snapshot_market"),
            models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_snapshot_scope_time"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=is_positive("bid") & is_positive("ask"), name="snapshot_prices_positive"),
            models.CheckConstraint(
                condition=is_number("bid_depth_usd", "ask_depth_usd"), name="snapshot_depths_are_numbers"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol}"


class MarketVolatility(ScopedModel):
    """Realised volatility (annualised), returns and volume of one market over three windows."""

    timestamp = models.DateTimeField()
    venue = models.CharField(max_length=32)
    symbol = models.CharField(max_length=32)
    volatility_1h = models.FloatField(null=True)
    volatility_24h = models.FloatField(null=True)
    volatility_7d = models.FloatField(null=True)
    returns_1h = models.FloatField(null=True)
    returns_24h = models.FloatField(null=True)
    returns_7d = models.FloatField(null=True)
    known_1h = models.FloatField(
        null=True, help_text="share of the hour's minutes that have a price; the rest are gaps"
    )
    known_24h = models.FloatField(null=True)
    known_7d = models.FloatField(null=True)
    volume_24h = models.FloatField(null=True, help_text="base units traded; none where the venue does not tell")
    liquidity_usd = models.FloatField(null=True, help_text="what the books last seen hold, both sides")

    class Meta(ScopedModel.Meta):
        db_table = "market_volatility"
        ordering = ["-timestamp"]
        verbose_name_plural = "market volatility"
        indexes = [
            models.Index(fields=["mode", "run_id", "venue", "symbol", "-timestamp"], name="idx_volatility_mkt"),
            models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_volatility_scope_time"),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol}"


class ExecutionLog(ScopedModel):
    """One line per ended execution, appended at settlement."""

    timestamp = models.DateTimeField()
    execution_id = models.BigIntegerField()
    symbol = models.CharField(max_length=32)
    route_key = models.CharField(max_length=120)
    state = models.CharField(max_length=16)
    success = models.BooleanField()
    profit_usd = MoneyField()
    fees_usd = MoneyField()
    gas_cost_usd = MoneyField(default=0)
    slippage_bps = MoneyField(null=True)
    tx_hash = models.CharField(max_length=66, blank=True)

    class Meta(ScopedModel.Meta):
        db_table = "execution_logs"
        ordering = ["-timestamp"]
        indexes = [
            models.Index(
                fields=["mode", "run_id", "-timestamp"], include=["profit_usd", "success"], name="idx_log_scope_time"
            ),
            models.Index(fields=["mode", "run_id", "state", "-timestamp"], name="idx_log_state_time"),
            models.Index(fields=["execution_id"], name="idx_log_execution"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(
                condition=is_number("profit_usd", "fees_usd", "gas_cost_usd", "slippage_bps"),
                name="execution_log_money_is_a_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.execution_id} {self.symbol}"
