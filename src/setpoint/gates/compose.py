"""What is wrong with one compose file beside the tree it stands in."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..model.objection import Severity
from .change_set import Read, as_text
from .container_faults import Fault, loose

_NAME = re.compile(r"^(?:docker-)?compose(?:[.\-][\w.\-]+)?\.ya?ml$")
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]")
_EXAMPLES = (".example", ".sample", ".dist", ".template")
_SOCKETS = re.compile(r"(?:docker|containerd|crio|podman)\.sock$")
_MIGHTY = frozenset(("ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "NET_ADMIN", "DAC_READ_SEARCH"))
TEXT = 1_000_000
"""Larger files are not read."""


def is_compose(path: str) -> bool:
    """Whether a file is one by its name."""
    return bool(_NAME.match(path.rpartition("/")[2]))


def read_compose(text: str) -> Mapping[str, Any]:
    """The file as a value. Raises ValueError."""
    from .bounded_yaml import read_yaml

    if len(text) > TEXT:
        raise ValueError("it is too large")
    told = read_yaml(text, any_tag=True)  # compose has tags of its own: `!reset`, `!override`
    if not isinstance(told, dict):
        raise ValueError("it holds no mapping")
    return told


def dockerfiles_of(path: str, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each Dockerfile that a service builds, with its context, both from the top of the tree."""
    for service in _services(told).values():
        build = service.get("build")
        folder = build if isinstance(build, str) else _dict(build).get("context", ".") if build else None
        if isinstance(folder, str) and not _elsewhere(folder):
            context = _joined(path, folder)
            if context is not None:
                name = str(_dict(build).get("dockerfile") or "Dockerfile") if isinstance(build, dict) else "Dockerfile"
                yield posixpath.normpath(posixpath.join(context, name)), context


def faults(path: str, text: str, files: frozenset[str], read: Read) -> Iterator[Fault]:
    """All that is wrong with the compose file `path` of a tree."""
    try:
        told = read_compose(text)
    except ValueError as error:
        yield Fault("unreadable", "the compose file cannot be read", 1, str(error))
        return
    beside = _beside(path, files, read)
    names = {name for one in (told, *beside) for name in _services(one)}
    extended = bool(told.get("include")) or not _services(told)
    for name, service in _services(told).items():
        line = _line(text, name)
        yield from _built(path, name, service, files, line)
        yield from _files(path, name, service, files, read, line)
        if not extended:
            yield from _named(name, service, names, line)
            yield from _declared(name, service, (told, *beside), line)
        yield from _power(name, service, line)
        image = service.get("image")
        if isinstance(image, str) and not service.get("build") and not _VARIABLE.search(image) and loose(image):
            cause = "tomorrow's container is another one: name a version, better a digest"
            yield Fault("unpinned", f"image `{image}` of {name} has no fixed tag", line, cause, Severity.MEDIUM)
    yield from _ports(told, text)


def _beside(path: str, files: frozenset[str], read: Read) -> list[Mapping[str, Any]]:
    """Compose files in the same folder: one may extend the other."""
    folder, found = posixpath.dirname(path), []
    for other in sorted(files):
        if other != path and posixpath.dirname(other) == folder and is_compose(other):
            try:
                found.append(read_compose(as_text(read(other))))
            except ValueError:
                continue
    return found[:20]


# -- files -------------------------------------------------------------------------------------------------------------


def _built(
    path: str, name: str, service: Mapping[str, Any], files: frozenset[str], line: int | None
) -> Iterator[Fault]:
    build = service.get("build")
    folder = build if isinstance(build, str) else _dict(build).get("context", ".") if build else None
    if not isinstance(folder, str) or _elsewhere(folder):
        return
    context = _joined(path, folder)
    if context is None:
        return
    if context != "." and not _is_folder(context, files):
        yield Fault("missing-context", f"{name} is built from `{folder}`, which is not in the tree", line)
        return
    named = _dict(build).get("dockerfile") if isinstance(build, dict) else None
    inline = isinstance(build, dict) and build.get("dockerfile_inline")
    choices = [str(named)] if named else ["Dockerfile", "Containerfile"]
    if not inline and not any(_VARIABLE.search(choice) for choice in choices):
        places = [posixpath.normpath(posixpath.join(context, choice)) for choice in choices]
        if not any(place in files for place in places):
            yield Fault("missing-dockerfile", f"{name} is built by `{places[0]}`, which is not in the tree", line)


def _files(
    path: str, name: str, service: Mapping[str, Any], files: frozenset[str], read: Read, line: int | None
) -> Iterator[Fault]:
    for entry in _list(service.get("env_file")):
        said = str(_dict(entry).get("path", "")) if isinstance(entry, dict) else str(entry)
        needed = not isinstance(entry, dict) or entry.get("required", True)
        place = _joined(path, said)
        if needed and said and place is not None and place not in files and not _local(place, files, read):
            cause = "compose does not start without it; commit it, or an example beside an ignored one"
            yield Fault("missing-file", f"{name} reads env_file `{said}`, which is not in the tree", line, cause)
    for source, _ in _mounts(service):
        place = _joined(path, source) if source.startswith((".", "/")) and not source.startswith("/") else None
        if place is None or place in files or _is_folder(place, files) or place == ".":
            continue
        if re.search(r"\.\w{1,5}$", posixpath.basename(place)) and not _local(place, files, read):
            cause = "the engine makes an empty folder in its place"
            yield Fault("missing-file", f"{name} mounts `{source}`, which is not in the tree", line, cause)


