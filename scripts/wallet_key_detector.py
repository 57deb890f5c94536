"""A detect-secrets plugin: 64 hexadecimal digits, which is how a wallet's private key looks, quoted or not."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class WalletKeyDetector(RegexBasedDetector):
    """Finds runs of exactly 64 hexadecimal digits; a digest that a test expects is told apart by the baseline."""

    secret_type = "64 hexadecimal digits"  # noqa: S105
    denylist = (re.compile(r"(?<![0-9a-zA-Z])(?:0x)?([0-9a-fA-F]{64})(?![0-9a-zA-Z])"),)
