"""The application: routes, request bodies, and the answers to them."""

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .accounts import Accounts
from .answers import Answer, done, failed
from .passwords import MINIMUM, hashed

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

BODY_LIMIT = 64 * 1024
log = logging.getLogger("signup")


class RefusedBody(Exception):
    """The request's body cannot be used; carries the answer that says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.error)
        self.answer = answer


class Signup:
    """The WSGI application over one set of accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request; whatever goes wrong inside reaches the client as 500."""
        try:
            answer = self._route(environ)
        except RefusedBody as refused:
            answer = refused.answer
        except Exception:
            log.exception("%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            answer = failed(500, "internal error")
        body = answer.body()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [body]

    def _route(self, environ: "WSGIEnvironment") -> Answer:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method, path) == ("GET", "/health"):
            return done(200, {"status": "ok"})
        if (method, path) == ("POST", "/signup"):
            return self.signup(_payload(environ))
        if method == "GET" and path.startswith("/users/"):
            return self.user(path.removeprefix("/users/"))
        return failed(404, "not found")

    def signup(self, payload: dict[str, Any]) -> Answer:
        """Create an account from `email` and `password`."""
        password = payload.get("password")
        if not isinstance(password, str) or len(password) < MINIMUM:
            return failed(400, f"password needs at least {MINIMUM} characters")
        account = self._accounts.add(payload.get("email"), hashed(password))  # type: ignore[arg-type]  # nobody checks it yet
        return done(201, {"id": account.id, "email": account.email})

    def user(self, wanted: str) -> Answer:
        """Show the account with the id `wanted`."""
        account = self._accounts.find(int(wanted)) if wanted.isdecimal() else None
        if account is None:
            return failed(404, "no such user")
        return done(200, {"id": account.id, "email": account.email})


def _payload(environ: "WSGIEnvironment") -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > BODY_LIMIT:
        raise RefusedBody(failed(413, "body is too large"))
    try:
        payload = json.loads(environ["wsgi.input"].read(length))
    except ValueError as error:
        raise RefusedBody(failed(400, "body is not JSON")) from error
    if not isinstance(payload, dict):
        raise RefusedBody(failed(400, "body is not a JSON object"))
    return payload
