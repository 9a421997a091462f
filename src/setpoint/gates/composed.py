"""Which containers a compose file asks for, as far as they may be run beside code that nobody has reviewed.

A compose file gives its author the machine: folders of the host, its network, its devices, the engine's own socket.
Here a service is an image, its words, its variables, its ports and folders of its own in memory. What asks for more is
refused by name; what would change nothing here is left aside. All of a file's variables come from the stack.
"""

import difflib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from ..model.compose import After, Contained, Door
from ..model.stack import MOST_PORTS, StackSettings, filled
from .compose import read_compose

_TAKEN = (
    *("image", "command", "entrypoint", "environment", "ports", "healthcheck", "depends_on", "volumes", "tmpfs"),
    *("user", "working_dir", "shm_size", "profiles", "build"),
)
ASIDE = (
    *("restart", "container_name", "hostname", "networks", "expose", "links", "logging", "labels", "pull_policy"),
    *("platform", "stop_grace_period", "stop_signal", "init", "read_only", "cap_drop", "deploy", "mem_limit", "cpus"),
    *("mem_reservation", "memswap_limit", "pids_limit", "ulimits", "annotations", "attach", "tty", "stdin_open"),
)
"""What changes nothing here: names and networks (one loopback is all), restarts, logs, limits ([stack] has them)."""
_MORE = (
    *("privileged", "cap_add", "devices", "device_cgroup_rules", "security_opt", "network_mode", "pid", "ipc", "uts"),
    *("userns_mode", "cgroup", "cgroup_parent", "volumes_from", "extra_hosts", "dns", "env_file", "secrets", "configs"),
    *("extends", "sysctls", "runtime", "gpus", "group_add", "credential_spec", "mac_address", "develop", "provider"),
    *("use_api_socket", "post_start", "pre_stop", "isolation", "external_links", "storage_opt", "domainname", "models"),
)
"""What asks for more of the machine, or for files that are not the base branch's compose file."""
_HEADS = ("version", "name", "services", "volumes", "networks")
_HOLE = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])((?:[^{}$]|\$\$)*))?\})")
_NUMBER = re.compile(r"SETPOINT_PORT_(\d+)")
_UNITS = {"": 2**20, "b": 1, "k": 2**10, "kb": 2**10, "m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30}
_WHENS: Mapping[str, After] = {
    "service_started": "started", "service_healthy": "healthy", "service_completed_successfully": "done"
}  # fmt: skip
_MENDED = "mend it on the base branch, or keep a compose file for setpoint alone and name it in [stack] compose"


def stand_ins(settings: StackSettings) -> dict[str, str]:
    """Variables as a compose file finds them, while no ports are held: to look whether it can be read."""
    holes = {f"port_{number}": str(number) for number in range(1, settings.wanted + 1)}
    return compose_names(settings, {**holes, "database": "setpoint_0"}, "setpoint-0")


def compose_names(settings: StackSettings, holes: Mapping[str, str], project: str) -> dict[str, str]:
    """The variables that a compose file may ask for."""
    ours = {f"SETPOINT_{name.upper()}": value for name, value in holes.items()}
    own = {name: filled(value, holes) for name, value in settings.env.items()}
    return {**own, **ours, "COMPOSE_PROJECT_NAME": project}


def composed(settings: StackSettings, names: Mapping[str, str] | None = None) -> tuple[Contained, ...]:
    """The containers of a stack, each after those that it depends on; none where it has no compose file. Raises
    ConfigError for what is not run here, with the place and the reason."""
    if not settings.compose:
        return ()
    where = settings.compose
    if not settings.composed:
        raise ConfigError(
            f"{where} is not on the base branch", why="no other version of it is ever run", fix=f"commit {where}"
        )
    try:
        told = read_compose(settings.composed)
    except ValueError as error:
        raise ConfigError(f"{where} cannot be read: {error}", fix=_MENDED) from error
    known = stand_ins(settings) if names is None else names
    for key in told:
        if key not in _HEADS and not str(key).startswith("x-"):
            raise _unknown(where, "", str(key), _HEADS, ("include", "secrets", "configs", "models"))
    services = _chosen(where, told, settings)
    taken = {one.port for one in (*settings.service, *((settings.app,) if settings.app else ())) if one.port}
    numbers = _Numbers(where, taken, services)
    found = {name: _contained(f"{where}: {name}", name, one, known, numbers) for name, one in services.items()}
    _apart(where, found)
    return tuple(found[name] for name in _ordered(where, found))


def aside(settings: StackSettings) -> list[str]:
    """What of a stack's compose file is not run, in words. Raises ConfigError as `composed` does."""
    found = {one.name for one in composed(settings)}
    if not found:
        return []
    all_services = _services(read_compose(settings.composed))
    left = [
        f"{name} ({'it is built from the tree' if 'image' not in one else 'not among those that are run'})"
        for name, one in all_services.items()
        if name not in found
    ]
    keys = sorted({str(key) for name in found for key in all_services[name] if key in ASIDE})
    return [
        *([f"left out: {', '.join(left)}"] if left else []),
        *([f"changes nothing here: {', '.join(keys)}"] if keys else []),
    ]


# -- which services --------------------------------------------------------------------------------------------------


def _services(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    services = told.get("services")
    found = services if isinstance(services, dict) else {}
    return {str(name): one for name, one in found.items() if isinstance(one, dict)}


def _chosen(where: str, told: Mapping[str, Any], settings: StackSettings) -> dict[str, dict[str, Any]]:
    services = _services(told)
    for name in settings.compose_services:
        if name not in services:
            near = difflib.get_close_matches(name, services, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise ConfigError(
                f"[stack] compose_services names `{name}`, and {where} has no such service{hint}",
                fix=f"one of: {', '.join(services) or 'it has none'}",
            )
    named = settings.compose_services or [
        name for name, one in services.items() if not one.get("profiles") and ("image" in one or "build" not in one)
    ]
    if not named:
        why = "services that are built from the tree, or that belong to a profile, are not started unasked"
        raise ConfigError(f"{where} has no service to start", why=why, fix=_MENDED)
    ours = {service.name for service in settings.service} & set(named)
    if ours:
        raise ConfigError(f"both {where} and [[stack.service]] have a service {min(ours)}", fix="rename one of them")
    return {name: services[name] for name in named}


def _ordered(where: str, found: Mapping[str, Contained]) -> list[str]:
    """Names, each after what it depends on. Raises ConfigError."""
    done, open_ = list[str](), dict(found)
    while open_:
        ready = [name for name, one in open_.items() if set(one.after) <= set(done)]
        if not ready:
            name, one = next(iter(open_.items()))
            missing = next((other for other in one.after if other not in found), "")
            what = f"depends on `{missing}`, which is not run here" if missing else "depends on itself"
            raise ConfigError(f"{where}: {name} {what}", fix=f"take it out of its depends_on; {_MENDED}")
        done += ready
        open_ = {name: one for name, one in open_.items() if name not in ready}
    return done


def _apart(where: str, found: Mapping[str, Contained]) -> None:
    """All share one loopback."""
    seen: dict[int, str] = {}
    for name, one in found.items():
        for door in one.doors:
            other = seen.setdefault(door.at, name)
            if other != name:
                raise ConfigError(
                    f"{where}: {other} and {name} both listen at port {door.at}",
                    why="the containers of a stack share one loopback and no network",
                    fix="let one of them listen elsewhere, by its command or its variables",
                )


# -- one service -----------------------------------------------------------------------------------------------------


def _contained(
    where: str, name: str, raw: Mapping[str, Any], names: Mapping[str, str], numbers: "_Numbers"
) -> Contained:
    for key in raw:
        if key not in (*_TAKEN, *ASIDE) and not str(key).startswith("x-"):
            raise _unknown(where, name, str(key), (*_TAKEN, *ASIDE), _MORE)
    told = {key: _interpolated(where, value, names) for key, value in raw.items() if key in _TAKEN}
    image = told.get("image")
    if not isinstance(image, str) or not re.fullmatch(r"[A-Za-z0-9][\w.\-/:@]*", image):
        said = "is built from the tree; nothing of a session's is built on this machine" if "build" in raw else ""
        raise ConfigError(f"{where} {said or 'names no image'}", fix=f"image = one that is on this machine; {_MENDED}")
    return Contained(
        name=name,
        image=image,
        entrypoint=_words(where, "entrypoint", told.get("entrypoint")),
        command=_words(where, "command", told.get("command")),
        env=_env(where, told.get("environment")),
        doors=tuple(numbers.doors(name, where, raw.get("ports"), told.get("ports"))),
        health=_health(where, told.get("healthcheck")),
        scratch=tuple(dict.fromkeys((*_volumes(where, told.get("volumes")), *_tmpfs(where, told.get("tmpfs"))))),
        user=_plain(where, "user", told.get("user")),
        cwd=_plain(where, "working_dir", told.get("working_dir")),
        shm_mib=_mib(where, told.get("shm_size")),
        after=_after(where, told.get("depends_on")),
    )


def _unknown(where: str, name: str, key: str, known: Sequence[str], refused: Sequence[str]) -> ConfigError:
    at = where if name else f"{where}: "
    if key in refused:
        return ConfigError(
            f"{at}{' ' if name else ''}`{key}` is not taken",
            why="containers run on this machine beside code that nobody has reviewed: they get an image, words, "
            "variables, ports and memory, and nothing else of it",
            fix=f"take it out, or leave the service out by [stack] compose_services; {_MENDED}",
        )
    near = difflib.get_close_matches(key, (*known, *refused), n=1, cutoff=0.6)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return ConfigError(f"{at}{' ' if name else ''}unknown key `{key}`{hint}", fix=_MENDED)


def _interpolated(where: str, value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(where, one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_interpolated(where, one, names) for one in value]
    if not isinstance(value, str):
        return value

    def one(hole: re.Match[str]) -> str:
        if hole[1]:
            return "$"
        name, how, other = hole[2] or hole[3], hole[4] or "", (hole[5] or "").replace("$$", "$")
        there = name in names and (not how.startswith(":") or names[name] != "")
        if how.endswith("+"):
            return other if there else ""
        if there or how.endswith("-"):
            return names[name] if there else other
        raise ConfigError(
            f"{where} asks for ${name}, and nothing here says what it is",
            why="no variable of this machine and no .env file is read",
            fix=f"[stack] env = {{ {name} = '…' }}, or ${{{name}:-…}} there",
        )

    said = _HOLE.sub(one, value)
    if "$" in _HOLE.sub("", value):
        raise ConfigError(f"{where}: `{value[:80]}` cannot be read", why="a lone or nested $", fix="write $$ for a $")
    return said


def _words(where: str, key: str, said: Any) -> tuple[str, ...] | None:
    if said is None:
        return None
    try:
        words = shlex.split(said) if isinstance(said, str) else [str(word) for word in _list(where, key, said)]
    except ValueError as error:
        raise ConfigError(f"{where}: {key} cannot be read: {error}", fix=_MENDED) from error
    return tuple(words)


def _env(where: str, said: Any) -> dict[str, str]:
    if isinstance(said, dict):
        pairs = [(str(name), value) for name, value in said.items()]
    else:
        split = [str(entry).partition("=") for entry in _list(where, "environment", said)]
        pairs = [(name, value if equals else None) for name, equals, value in split]
    found = {}
    for name, value in pairs:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if value is None or not re.fullmatch(r"[A-Za-z_][\w.\-]*", name) or "\n" in text or "\0" in text:
            fix = f"write {name}: value, in one line"
            raise ConfigError(f"{where}: the variable {name!r} cannot be told", why="it has no value here", fix=fix)
        found[name] = text
    return found


def _health(where: str, said: Any) -> tuple[str, ...]:
    if said is None or (isinstance(said, dict) and (said.get("disable") or "test" not in said)):
        return ()
    test = said.get("test") if isinstance(said, dict) else None
    if isinstance(test, str):
        return ("/bin/sh", "-c", test)
    words = [str(word) for word in _list(where, "healthcheck.test", test)]
    if words[:1] == ["NONE"]:
        return ()
    if words[:1] == ["CMD-SHELL"] and len(words) == 2:
        return ("/bin/sh", "-c", words[1])
    if words[:1] == ["CMD"] and len(words) > 1:
        return tuple(words[1:])
    raise ConfigError(f"{where}: healthcheck.test is none", fix='test: ["CMD", "pg_isready"]')


def _volumes(where: str, said: Any) -> Iterator[str]:
    for entry in _list(where, "volumes", said):
        told = entry if isinstance(entry, dict) else {}
        parts = [] if told else str(entry).split(":")
        kind = told.get("type", "volume") if told else "volume"
        source = str(told.get("source") or "") if told else parts[0] if len(parts) > 1 else ""
        target = str(told.get("target", "")) if told else parts[1] if len(parts) > 1 else parts[0]
        if kind not in ("volume", "tmpfs") or not re.fullmatch(r"[\w.\-]*", source) or source.startswith("."):
            raise ConfigError(
                f"{where}: `{source or entry}` of this machine is not shown to it",
                why="a folder that sessions write to would be read, and written, with an engine's rights",
                fix="bring files in by `setup` in [stack], which runs beside it in the sandbox; " + _MENDED,
            )
        yield _folder(where, target)


def _tmpfs(where: str, said: Any) -> Iterator[str]:
    for entry in [said] if isinstance(said, str) else _list(where, "tmpfs", said):
        yield _folder(where, str(entry).partition(":")[0])


def _folder(where: str, name: str) -> str:
    whole = re.fullmatch(r"/[\w./\-]*[\w\-]", name) and ".." not in name.split("/")
    if not whole or name.startswith(("/proc", "/sys", "/dev")):
        raise ConfigError(f"{where}: `{name}` is no folder for a volume", fix="name one from / on: /var/lib/data")
    return name


def _after(where: str, said: Any) -> dict[str, After]:
    if isinstance(said, dict):
        found = {}
        for name, one in said.items():
            when = str(one.get("condition", "service_started")) if isinstance(one, dict) else "service_started"
            if when not in _WHENS:
                raise ConfigError(f"{where}: depends_on knows no `{when}`", fix=f"one of: {', '.join(_WHENS)}")
            found[str(name)] = _WHENS[when]
        return found
    return {str(name): "started" for name in _list(where, "depends_on", said)}


def _mib(where: str, said: Any) -> int:
    found = re.fullmatch(r"(\d{1,15})\s*([a-z]{0,2})", str(said or "64m").lower())
    if found is None or found[2] not in _UNITS or (isinstance(said, int) and not said):
        raise ConfigError(f"{where}: shm_size `{said}` is no size", fix="128m, or 1gb")
    return min(max(1, int(found[1]) * (1 if isinstance(said, int) else _UNITS[found[2]]) // 2**20), 2**16)


def _plain(where: str, key: str, said: Any) -> str:
    text = "" if said is None else str(said)
    if not re.fullmatch(r"[\w./:\-]*", text) or text.startswith("-"):
        raise ConfigError(f"{where}: {key} `{text[:80]}` is none", fix=_MENDED)
    return text


def _list(where: str, key: str, said: Any) -> list[Any]:
    if said is None:
        return []
    if not isinstance(said, list):
        raise ConfigError(f"{where}: {key} should be a list", fix=_MENDED)
    return said


# -- ports -----------------------------------------------------------------------------------------------------------


class _Numbers:
    """Which of the stack's ports each published port of a container gets: the one its text names, else the next."""

    def __init__(self, where: str, taken: set[int], services: Mapping[str, Mapping[str, Any]]) -> None:
        self._where, self._taken = where, set(taken)
        named = [self._named(entry) for one in services.values() for entry in self._entries(one.get("ports"))]
        twice = next((number for number in named if number and (named.count(number) > 1 or number in taken)), 0)
        if twice:
            raise ConfigError(f"{where}: two services want SETPOINT_PORT_{twice}", fix="give one of them another")
        beyond = next((number for number in named if number > MOST_PORTS), 0)
        if beyond:
            raise ConfigError(f"{where}: there is no SETPOINT_PORT_{beyond}", fix=f"the last one is {MOST_PORTS}")
        self._taken |= set(named)

    @staticmethod
    def _entries(said: Any) -> list[Any]:
        return said if isinstance(said, list) else []

    @staticmethod
    def _named(entry: Any) -> int:
        found = _NUMBER.search(str(entry.get("published", "")) if isinstance(entry, dict) else str(entry))
        return int(found[1]) if found else 0

    def doors(self, name: str, where: str, raw: Any, said: Any) -> Iterator[Door]:
        """The doors of one service."""
        for before, entry in zip(_list(where, "ports", raw), _list(where, "ports", said), strict=True):
            text = str(entry.get("target", "")) if isinstance(entry, dict) else str(entry).rpartition(":")[2]
            port, _, kind = text.partition("/")
            kind = str(entry.get("protocol") or "tcp") if isinstance(entry, dict) else kind
            if not port.isdigit() or not 1 <= int(port) <= 65_535 or kind not in ("", "tcp"):
                raise ConfigError(
                    f"{where}: port `{text[:60]}` leads nowhere", why="one TCP port each", fix='ports: ["5432:5432"]'
                )
            yield Door(number=self._named(before) or self._next(), at=int(port))

    def _next(self) -> int:
        number = next((one for one in range(1, MOST_PORTS + 1) if one not in self._taken), 0)
        if not number:
            raise ConfigError(
                f"{self._where} publishes more than {MOST_PORTS} ports",
                fix="publish only those that tests connect to, or choose services by [stack] compose_services",
            )
        self._taken.add(number)
        return number
