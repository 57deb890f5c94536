"""Web applications on loopback ports of their own."""

from aiohttp import web

from domain.errors import BadInput

HOST = "127.0.0.1"
SHUTDOWN_S = 1.0


class Listeners:
    """The ports that are open."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []

    async def open(self, app: web.Application, port: int = 0) -> str:
        """Serve ``app`` and return ``host:port``; port 0 takes a free one. Raises: BadInput if it is taken."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        self._runners.append(runner)
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as taken:
            raise BadInput(f"port {port} on {HOST} cannot be opened: {taken.strerror}") from taken
        return f"{HOST}:{runner.addresses[0][1]}"

    async def close(self) -> None:
        """Close every port."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
