"""Stop every opening order, now."""

from risk.management.switching import SwitchCommand
from risk.services import halt


class Command(SwitchCommand):
    """Write the stop file, then halt the gates."""

    help = "Stop every opening order: the stop file first, then the gate rows. Closing orders still pass."
    switch = staticmethod(halt)
    deed = "halt"
