"""What ``halt`` and ``resume`` share."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from domain.errors import ArbError, BadInput, Unreachable
from risk.management.base import RiskCommand, scope_of
from risk.services import Halted
from risk.stopfile import add_halt_arguments, operator


class SwitchCommand(RiskCommand):
    """Switches the stop file and the gate rows together, and says which of the two took hold."""

    switch: Callable[..., Halted]
    deed: str  # what is done, as the answer's JSON and words call it

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add_halt_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Switch. Raises: BadInput without a reason, Unreachable if the gate rows could not be changed."""
        if not options["reason"].strip():
            raise BadInput("--reason is missing: say why in a few words")
        everywhere = not (options["mode"] or options["run"])
        if options["dry_run"]:
            return self.answer(options, {"action": self.deed, "dry_run": True}, f"would {self.deed}")
        result = self.switch(
            reason=options["reason"],
            actor=operator(),
            now=timezone.now(),
            scopes=(scope_of(options),),
            everywhere=everywhere,
        )
        self._tell(options, result)
        return None

    def _tell(self, options: dict[str, Any], result: Halted) -> None:
        parts = {"stop_file": result.file_error, "gates": result.database_error}
        told = {part: error or "done" for part, error in parts.items()}
        words = "\n".join(f"{part}: {outcome}" for part, outcome in told.items())
        self.answer(options, {"action": self.deed, "dry_run": False, **told}, words)
        if result.database_error:
            raise Unreachable(f"the gate rows were not changed: {result.database_error}")
        if result.file_error:
            raise ArbError(f"the stop file was not changed: {result.file_error}")
