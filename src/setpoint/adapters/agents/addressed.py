"""Whom a request of a command is for, by its address: which provider's models can be meant, and what is wanted."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from ...model.session import ModelRef
from .endpoint import Endpoint

_COUNTING = "/count_tokens"
_QUERIES = ("", "beta=true")
"""What may stand behind a path that names no model."""
_GOOGLE = re.compile(r"/v1beta/models/(?P<model>[^/:?]+):(?P<verb>\w+)(?:\?(?P<query>.*))?")
_VERBS = {"generateContent": "", "streamGenerateContent": "alt=sse", "countTokens": ""}
"""What Google's models are asked, with the query that goes with it: as events, never as one long list."""

_TOLD = {
    "anthropic": ("ANTHROPIC_BASE_URL", "{here}", "ANTHROPIC_API_KEY"),
    "openai": ("OPENAI_BASE_URL", "{here}/v1", "OPENAI_API_KEY"),
    "google": ("GOOGLE_GEMINI_BASE_URL", "{here}", "GEMINI_API_KEY"),
}
"""Variables by which commands find each maker's models, with the address as they want it."""


@dataclass(frozen=True)
class Address:
    """What an address says."""

    known: Mapping[ModelRef, Endpoint]
    """The models that it can mean."""
    counting: bool
    """Whether only the tokens of the request are wanted."""
    model: str | None = None
    """The model's name where it is in the address; else the request holds it."""
    tail: str = ""
    """What stands behind the endpoint's own address, or instead of its verb."""

    def url(self, ref: ModelRef, endpoint: Endpoint) -> str:
        """Where `ref`, one of `known`, is asked at `endpoint`."""
        own = endpoint.url(ref.model)
        return own + self.tail if self.model is None else f"{own.rpartition(':')[0]}:{self.tail}"


def addressed(target: str, models: Mapping[ModelRef, Endpoint]) -> Address | None:
    """What `target` of a POST means among `models`; None where it means nothing that is asked through here."""
    path, _, query = target.partition("?")
    found = _GOOGLE.fullmatch(target)
    if found is not None:
        known = {ref: end for ref, end in models.items() if end.api == "google"}
        verb = found["verb"]
        if not known or _VERBS.get(verb) != query:
            return None
        return Address(known, verb == "countTokens", unquote(found["model"]), verb + (f"?{query}" if query else ""))
    plain = path.removesuffix(_COUNTING)
    others = {ref: end for ref, end in models.items() if end.api != "google"}
    counting = path != plain
    # Whom else that path leads to may answer as if a reply was wanted, which nobody paid for.
    able = {ref: end for ref, end in others.items() if end.api == "anthropic"} if counting else others
    known = {ref: end for ref, end in able.items() if end.asked_at.endswith(plain)}
    if plain.count("/") < 2 or not known or query not in _QUERIES:
        return None
    return Address(known, counting, tail=path[len(plain) :] + (f"?{query}" if query else ""))


def variables(endpoints: Iterable[Endpoint], key: str) -> dict[str, str]:
    """What commands are told of whom they can ask: where each kind of provider is, and `key`, which is none."""
    told: dict[str, str] = {}
    for endpoint in endpoints:
        url, place, name = _TOLD[endpoint.api.partition("-")[0]]
        told |= {url: place, name: key}
    return told
