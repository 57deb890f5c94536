"""Runs the processes of the system: starts them, restarts those that die, and leaves none behind."""

from arbsite.supervisor.child import ChildState, ChildStatus
from arbsite.supervisor.events import EventKind, ProcessEvent
from arbsite.supervisor.supervisor import Supervisor

__all__ = ["ChildState", "ChildStatus", "EventKind", "ProcessEvent", "Supervisor"]
