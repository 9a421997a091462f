"""Sensitive tickets go to models in the house alone: decided from ticket and plan, held by what a run can reach.

A sensitive run works under a configuration in which no other provider stands: no phase, no validator, no fallback and
no stronger model of a later round can name one, since the agent has no address and no key for it.
"""

import posixpath
import re
import unicodedata
from collections.abc import Sequence

from ..errors import ConfigError
from ..model.settings import Config, PhaseSettings, Size
from ..model.ticket import Ticket
from ..policy.paths import NOTHING, intersect, touches
from .models import SIZES, ref

_WORD = re.compile(r"[\w@./*-]+")
_WILD = re.compile(r"[*?\[]")


def sensitive_because(config: Config, ticket: Ticket, planned: Sequence[str] = ()) -> str:
    """Why `ticket` may leave for no market provider; empty when it may. `planned`: paths or globs of what stands of
    plan or diagnosis."""
    settings = config.sensitive
    if settings.because:
        return settings.because
    labels = {label.casefold() for label in settings.labels}
    label = next((label for label in ticket.labels if label.strip().casefold() in labels), "")
    if label:
        return f"label `{label}`"
    words = _files_in(f"{ticket.title}\n{ticket.text}") if settings.paths else []
    for glob in settings.paths:
        named = next((word for word in words if touches(glob, word)), "")
        if named:
            return f"the ticket names {named}, which {glob} holds"
        met = next((path for path in (*ticket.boundaries.paths, *planned) if _meets(glob, path)), "")
        if met:
            return f"{met} is to be touched, and {glob} is sensitive"
    return ""


def _files_in(text: str) -> list[str]:
    """What in `text` may name a file, however it is written: in bold, with a leading `./`, as a whole path of some
    machine, in an address. Read widely: a ticket too many stays in the house."""
    plain = unicodedata.normalize("NFKC", "".join(letter for letter in text if unicodedata.category(letter) != "Cf"))
    found: dict[str, None] = {}
    for written in _WORD.findall(plain.replace("\\", "/")):
        for word in (written, written.strip("*_.-@/"), written.lstrip("*_@-").removeprefix("./").rstrip("*_.-")):
            parts = posixpath.normpath(word).split("/")
            ends = ("/".join(parts[at:]) for at in range(max(1, len(parts) - 1)))
            found.update(dict.fromkeys(end for end in (word, *ends) if "/" in end or "." in end))
    return list(found)


def _meets(glob: str, path: str) -> bool:
    if path.endswith("/"):
        path += "**"
    if not _WILD.search(path):
        plain = posixpath.normpath(path)
        # A plain name may be a folder, and what is sensitive may lie in it.
        return touches(glob, plain) or touches(f"{plain}/**", glob)
    return any(intersect((wide,), (path,)) != (NOTHING,) for wide in (glob, f"{glob.rstrip('/')}/**"))


def in_house(config: Config, because: str) -> Config:
    """`config` with nothing outside the house: its providers, the models of each size class (where one has none, those
    of the nearest that has), phases moved back to their class where they named another. Without a reason, `config`."""
    if not because:
        return config
    providers = {name: provider for name, provider in config.providers.items() if provider.in_house}
    own = {size: tuple(n for n in config.models.get(size, ()) if ref(n).provider in providers) for size in SIZES}
    models = {size: found for size in SIZES if (found := own[size] or _nearest(size, own))}
    phases = {name: _phase(settings, set(providers)) for name, settings in config.phase.items()}
    sensitive = config.sensitive.model_copy(update={"because": because})
    changes = {"providers": providers, "models": models, "phase": phases, "sensitive": sensitive}
    return config.model_copy(update=changes)


def _nearest(size: Size, own: dict[Size, tuple[str, ...]]) -> tuple[str, ...]:
    """The models of the next class that has some, a stronger one first."""
    at = SIZES.index(size)
    order = (*SIZES[at + 1 :], *reversed(SIZES[:at]))
    return next((own[other] for other in order if own[other]), ())


def _phase(settings: PhaseSettings, providers: set[str]) -> PhaseSettings:
    outside = {
        name: ""
        for name in ("model", "validator")
        if "/" in (value := getattr(settings, name)) and ref(value).provider not in providers
    }
    return settings.model_copy(update=outside) if outside else settings


def require_in_house(config: Config) -> None:
    """Raises ConfigError when `config` is a sensitive run's and has no model in the house."""
    because = config.sensitive.because
    if because and not config.models and config.agent.kind != "replay":
        raise ConfigError(
            f"the ticket is sensitive ({because}), and no model in the house is configured",
            why="a sensitive ticket is never sent to a market provider, not even as a fallback",
            fix="add your own endpoint as [providers.NAME] with `in_house = true`, and name its models in [models]",
        )
