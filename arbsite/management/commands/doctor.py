"""Says what is in order and what is not."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from arbsite.diagnosis import Finding, Verdict, diagnose


class Command(BaseCommand):
    """Examine the machine, the servers, the ports, the venues, the chains and the clock."""

    help = "Examine python, disk, ports, servers, keys, venues, chains, clocks. Exit 3: a fault, 5: a server is down."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--mode", help="the mode that is examined")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = diagnose()
        as_json = {"ok": exit_code(findings) == 0, "findings": [asdict(finding) for finding in findings]}
        self.stdout.write(json.dumps(as_json) if options["json"] else _in_words(findings))
        if exit_code(findings):
            sys.exit(exit_code(findings))


def exit_code(findings: list[Finding]) -> int:
    """Return 5 where a server is down, 3 where something else is at fault, else 0."""
    verdicts = {finding.verdict for finding in findings}
    return 5 if Verdict.DOWN in verdicts else 3 if Verdict.FAULT in verdicts else 0


def _in_words(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.verdict:<6} {finding.part:<20} {finding.detail}" for finding in findings)
