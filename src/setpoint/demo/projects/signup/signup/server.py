"""A threading HTTP server around the WSGI application."""

import socketserver
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    """One thread a request; a slow client holds up nobody else."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """Keeps the access log out of standard error."""

    def log_message(self, format: str, *args: object) -> None:
        """Drop the line: the proxy in front writes the access log."""


def serve(app: "WSGIApplication", host: str, port: int) -> None:
    """Serve `app` until interrupted; the first line on standard output tells the address."""
    with make_server(host, port, app, ThreadingServer, QuietHandler) as server:
        print(f"listening on {server.server_address[0]!s}:{server.server_port}", flush=True)
        server.serve_forever()
