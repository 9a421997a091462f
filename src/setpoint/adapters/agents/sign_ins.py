"""Sign-ins of agents, read where they lie at the moment a request needs them: outside every sandbox, never changed, and
never renewed, since that would take the person's own agent its sign-in away."""

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from ...errors import ConfigError, NotSignedInError
from ...inputs import read_bytes
from ...model.settings import Provider
from ...model.sign_in import SIGN_INS, SignedIn, SignInName, lends
from .endpoint import Endpoint

CHATGPT_URL = "https://chatgpt.com/backend-api/codex"
"""Where requests signed with ChatGPT go."""
CLAUDE_BETA = "oauth-2025-04-20"
"""What a request must name to be signed with a subscription."""
_CLAIMS = "https://api.openai.com/auth"
_LONGEST_WHO = 100


def read_sign_in(name: SignInName, environ: Mapping[str, str], now: datetime) -> SignedIn:
    """The sign-in of the agent `name` as it is. Raises NotSignedInError when there is none that can be used."""
    kind = SIGN_INS[name]
    if token := environ.get(kind.variable, "").strip():
        return SignedIn(agent=name, by=kind.variable, token=token)
    place = kind.place(environ)
    fix = f"run {kind.renewed_by}; or set an API key"
    if not os.access(place, os.F_OK):
        looked = " and ".join(filter(None, (kind.variable, str(place))))
        raise NotSignedInError(f"{kind.called} is not signed in here", why=f"looked at {looked}", fix=fix)
    try:
        content = read_bytes(place, called=f"the sign-in of {kind.called}, {place},", wrong=NotSignedInError)
    except NotSignedInError as error:
        raise NotSignedInError(error.what, why=error.why, fix=fix) from error
    try:
        found = (_claude_code if name == "claude-code" else _codex)(json.loads(content), str(place))
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError, OverflowError, OSError):
        found = None  # whatever is in there may be a secret: it is told that it is none of ours, not what it is
    if found is None:
        why = f"{place} holds no sign-in of a form that is known"
        raise NotSignedInError(f"{kind.called} is not signed in here", why=why, fix=fix)
    if found.until is not None and found.until <= now:
        raise NotSignedInError(
            f"the sign-in of {kind.called} has expired",
            why=f"{place} was good until {found.until:%Y-%m-%d %H:%M} UTC; setpoint renews no sign-in",
            fix=fix,
        )
    return found


def _claude_code(told: Any, place: str) -> SignedIn | None:
    held = told["claudeAiOauth"]
    plan = held.get("subscriptionType")
    until = datetime.fromtimestamp(held["expiresAt"] / 1000, UTC) if held.get("expiresAt") else None
    who = f"plan {plan}" if plan else ""
    return _made("claude-code", place, held["accessToken"], who=who, until=until)


def _codex(told: Any, place: str) -> SignedIn | None:
    tokens = told.get("tokens")
    if told.get("OPENAI_API_KEY") and (told.get("auth_mode") == "apikey" or not tokens):
        return _made("codex", place, told["OPENAI_API_KEY"], billing="metered")
    access, person = _claims(tokens["access_token"]), _claims(tokens.get("id_token", ""))
    about = {**_dict(access.get(_CLAIMS)), **_dict(person.get(_CLAIMS))}
    account = tokens.get("account_id") or about.get("chatgpt_account_id")
    if not account:
        return None
    plan = about.get("chatgpt_plan_type")
    who = ", ".join(str(part) for part in (person.get("email"), f"plan {plan}" if plan else "") if part)
    until = datetime.fromtimestamp(access["exp"], UTC) if access.get("exp") else None
    return _made("codex", place, tokens["access_token"], account=account, who=who, until=until)


def _made(name: SignInName, place: str, token: Any, **more: Any) -> SignedIn | None:
    if not isinstance(token, str) or not token.strip():
        return None
    who = "".join(letter for letter in str(more.pop("who", "")) if letter.isprintable())[:_LONGEST_WHO]
    return SignedIn(agent=name, by=place, token=token.strip(), who=who, **more)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _claims(token: str) -> dict[str, Any]:
    """What a token says of itself, on its own word: enough to tell a person, and when it runs out."""
    try:
        middle = token.split(".")[1]
        return _dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))
    except (IndexError, ValueError, binascii.Error):
        return {}


class SignInEndpoint(Endpoint):
    """A provider that is asked with an agent's sign-in, which is read anew for each request: the person's own agent may
    have renewed it since."""

    sign_in: SignInName
    asker: str
    """The agent that asks."""
    reading: Callable[[], SignedIn] = Field(repr=False)

    def now(self) -> Endpoint:
        """The provider with the sign-in as it is now. Raises NotSignedInError, and ConfigError where somebody else
        would ask."""
        called = SIGN_INS[self.sign_in].called
        if not lends(self.sign_in, self.asker):
            raise ConfigError(
                f"the sign-in of {called} is for the agent `{self.sign_in}` alone",
                why=f"`{self.asker}` would ask with it" if self.asker else "something else would ask with it",
                fix=f'set `agent = "{self.sign_in}"` there, or name a model of a provider with a key',
            )
        found = self.reading()
        if found.billing != self.billing:
            raise NotSignedInError(
                f"the sign-in of {called} is not what it was: it is {found.told}",
                why=f"the run began as {self.billing}, and is never billed otherwise in silence",
                fix=f"run {SIGN_INS[self.sign_in].renewed_by}; or start a new run",
            )
        return self._with(found)

    def _with(self, found: SignedIn) -> Endpoint:
        told = {name: getattr(self, name) for name in ("api", "base_url", "billing", "prices", "max_output_tokens")}
        if found.billing == "metered":
            return Endpoint(**told, key=found.token)
        if self.api == "anthropic":
            return Endpoint(**told, headers={"authorization": f"Bearer {found.token}", "anthropic-beta": CLAUDE_BETA})
        told["base_url"] = self.base_url or CHATGPT_URL
        return Endpoint(**told, key=found.token, headers={"chatgpt-account-id": found.account}, limits_reply=False)

    def signed(self, provider: str) -> dict[str, str]:
        """As they are now."""
        return self.now().signed(provider)

    def turned_away(self, provider: str, status: int) -> NotSignedInError:
        """Its sign-in did not do."""
        kind = SIGN_INS[self.sign_in]
        return NotSignedInError(
            f"provider `{provider}` does not accept the sign-in of {kind.called}",
            why=f"it answered HTTP {status}: the sign-in was withdrawn or has expired, or may not ask this model",
            fix=f"run {kind.renewed_by}; then `setpoint resume`",
        )


def endpoint_of(provider: Provider, environ: Mapping[str, str], asker: str) -> SignInEndpoint:
    """A provider with a sign-in, asked by the agent `asker`."""
    assert provider.sign_in is not None
    name = provider.sign_in
    return SignInEndpoint(
        api=provider.api,
        base_url=provider.base_url,
        billing=provider.billing,
        prices=provider.prices,
        # ChatGPT refuses a request that says so.
        limits_reply=provider.api == "anthropic" or provider.billing == "metered",
        sign_in=name,
        asker=asker,
        reading=lambda: read_sign_in(name, environ, datetime.now(UTC)),
    )
