"""System checks of the schema patterns that every app follows."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

from ops.scoped import ScopedModel


@register()
def scoped_models_keep_their_constraint(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for every scoped model whose Meta dropped the constraint on its mode."""
    return [
        Error(
            f"{model.__name__} does not constrain its mode.",
            hint="Start Meta.constraints with *ScopedModel.Meta.constraints.",
            obj=model,
            id="ops.E001",
        )
        for model in apps.get_models()
        if issubclass(model, ScopedModel) and model._meta.managed and not _constrains_mode(model)
    ]


def _constrains_mode(model: type[ScopedModel]) -> bool:
    return any(constraint.name.endswith("_mode_is_known") for constraint in model._meta.constraints)
