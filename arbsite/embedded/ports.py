"""Free ports on the loopback interface."""

import socket

HOST = "127.0.0.1"

_reserved: dict[int, socket.socket] = {}


def reserve(preferred: int = 0) -> int:
    """Return a port as ``free_port`` does, and keep others from it until ``release``."""
    while True:
        port, holder = free_port(preferred), socket.socket()
        try:
            holder.bind((HOST, port))
            holder.listen()  # a socket that is only bound would not keep a server with SO_REUSEADDR away
        except OSError:
            holder.close()  # somebody was faster
            continue
        _reserved[port] = holder
        return port


def release(port: int) -> None:
    """Let the process that ``port`` was reserved for have it; harmless for any other port."""
    if (holder := _reserved.pop(port, None)) is not None:
        holder.close()


def free_port(preferred: int = 0) -> int:
    """Return ``preferred`` if nothing listens there, else a port that the kernel finds free."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int, *, host: str = HOST) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, so that TIME_WAIT is no hindrance
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
