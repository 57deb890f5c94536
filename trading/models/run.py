"""Runs: what a replay or a demonstration was made of, and what came out."""

from django.db import models

from ops.scoped import ScopedModel


class Run(ScopedModel):
    """One replay, simulation or collection: its scope, its settings and its result."""

    command = models.CharField(max_length=32)
    seed = models.BigIntegerField(null=True)
    settings = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    last_instant = models.DateTimeField(null=True, help_text="what now means in this run")
    digest = models.CharField(max_length=64, blank=True)
    summary = models.JSONField(default=dict)
    checkpoint = models.JSONField(default=dict, help_text="where a run that was broken off goes on")

    class Meta(ScopedModel.Meta):
        ordering = ["-started_at"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id"], name="run_is_unique_in_its_mode"),
            models.CheckConstraint(condition=~models.Q(run_id=""), name="run_has_an_id"),
        ]

    def __str__(self) -> str:
        return f"{self.command} {self.run_id}"


class BacktestReport(ScopedModel):
    """What a backtest found, as it was printed: figures only, the rows behind them are the run's."""

    backtest = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="report")
    created_at = models.DateTimeField()
    figures = models.JSONField()

    class Meta(ScopedModel.Meta):
        db_table = "backtest_reports"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"report of {self.run_id}"
