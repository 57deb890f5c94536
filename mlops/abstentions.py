"""Why a model does not judge, in words: said alike by pages, commands and reports."""

from collections.abc import Mapping

ABSTENTIONS: Mapping[str, str] = {
    "no_model": "there is no champion",
    "missing": "its files are missing",
    "tampered": "its files are not those that were written",
    "broken": "its files cannot be read",
    "wrong_features": "it was trained on other features than candidates have now",
    "expired": "it is past its expiry",
    "no_skill": "it beat no baseline on data that it had not seen",
    "synthetic": "it was trained on simulated prices, which is never enough for real money",
    "out_of_depth": "the candidate is unlike anything that it was trained on",
    "suspended": "it did worse than the rule alone and is suspended",
    "not_a_number": "it answered with something that is no number",
    "no_lightgbm": "LightGBM's library cannot be loaded",
}


def abstention_said(reason: str) -> str:
    """Return a reason in words: ``reason`` alone as a sentence, ``reason: detail`` with the detail as it was given."""
    name, colon, detail = reason.partition(":")
    if colon:
        return f"{name.replace('_', ' ')}:{detail}"
    return ABSTENTIONS.get(name, name.replace("_", " "))
