"""Trying a model: one tiny request, written and read as a session's are, with one tool to hand in by."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import httpx2

from ...errors import ConfigError, NotSignedInError, ParkedError, SetpointError, TransientError
from ...model.session import Message, ModelRef, Said, ToolCall
from ...model.trial import Trial
from .endpoint import Endpoint
from .faults import UnsupportedError
from .http import Sent, ask, new_client
from .sign_ins import SignInEndpoint
from .wire.answer import Answer, Offer, ToolSpec

WORD = "ready"
TOOL = ToolSpec(
    "submit_trial",
    "Hand in the word.",
    {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
)
SYSTEM = f"A test of the connection. Call {TOOL.name}, say nothing else."
FIRST = Message(role="user", parts=(Said(text=f"Call {TOOL.name} with the word `{WORD}`."),))
SILENCE = 30.0
LONGEST_TRIAL = 120.0
"""Seconds, however steadily its reply comes in."""
LONGEST_REPLY = 2_000
"""Tokens: room for a model that thinks first."""
AT_ONCE = 8


async def try_models(
    models: Sequence[ModelRef],
    endpoints: Mapping[str, Endpoint],
    priced: Mapping[ModelRef, bool],
    longest: float = LONGEST_TRIAL,
) -> list[Trial]:
    """Each of `models`, tried for at most `longest` seconds; in their order. Whatever a provider does is an answer, not
    an error."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with new_client() as client:
        return await asyncio.gather(*(_tried(ref, endpoints, priced[ref], client, turns, longest) for ref in models))


async def _tried(
    ref: ModelRef,
    endpoints: Mapping[str, Endpoint],
    priced: bool,
    client: httpx2.AsyncClient,
    turns: asyncio.Semaphore,
    longest: float,
) -> Trial:
    endpoint = endpoints.get(ref.provider)
    if endpoint is None:
        fix = f"add [providers.{ref.provider}] to setpoint.toml, or set its key in the environment"
        found = f"its provider `{ref.provider}` is not configured"
        return Trial(model=str(ref), state="bad", found=found, fix=fix, priced=priced)
    if isinstance(endpoint, SignInEndpoint):
        found = f"not tried: only the agent `{endpoint.sign_in}` asks it, with its own sign-in"
        return Trial(
            model=str(ref), state="warn", found=found, fix="`setpoint doctor` reads the sign-in", priced=priced
        )
    async with turns:
        started = time.monotonic()
        try:
            async with asyncio.timeout(longest):
                answer = await _answer(ref, endpoint, client)
        except SetpointError as error:
            return _failed(ref, error, priced)
        except TimeoutError:
            slow = TransientError(f"model `{ref}` took too long", why=f"its reply was not whole after {longest:g} s")
            return _failed(ref, slow, priced)
        return _judged(ref, answer, priced, time.monotonic() - started)


async def _answer(ref: ModelRef, endpoint: Endpoint, client: httpx2.AsyncClient) -> Answer:
    """The reply, without the optional fields of the format where the model takes them not."""
    try:
        return await _asked(ref, endpoint, client, lean=False)
    except UnsupportedError:
        return await _asked(ref, endpoint, client, lean=True)


async def _asked(ref: ModelRef, endpoint: Endpoint, client: httpx2.AsyncClient, *, lean: bool) -> Answer:
    offer = Offer(ref.model, SYSTEM, (TOOL,), LONGEST_REPLY, lean=lean)
    head = endpoint.wire.head(offer)
    items = ",".join(endpoint.wire.encode(FIRST, str(ref)))
    body = f"{head}{'' if head.endswith('[') else ','}{items}]}}".encode()
    headers = endpoint.signed(ref.provider)
    url = endpoint.url(ref.model)
    return await ask(client, endpoint, url, headers, body, Sent(), who=f"model `{ref}`", idle=SILENCE)


def _failed(ref: ModelRef, error: SetpointError, priced: bool) -> Trial:
    why = error.why.partition("\n")[0][:300]
    found = f"{error.what}: {why}" if why else error.what
    signed_in = False if isinstance(error, NotSignedInError) else None
    away = isinstance(error, TransientError | ConfigError) and "HTTP" not in error.why
    reached = None if signed_in is False and "HTTP" not in error.why else not away
    fix = error.fix
    if isinstance(error, TransientError):
        fix = f"see that [providers.{ref.provider}] base_url is right and its server runs, then try again"
    elif isinstance(error, ParkedError):
        fix = fix.replace("then `setpoint resume`", "then try again")
    trial = Trial(model=str(ref), state="bad", found=found[:480], fix=fix, priced=priced)
    return trial.model_copy(update={"reached": reached, "signed_in": signed_in})


def _judged(ref: ModelRef, answer: Answer, priced: bool, seconds: float) -> Trial:
    calls = (part for part in answer.parts if isinstance(part, ToolCall))
    call = next((call for call in calls if call.name == TOOL.name), None)
    said = str(call.arguments.get("word", "")) if call else ""
    in_form = call is not None and not call.malformed and set(call.arguments) == {"word"} and WORD in said.casefold()
    counted = answer.tokens.counted
    state, found, fix = _told(ref, called=call is not None, in_form=in_form, counted=counted, priced=priced)
    seen = {"reached": True, "signed_in": True, "called": call is not None, "in_form": in_form if call else None}
    told = {"state": state, "found": found, "fix": fix, "priced": priced, "counted": counted}
    return Trial.model_validate({"model": str(ref), **told, **seen, "seconds": round(seconds, 3)})


def _told(ref: ModelRef, *, called: bool, in_form: bool, counted: bool, priced: bool) -> tuple[str, str, str]:
    if not called:
        fix = "choose a model that calls tools, or switch tool calling on at its server: sessions hand in by a tool"
        return "bad", "answers, and does not call the tool it is offered", fix
    if not in_form:
        return "bad", "calls the tool with what does not fit its form", "choose a model that keeps to a tool's schema"
    found = "answers, calls its tool in form"
    if not counted:
        fix = f"see whether the server of `{ref.provider}` can report usage: without it money and context are unknown"
        return "warn", f"{found}; does not say how many tokens it took", fix
    if not priced:
        fix = "its cost is unknown: a cap of money cannot hold for it, a cap of tokens or requests can"
        return "warn", f"{found}; no price is known", fix
    return "ok", f"{found}, counts tokens", ""
