"""Kubernetes manifests before and after a change: what does not parse, is watched or bounded no more, or is let out."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ..model.objection import Severity
from .container_faults import Fault, image_parts, loose

PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
TEXT = 1_000_000
"""Larger files are not read."""
_DOCUMENTS = 200
_MARK = re.compile(r"^apiVersion\s*:", re.MULTILINE)
_KIND = re.compile(r"^kind\s*:", re.MULTILINE)

Document = Mapping[str, Any]


def is_manifest(path: str, text: str) -> bool:
    """Whether a file holds manifests, by its name and its own words; templates are not read."""
    yaml = path.endswith((".yml", ".yaml")) and "{{" not in text and len(text) <= TEXT
    return yaml and bool(_MARK.search(text) or (_KIND.search(text) and re.search(r"^metadata\s*:", text, re.MULTILINE)))


def documents(text: str) -> list[Document]:
    """The documents of a file. Raises ValueError."""
    from .bounded_yaml import read_documents

    told = list(islice((one for one in read_documents(text) if one is not None), _DOCUMENTS))
    told = [each for one in told for each in (_listed(one) if isinstance(one, dict) else [one])]
    if any(not isinstance(one, dict) for one in told):
        raise ValueError("it holds something that is no mapping")
    return told


def _listed(one: Document) -> list[Any]:
    return _list(one.get("items")) if one.get("kind") == "List" else [one]


def faults(before: str, after: str) -> Iterator[Fault]:
    """What is wrong with the manifests of a file that was `before`."""
    try:
        now = documents(after)
    except ValueError as error:
        yield Fault("unreadable", "the manifest cannot be read", 1, str(error))
        return
    try:
        old = {_name(one): one for one in documents(before)}
    except ValueError:
        old = {}
    for one in now:
        for key in ("apiVersion", "kind"):
            if not one.get(key) and not (_name(one) in old and not old[_name(one)].get(key)):
                yield Fault("no-kind", f"{_name(one)} names no {key}", _line(after, _name(one)), "nobody takes it")
        yield from _workload(one, old.get(_name(one)), after)


def _workload(one: Document, old: Document | None, text: str) -> Iterator[Fault]:
    spec, before = _pod(one), _pod(old or {})
    at, name = _line(text, _name(one)), _name(one)
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key) is True and before.get(key) is not True:
            cause = "whoever breaks into it has the machine's own"
            yield Fault("host-namespace", f"{name} shares the host's {key.removeprefix('host').lower()}", at, cause)
    earlier = {str(c.get("name")): c for c in _containers(before)}
    for container in _containers(spec):
        yield from _container(name, container, earlier.get(str(container.get("name"))), old is not None, at)


def _container(name: str, now: Document, old: Document | None, known: bool, at: int | None) -> Iterator[Fault]:
    named = f"{name}/{now.get('name')}"
    for probe in PROBES:
        if old is not None and old.get(probe) and not now.get(probe):
            yield Fault("probe-removed", f"{named} has no {probe} any more", at, "nobody sees that it does not answer")
    for key in ("limits", "requests"):
        if old is not None and _dict(old.get("resources")).get(key) and not _dict(now.get("resources")).get(key):
            cause = "it may take all that its neighbours need" if key == "limits" else "it is promised nothing"
            yield Fault("resources-removed", f"{named} has no resource {key} any more", at, cause)
    safety, before = _dict(now.get("securityContext")), _dict(_dict(old).get("securityContext"))
    for key, bad in (("privileged", True), ("allowPrivilegeEscalation", True), ("runAsUser", 0)):
        if safety.get(key) == bad and safety.get(key) is not None and before.get(key) != bad:
            yield Fault("privileged", f"{named} has {key}: {bad}", at, "whoever breaks into it has more than it needs")
    for key in ("runAsNonRoot", "readOnlyRootFilesystem"):
        if before.get(key) is True and safety.get(key) is not True:
            yield Fault("privileged", f"{named} has no {key} any more", at, "it was held to it before")
    image, was = str(now.get("image") or ""), str(_dict(old).get("image") or "")
    if "@" in was and "@" not in image and image_parts(image)[0] == image_parts(was)[0]:
        yield Fault("unpinned", f"the image of {named} was fixed by its digest and is no longer", at)
    elif image and "$" not in image and loose(image) and not (was and loose(was)):
        cause = "tomorrow's container is another one: name a version, better a digest"
        yield Fault("unpinned", f"image `{image}` of {named} has no fixed tag", at, cause, Severity.MEDIUM)


def _pod(one: Document) -> Document:
    spec = _dict(one.get("spec"))
    if one.get("kind") == "Pod":
        return spec
    if one.get("kind") == "CronJob":
        spec = _dict(_dict(spec.get("jobTemplate")).get("spec"))
    return _dict(_dict(spec.get("template")).get("spec"))


def _containers(spec: Document) -> list[Document]:
    found = [*_list(spec.get("containers")), *_list(spec.get("initContainers"))]
    return [one for one in found if isinstance(one, dict)]


def _name(one: Document) -> str:
    return f"{one.get('kind') or 'a document'} {_dict(one.get('metadata')).get('name') or 'without a name'}"


def _line(text: str, name: str) -> int | None:
    found = re.search(rf"^\s+name:\s*[\"']?{re.escape(name.rpartition(' ')[2])}[\"']?\s*$", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
