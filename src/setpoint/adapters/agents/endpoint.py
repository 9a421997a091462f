"""Where a provider is reached, resolved from configuration and environment by the composition root."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from ...errors import ConfigError, NotSignedInError
from ...model.record import Record
from ...model.settings import Api, Price
from .wire.answer import Wire
from .wire.anthropic import AnthropicMessages
from .wire.google import GoogleContent
from .wire.openai_chat import OpenAIChat
from .wire.openai_responses import OpenAIResponses

WIRES: dict[str, Wire] = {
    "anthropic": AnthropicMessages(),
    "openai-chat": OpenAIChat(),
    "openai-responses": OpenAIResponses(),
    "google": GoogleContent(),
}


class Endpoint(Record):
    """One provider."""

    api: Api
    base_url: str = ""
    """Empty: the provider's own. For Anthropic without `/v1`, for Google without `/v1beta`; for OpenAI's formats
    usually with it."""
    key: str | None = Field(default=None, repr=False)
    """None: the endpoint wants none. Empty: it wants one, and there is none."""
    headers: dict[str, str] = Field(default={}, repr=False)
    """Sent besides the format's own, and over them."""
    max_output_tokens: int = 32_000
    """Longest reply, reasoning included."""
    limits_reply: bool = True
    """Whether a request may say how long its reply may be."""
    billing: Literal["metered", "subscription"] = "metered"
    prices: dict[str, Price] = {}
    """Prices by model that go before the list's."""

    @property
    def wire(self) -> Wire:
        """The format it speaks."""
        return WIRES[self.api]

    @property
    def asked_at(self) -> str:
        """Where agents ask a relay for it, whatever its own path is; of a format whose path names no model."""
        return "/v1" + self.wire.path("").removeprefix("/v1")

    def url(self, model: str) -> str:
        """Where requests to `model` go. Raises ConfigError when the base URL is none."""
        base = (self.base_url or self.wire.default_url).rstrip("/")
        if not base.startswith(("http://", "https://")):
            raise ConfigError(
                f"base URL `{base}` is not one", why="it has no http:// or https://", fix="mend `base_url`"
            )
        try:
            port = urlsplit(base).port
        except ValueError as error:
            raise ConfigError(f"base URL `{base}` is not one", why=str(error), fix="mend `base_url`") from error
        if port == 0:
            raise ConfigError(f"base URL `{base}` is not one", why="nobody listens at port 0", fix="mend `base_url`")
        version = {"anthropic": "/v1", "google": "/v1beta"}.get(self.api, "")
        return base.removesuffix(version) + self.wire.path(model)

    def now(self) -> "Endpoint":
        """The endpoint as it is asked right now. Raises what `signed` raises."""
        return self

    def turned_away(self, provider: str, status: int) -> NotSignedInError:
        """What it means that it answered 401 or 403."""
        return NotSignedInError(
            f"provider `{provider}` does not accept the key",
            why=f"it answered HTTP {status}",
            fix="set a valid key (`setpoint models test` tries it), then `setpoint resume`",
        )

    def signed(self, provider: str) -> dict[str, str]:
        """The request's headers. Raises NotSignedInError without a key where one is wanted, or with an empty header."""
        if self.key == "":
            raise NotSignedInError(
                f"no key for provider `{provider}`",
                why="the environment variable that should hold it is empty or not set",
                fix=f"set the key's variable (`setpoint doctor` names it), or choose a model not of `{provider}`",
            )
        for name, value in self.headers.items():
            if not value:
                raise NotSignedInError(
                    f"header `{name}` of provider `{provider}` has no value",
                    why="it is not in setpoint.toml any more, or its environment variable is empty or not set",
                    fix=f"set it in [providers.{provider}.headers], or the variable that header_env names for it",
                )
        signed = {"content-type": "application/json", **self.wire.headers(self.key or ""), **self.headers}
        for name, value in signed.items():
            if not (value.isascii() and value.isprintable()):
                raise NotSignedInError(
                    f"header `{name}` of provider `{provider}` cannot be sent",
                    why="its key or value holds a line end, or characters that are not ASCII",
                    fix="copy the key anew, without what stands around it",
                )
        return signed
