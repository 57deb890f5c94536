"""Let orders open again after a halt."""

from risk.management.switching import SwitchCommand
from risk.services import resume


class Command(SwitchCommand):
    """Open the gates, then remove the stop file."""

    help = "Lift a halt: the gate rows first, then the stop file. Tripped breakers stay tripped."
    switch = staticmethod(resume)
    deed = "resume"
