"""Fails where a tracked file holds what looks like a secret and .secrets.baseline does not know it."""

import json
import subprocess
import sys
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

BASELINE = Path(".secrets.baseline")
INVENTED_IN_TESTS = {
    "Secret Keyword",
    "Basic Auth Credentials",
}  # tests need passwords, and none of them opens anything
GENERATED = {"uv.lock", "requirements.txt", str(BASELINE)}


def main() -> int:
    """Print what the baseline does not know, and return the exit code; ``--accept`` writes the baseline anew."""
    recorded = json.loads(BASELINE.read_text(encoding="utf-8"))
    with transient_settings(recorded):  # the detectors are listed there too, ours for wallet keys among them
        found = scan(tracked_files())
        if "--accept" in sys.argv:
            baseline.save_to_file(found, str(BASELINE))
            return 0
        known = SecretsCollection.load_from_baseline(recorded)
        unknown = sorted((file, secret.line_number, secret.type) for file, secret in found - known)
    for file, line, kind in unknown:
        print(f"{file}:{line}: {kind}; if it is none: {sys.argv[0]} --accept")
    return 1 if unknown else 0


def tracked_files() -> list[str]:
    """Return the files that git knows and a person wrote."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and name not in GENERATED and Path(name).is_file()]


def scan(files: list[str]) -> SecretsCollection:
    """Return what looks like a secret."""
    secrets = SecretsCollection()
    for file in files:
        secrets.scan_file(file)
        if file.startswith("tests/"):
            secrets[file] = {secret for secret in secrets[file] if secret.type not in INVENTED_IN_TESTS}
    return secrets


if __name__ == "__main__":
    sys.exit(main())
