"""What is wrong with a dashboard or an alert: where, and what, in one sentence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in Grafana's files, or in what they show."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"
