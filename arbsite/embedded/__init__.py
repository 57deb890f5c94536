"""Local servers: a real PostgreSQL and a Redis-compatible Valkey that commands share while any of them runs."""

from arbsite.embedded.lease import Lease, acquire

__all__ = ["Lease", "acquire"]
