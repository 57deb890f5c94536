"""Versions of models, the aliases that say which of them serve, and what each process serves at present."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from domain.scope import Mode
from domain.scores import ModelName
from ops.columns import choices_of
from ops.scoped import ScopedModel


class Alias(StrEnum):
    """What a version is for."""

    CHAMPION = "champion"  # its scores act
    CHALLENGER = "challenger"  # its scores are stored beside
    PREVIOUS = "previous"  # the champion before this one: what a rollback brings back


class ModelVersion(ScopedModel):
    """One trained model, told apart by its tag; its files are named by their hash and never change.

    The scope is that of the samples it was trained on; a version trained on simulated samples belongs to the scope
    that it was trained for.
    """

    model_name = models.CharField(max_length=32, choices=choices_of(ModelName))
    tag = models.CharField(max_length=15, help_text="YYYYMMDD_HHMMSS, UTC")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="from when on it abstains")
    feature_set = models.CharField(max_length=64)
    feature_hash = models.CharField(max_length=64)
    git_commit = models.CharField(max_length=64, blank=True)
    seed = models.IntegerField()
    is_synthetic = models.BooleanField(default=False, help_text="Trained on the simulator's market; never live.")
    data_from = models.DateTimeField()
    data_to = models.DateTimeField()
    n_samples = models.PositiveIntegerField()
    n_executed = models.PositiveIntegerField()
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, help_text="the champion when it was trained"
    )
    file_hash = models.CharField(max_length=64, help_text="SHA-256 of its files, checked before each load")
    metrics = models.JSONField(default=dict, help_text="Measured on held-out data when it was trained.")
    has_skill = models.BooleanField(help_text="Whether it beat the baseline on held-out data beyond doubt.")
    why = models.CharField(max_length=200, blank=True, help_text="Why it has skill or has none.")
    mlflow_run_id = models.CharField(max_length=64, blank=True)
    mlflow_version = models.CharField(max_length=16, blank=True)
    mirror_error = models.CharField(max_length=200, blank=True, help_text="Why MLflow does not know it yet.")

    class Meta(ScopedModel.Meta):
        verbose_name = "model version"
        ordering = ["-tag", "model_name"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["model_name", "tag"], name="version_tag_names_one_version"),
            models.CheckConstraint(condition=Q(tag__regex=r"^[0-9]{8}_[0-9]{6}$"), name="version_tag_is_an_instant"),
            models.CheckConstraint(condition=Q(file_hash__regex=r"^[0-9a-f]{64}$"), name="version_file_hash_is_sha256"),
            models.CheckConstraint(condition=~Q(feature_hash=""), name="version_names_its_features"),
            models.CheckConstraint(condition=Q(n_samples__gt=0), name="version_was_trained_on_something"),
            models.CheckConstraint(
                condition=Q(data_to__gte=models.F("data_from")), name="version_data_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=~Q(mode=Mode.LIVE.value) | Q(is_synthetic=False), name="synthetic_version_is_never_live"
            ),
        ]
        indexes = [
            models.Index(fields=["mode", "run_id", "model_name", "-created_at"], name="idx_version_scope_model_time")
        ]

    def __str__(self) -> str:
        return f"{self.model_name} {self.tag}"


class ModelAlias(ScopedModel):
    """Which version a scope's champion, challenger or previous champion is; the rows are what every process follows."""

    model_name = models.CharField(max_length=32, choices=choices_of(ModelName))
    alias = models.CharField(max_length=16, choices=choices_of(Alias))
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    is_synthetic = models.BooleanField(default=False, help_text="As its version is.")
    moved_at = models.DateTimeField()
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_why = models.CharField(max_length=200, blank=True, help_text="Why it abstains although it is champion.")
    is_mirrored = models.BooleanField(default=False, help_text="Whether MLflow says the same.")

    class Meta(ScopedModel.Meta):
        verbose_name = "model alias"
        verbose_name_plural = "model aliases"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "model_name", "alias"], name="alias_names_one_version_in_a_scope"
            ),
            models.CheckConstraint(
                condition=~Q(mode=Mode.LIVE.value) | Q(is_synthetic=False), name="synthetic_model_never_serves_live"
            ),
            models.CheckConstraint(
                condition=Q(suspended_at__isnull=True, suspended_why="")
                | Q(suspended_at__isnull=False) & ~Q(suspended_why=""),
                name="suspension_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alias} of {self.model_name}"


class ServedModel(ScopedModel):
    """What one process serves for one model at present: said by the process itself, whenever it changes."""

    process = models.CharField(max_length=64)
    model_name = models.CharField(max_length=32, choices=choices_of(ModelName))
    alias = models.CharField(max_length=16, choices=choices_of(Alias))
    tag = models.CharField(max_length=15, blank=True)
    abstains = models.CharField(max_length=200, blank=True, help_text="Why it does not judge; empty where it does.")
    since = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="when the process last said so")

    class Meta(ScopedModel.Meta):
        verbose_name = "served model"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "process", "model_name", "alias"], name="process_serves_one_version_per_alias"
            ),
            models.CheckConstraint(condition=~Q(tag="") | ~Q(abstains=""), name="what_serves_nothing_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.process}: {self.alias} of {self.model_name}"
