"""``manage.py models``: which versions there are, how they compare, and which of them serves."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from arbsite.management import models_console
from domain.errors import BadInput
from domain.scope import Scope
from domain.scores import ModelName
from mlops.models import Alias, ModelVersion
from mlops.selectors import alias_of, aliases_of, served_models, version_tagged, versions_of
from mlops.services import Move, promote, rollback
from mlops.services.comparison import Comparison, compare, shadow
from mlops.services.promotion import objection_to, promotion_of, rollback_of
from mlops.services.versions import model_named
from risk.stopfile import operator
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.management.terminal import leave_the_terminal_to_words

USES = {  # how many words each action takes: at least, at most, and what they are
    "list": (0, 1, "[MODEL]"),
    "show": (2, 2, "MODEL VERSION"),
    "compare": (3, 3, "MODEL VERSION VERSION"),
    "promote": (2, 2, "MODEL VERSION"),
    "rollback": (1, 1, "MODEL"),
    "shadow": (0, 1, "[MODEL]"),
}


class Command(BaseCommand):
    """Lists, shows and compares versions; promotes one and rolls back."""

    help = (
        "Show the versions of the models, which of them serves where and why one abstains ('models list'); one version "
        "('models show MODEL VERSION'); two on the same outcomes ('models compare MODEL VERSION VERSION'); champion "
        "and challenger by what they said ('models shadow [MODEL]'). 'models promote MODEL VERSION' lets a version "
        "serve, 'models rollback MODEL' the one before; every process follows within 10 s. A VERSION is a tag as "
        "20260311_120000, or champion, challenger or previous."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(USES))
        parser.add_argument(
            "words", nargs="*", metavar="MODEL VERSION", help=f"a model is one of {', '.join(ModelName)}"
        )
        parser.add_argument("--reason", default="", help="why, in a few words; kept in the audit trail")
        add_scope_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked. Raises: BadInput for an unknown model or version, Refused for what must not serve."""
        leave_the_terminal_to_words()
        words: list[str] = options["words"]
        _check(options["action"], words)
        scope = scope_of(options)
        model = model_named(words[0]) if words else None
        looks: Mapping[str, Callable[..., None]] = {
            "list": self._list,
            "show": self._show,
            "compare": self._compare,
            "promote": self._promote,
            "rollback": self._rollback,
            "shadow": self._shadow,
        }
        looks[options["action"]](scope, model, words[1:], options)

    def _list(self, scope: Scope, model: ModelName | None, words: Sequence[str], options: dict[str, Any]) -> None:
        versions, aliases, served = versions_of(scope, model), aliases_of(scope, model), served_models(scope)
        shown = [row for row in served if model is None or row.model_name == model]
        if options["json"]:
            self._write_json(models_console.list_json(scope, versions, aliases, shown))
        else:
            models_console.show_list(scope, versions, aliases, shown, self._console(), now=datetime.now(UTC))

    def _show(self, scope: Scope, model: ModelName, words: Sequence[str], options: dict[str, Any]) -> None:
        version = _version(scope, model, words[0])
        objection = objection_to(version, scope=scope, now=datetime.now(UTC))
        names = [row.alias for row in aliases_of(scope, model) if row.version == version]
        if options["json"]:
            told = models_console.version_json(version, names)
            self._write_json(told | {"metrics": version.metrics, "cannot_serve": objection})
        else:
            models_console.show_version(version, names, objection, self._console())

    def _compare(self, scope: Scope, model: ModelName, words: Sequence[str], options: dict[str, Any]) -> None:
        a, b = (_version(scope, model, word).tag for word in words)
        found = compare(model, a, b, scope=scope)
        self._tell_comparisons([found], options, found.as_json())

    def _shadow(self, scope: Scope, model: ModelName | None, words: Sequence[str], options: dict[str, Any]) -> None:
        models = [model] if model else [one for one in ModelName if _has_both(scope, one)]
        if not models and not options["json"]:
            self.stdout.write(f"No model has both a champion and a challenger in {scope}: there is nothing to compare.")
        found = [shadow(one, scope=scope) for one in models]
        self._tell_comparisons(found, options, {"comparisons": [one.as_json() for one in found]})

    def _promote(self, scope: Scope, model: ModelName, words: Sequence[str], options: dict[str, Any]) -> None:
        _require_reason(options)
        now, tag = datetime.now(UTC), _version(scope, model, words[0]).tag
        if options["dry_run"]:
            move = promotion_of(model, tag, scope=scope, now=now)
        else:
            move = promote(model, tag, scope=scope, actor=operator(), reason=options["reason"], now=now)
        self._tell_move("promote", move, options)

    def _rollback(self, scope: Scope, model: ModelName, words: Sequence[str], options: dict[str, Any]) -> None:
        _require_reason(options)
        now = datetime.now(UTC)
        if options["dry_run"]:
            move = rollback_of(model, scope=scope, now=now)
        else:
            move = rollback(model, scope=scope, actor=operator(), reason=options["reason"], now=now)
        self._tell_move("rollback", move, options)

    def _tell_comparisons(self, found: Sequence[Comparison], options: dict[str, Any], told: Mapping[str, Any]) -> None:
        if options["json"]:
            self._write_json(told)
            return
        for one in found:
            models_console.show_comparison(one, self._console())

    def _tell_move(self, action: str, move: Move, options: dict[str, Any]) -> None:
        if options["json"]:
            told = {"action": action, "dry_run": options["dry_run"], "model": move.model.value, **move.scope.columns}
            self._write_json(told | move.tags | {"note": move.note})
        else:
            self.stdout.write(models_console.move_in_words(move, is_done=not options["dry_run"]))

    def _write_json(self, told: Mapping[str, Any]) -> None:
        self.stdout.write(json.dumps(told, indent=2))

    def _console(self) -> Console:
        return Console(file=cast(IO[str], self.stdout), highlight=False)


def _check(action: str, words: Sequence[str]) -> None:
    least, most, what = USES[action]
    if not least <= len(words) <= most:
        given = " ".join(words) or "nothing"
        raise BadInput(f"models {action} takes {what}, but {given} was given")


def _version(scope: Scope, model: ModelName, word: str) -> ModelVersion:
    """Return the version that a tag or an alias names. Raises: BadInput."""
    if word not in tuple(Alias):
        return version_tagged(model, word)
    row = alias_of(scope, model, Alias(word))
    if row is None:
        raise BadInput(f"{model} has no {word} in {scope}")
    return row.version


def _has_both(scope: Scope, model: ModelName) -> bool:
    return all(alias_of(scope, model, alias) for alias in (Alias.CHAMPION, Alias.CHALLENGER))


def _require_reason(options: dict[str, Any]) -> None:
    if not options["reason"].strip():
        raise BadInput("--reason is missing: say why in a few words")