def _local(place: str, files: frozenset[str], read: Read) -> bool:
    """Whether a file is each developer's own: ignored by git, or with an example beside it."""
    if any(f"{place}{end}" in files for end in _EXAMPLES):
        return True
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(as_text(read(".gitignore")).splitlines()).match_file(place)


def _mounts(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in _list(service.get("volumes")):
        if isinstance(entry, dict):
            if entry.get("type", "bind") != "tmpfs" and isinstance(entry.get("source"), str):
                yield entry["source"], str(entry.get("target", ""))
        else:
            source, colon, target = str(entry).partition(":")
            if colon and not _VARIABLE.search(source):
                yield source, target.partition(":")[0]


# -- names -------------------------------------------------------------------------------------------------------------


def _named(name: str, service: Mapping[str, Any], names: set[str], line: int | None) -> Iterator[Fault]:
    wanted = [("depends_on", str(one)) for one in _keys(service.get("depends_on"))]
    wanted += [("links", str(one).partition(":")[0]) for one in _list(service.get("links"))]
    mode = str(service.get("network_mode") or "")
    wanted += [("network_mode", mode.partition(":")[2])] if mode.startswith("service:") else []
    extends = service.get("extends")
    if isinstance(extends, str) or (isinstance(extends, dict) and "file" not in extends):
        wanted.append(("extends", extends if isinstance(extends, str) else str(extends.get("service"))))
    for key, other in wanted:
        if other not in names and not _VARIABLE.search(other):
            yield Fault("unknown-service", f"{key} of {name} names `{other}`, and there is no such service", line)


def _declared(
    name: str, service: Mapping[str, Any], sides: Sequence[Mapping[str, Any]], line: int | None
) -> Iterator[Fault]:
    used = [("volumes", source) for source, _ in _mounts(service) if re.match(r"^[A-Za-z0-9][\w.\-]*$", source)]
    used += [("networks", str(one)) for one in _keys(service.get("networks")) if one != "default"]
    for key in ("secrets", "configs"):
        entries = _list(service.get(key))
        used += [(key, str(_dict(one).get("source", "")) if isinstance(one, dict) else str(one)) for one in entries]
    for key, other in used:
        if other and not any(other in _dict(side.get(key)) for side in sides):
            yield Fault("undeclared", f"{name} uses `{other}`, which is not declared under {key}", line)


# -- power -------------------------------------------------------------------------------------------------------------


def _power(name: str, service: Mapping[str, Any], line: int | None) -> Iterator[Fault]:
    cause = "whoever breaks into the container has the machine"
    if service.get("privileged") in (True, "true"):
        yield Fault("privileged", f"{name} runs privileged", line, cause)
    for source, _ in _mounts(service):
        if _SOCKETS.search(source):
            yield Fault("engine-socket", f"{name} is handed the container engine's socket", line, cause)
        elif posixpath.normpath(source) in ("/", "/etc", "/root", "/proc", "/sys", "/dev", "/var", "/usr"):
            yield Fault("host-folder", f"{name} is handed the host's `{source}`", line, cause)
    for one in _list(service.get("cap_add")):
        if str(one).upper().removeprefix("CAP_") in _MIGHTY:
            yield Fault("capability", f"{name} is given the capability {one}", line, cause)
    for key in ("network_mode", "pid", "ipc", "userns_mode"):
        if service.get(key) == "host":
            yield Fault("host-namespace", f"{name} shares the host's {key.partition('_')[0]} namespace", line, cause)


def _ports(told: Mapping[str, Any], text: str) -> Iterator[Fault]:
    """Host ports that two services want at once."""
    taken: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
    for name, service in _services(told).items():
        profiles = frozenset(map(str, _list(service.get("profiles"))))
        for port in dict.fromkeys(_published(service)):
            other, theirs = taken.setdefault(port, (name, profiles))
            if other != name and (not profiles or not theirs or profiles & theirs):
                what = f"{name} and {other} both publish port {port[1]} of the host"
                yield Fault("port-clash", what, _line(text, name), "the second of them does not start")


def _published(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in _list(service.get("ports")):
        if isinstance(entry, dict):
            if entry.get("published"):
                yield str(entry.get("host_ip") or ""), f"{entry['published']}/{entry.get('protocol') or 'tcp'}"
            continue
        said, _, kind = str(entry).partition("/")
        parts = said.rsplit(":", 2)
        if len(parts) >= 2 and parts[-2].isdigit():
            yield (parts[0] if len(parts) == 3 else ""), f"{parts[-2]}/{kind or 'tcp'}"


# -- values ------------------------------------------------------------------------------------------------------------


def _services(told: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(name): value for name, value in _dict(told.get("services")).items() if isinstance(value, dict)}


def _elsewhere(folder: str) -> bool:
    return bool(_VARIABLE.search(folder) or "://" in folder or folder.startswith(("/", "~", "git@")))


def _joined(path: str, name: str) -> str | None:
    """A place beside the compose file, from the top of the tree; None outside of it, or when a variable names it."""
    if _elsewhere(name):
        return None
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return None if place.startswith("..") else place


def _is_folder(place: str, files: frozenset[str]) -> bool:
    return any(path.startswith(f"{place}/") for path in files)


def _line(text: str, service: str) -> int | None:
    found = re.search(rf"^\s+[\"']?{re.escape(service)}[\"']?\s*:", text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else None


def _keys(value: Any) -> list[Any]:
    return list(value) if isinstance(value, dict | list) else []


def _dict(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None or isinstance(value, dict) else [value]
