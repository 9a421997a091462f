"""What lock files say of dependencies: uv, poetry, pdm, pylock, Pipenv; npm, pnpm, yarn."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from .package import Listing, Origin, Package, UnreadableError, canonical


def toml_lock(text: str) -> Listing:
    """uv.lock, poetry.lock, pdm.lock and pylock.toml: one table a package."""
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UnreadableError(str(error)[:200]) from error
    listed = told.get("package", told.get("packages", []))
    if not isinstance(listed, list):
        raise UnreadableError("it lists no packages")
    found = [_of_toml(entry) for entry in listed if isinstance(entry, dict) and isinstance(entry.get("name"), str)]
    return Listing("pypi", True, tuple(package for package in found if package.origin != "workspace"))


def _of_toml(entry: Mapping[str, Any]) -> Package:
    source = entry.get("source")
    origin, at = _toml_origin(source if isinstance(source, dict) else entry)
    files = _files(entry)
    times = [stamp for file in files if (stamp := _day(file.get("upload-time", file.get("upload_time"))))]
    hashed = bool(files) and all(file.get("hash") or file.get("hashes") for file in files)
    return Package(
        canonical(entry["name"]),
        str(entry.get("version") or ""),
        origin,
        at,
        hashed=hashed,
        uploaded=min(times, default=None),
    )


def _toml_origin(source: Mapping[str, Any]) -> tuple[Origin, str]:
    if source.get("virtual") or source.get("editable") == ".":
        return "workspace", ""
    for key in ("git", "vcs"):
        if key in source:
            return "git", str(source[key])
    kind, at = str(source.get("type") or ""), str(source.get("url") or source.get("reference") or "")
    if kind == "git":
        return "git", at
    if kind in ("directory", "file") or any(key in source for key in ("path", "directory", "editable")):
        found = at or source.get("path") or source.get("directory") or source.get("editable")
        return "path", str(found)
    if kind == "url" or ("url" in source and not kind):
        return "url", at
    registry = str(source.get("registry") or at if kind == "legacy" else source.get("registry") or "")
    return "registry", registry


def _files(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = [*_list(entry.get("files")), *_list(entry.get("wheels"))]
    found += [entry["sdist"]] if isinstance(entry.get("sdist"), dict) else []
    return [file for file in found if isinstance(file, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    try:
        return date.fromisoformat(str(value)[:10]) if value else None
    except ValueError:
        return None


def pipfile_lock(text: str) -> Listing:
    """Pipenv's lock."""
    told = _json(text)
    found = []
    for group in ("default", "develop"):
        for name, entry in _dict(told.get(group)).items():
            value = _dict(entry)
            origin: Origin = "git" if "git" in value else "url" if "file" in value else "registry"
            at = str(value.get("git") or value.get("file") or "")
            version = str(value.get("version") or "").lstrip("=")
            found.append(Package(canonical(str(name)), version, origin, at, bool(value.get("hashes")), group=group))
    return Listing("pypi", True, tuple(found))


def npm_lock(text: str) -> Listing:
    """package-lock.json and npm-shrinkwrap.json of all versions."""
    told = _json(text)
    if isinstance(told.get("packages"), dict):
        entries = [
            (str(path).rpartition("node_modules/")[2], _dict(entry))
            for path, entry in told["packages"].items()
            if "node_modules/" in str(path)
        ]
    else:
        entries = list(_nested(told))
    return Listing("npm", True, tuple(_of_npm(name, entry) for name, entry in entries if not entry.get("link")))


def _nested(told: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    waiting = [_dict(told.get("dependencies"))]
    while waiting:
        for name, entry in waiting.pop().items():
            yield str(name), _dict(entry)
            waiting.append(_dict(_dict(entry).get("dependencies")))


def _of_npm(name: str, entry: Mapping[str, Any]) -> Package:
    version, resolved = str(entry.get("version") or ""), str(entry.get("resolved") or "")
    origin, at = _npm_origin(resolved or (version if ":" in version else ""))
    licence = entry.get("license")
    return Package(
        str(entry.get("name") or name),
        version,
        origin,
        at,
        hashed=bool(entry.get("integrity")),
        scripts=bool(entry.get("hasInstallScript")),
        licence=licence if isinstance(licence, str) else "",
    )


def _npm_origin(resolved: str) -> tuple[Origin, str]:
    if not resolved:
        return "registry", ""
    if resolved.startswith(("git", "github:")) or "codeload." in resolved:
        return "git", resolved
    if resolved.startswith(("file:", "link:", ".")):
        return "path", resolved
    # All registries serve the same layout; anything else is somebody's own file.
    return ("registry", re.sub(r"^(https?://[^/]+).*$", r"\1", resolved)) if "/-/" in resolved else ("url", resolved)


def pnpm_lock(text: str) -> Listing:
    """pnpm-lock.yaml of all versions."""
    from .bounded_yaml import read_yaml

    try:
        told = read_yaml(text)
    except ValueError as error:
        raise UnreadableError(str(error)[:200]) from error
    found = []
    for key, value in _dict(_dict(told).get("packages")).items():
        entry, resolution = _dict(value), _dict(_dict(value).get("resolution"))
        name, version = _pnpm_name(str(key))
        place = str(resolution.get("tarball") or resolution.get("repo") or resolution.get("directory") or "")
        origin, at = _npm_origin(place)
        if "repo" in resolution:
            origin, at = "git", place
        found.append(
            Package(name, version, origin, at, bool(resolution.get("integrity")), bool(entry.get("requiresBuild")))
        )
    return Listing("npm", True, tuple(found))


def _pnpm_name(key: str) -> tuple[str, str]:
    key = re.sub(r"\(.*$", "", key.lstrip("/"))
    name, _, version = key[1:].rpartition("@") if key.startswith("@") else key.rpartition("@")
    if not name:  # up to version 5: /name/1.2.3
        name, _, version = key.rpartition("/")
        return (name, re.sub(r"_.*$", "", version)) if name else (version, "")
    return (f"@{name}" if key.startswith("@") else name), re.sub(r"_.*$", "", version)


_SAID = re.compile(r'^  (version|resolved|integrity|resolution|checksum):? "?([^"\n]+)"?', re.MULTILINE)


def yarn_lock(text: str) -> Listing:
    """yarn.lock, of the first version and of those since."""
    found = []
    for block in re.split(r"\n(?=\S)", text):
        head = re.match(r'^"?((?:@[^@/"\s]+/)?[^@"\s,]+)@(.*?)"?:\s*$', block.split("\n")[0])
        if not head or head[1].startswith("__"):
            continue
        said = dict(_SAID.findall(block))
        place = said.get("resolved", "")
        if not place and (berry := re.search(r"@(?!npm:)(\S+)$", said.get("resolution", "")[1:])):
            place = berry[1]
        if place.startswith("workspace:"):
            continue
        origin, at = _npm_origin(place)
        hashed = "integrity" in said or "checksum" in said
        found.append(Package(head[1], said.get("version", "").strip(), origin, at, hashed))
    return Listing("npm", True, tuple(found))


LOCKS: Mapping[str, Callable[[str], Listing]] = {
    "uv.lock": toml_lock,
    "poetry.lock": toml_lock,
    "pdm.lock": toml_lock,
    "pylock.toml": toml_lock,
    "Pipfile.lock": pipfile_lock,
    "package-lock.json": npm_lock,
    "npm-shrinkwrap.json": npm_lock,
    "pnpm-lock.yaml": pnpm_lock,
    "yarn.lock": yarn_lock,
}


def _json(text: str) -> Mapping[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(str(error)[:200]) from error
    return _dict(told)


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
