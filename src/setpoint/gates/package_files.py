"""What manifests say of dependencies: pyproject.toml, requirements files, setup.cfg, Pipfile, package.json."""

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from .package import Listing, Origin, Package, UnreadableError, canonical
from .package_locks import LOCKS

Reader = Callable[[str], Listing]
_REQUIREMENTS = re.compile(r"^(?:requirements|constraints|dev-requirements|test-requirements)[\w.\-]*\.(?:txt|in)$")
_TRUST = re.compile(r"^\s*(?:-i|--index-url|--extra-index-url|--trusted-host|-f|--find-links|--no-index)\b[ =]?\S*")
_LIFECYCLE = ("preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare")


def reader_of(path: str) -> Reader | None:
    """Reads the file, when it is one that names dependencies."""
    pure = PurePosixPath(path)
    if pure.name in LOCKS:
        return LOCKS[pure.name]
    if pure.name in _MANIFESTS:
        return _MANIFESTS[pure.name]
    below = "requirements" in pure.parts[:-1] and pure.suffix in (".txt", ".in")
    return requirements if below or _REQUIREMENTS.match(pure.name) else None


def is_manifest(path: str) -> bool:
    """Whether the file is written by people and locked elsewhere."""
    return PurePosixPath(path).name in _MANIFESTS


# -- Python ----------------------------------------------------------------------------------------------------------


def pyproject(text: str) -> Listing:
    """The standard tables, and those of poetry and uv."""
    told = _toml(text)
    project, tool = _table(told, "project"), _table(told, "tool")
    lists: list[tuple[str, Any]] = [("dependencies", project.get("dependencies"))]
    lists += [(str(name), listed) for name, listed in _table(project, "optional-dependencies").items()]
    lists += [(str(name), listed) for name, listed in _table(told, "dependency-groups").items()]
    lists.append(("build", _table(told, "build-system").get("requires")))
    uv, poetry = _table(tool, "uv"), _table(tool, "poetry")
    lists.append(("dev", uv.get("dev-dependencies")))
    found = [
        package
        for group, listed in lists
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, str) and (package := requirement(entry, group))
    ]
    found = list(_placed(found, _table(uv, "sources")))
    groups = {"dependencies": poetry.get("dependencies"), "dev": poetry.get("dev-dependencies")}
    groups |= {str(name): _table(group, "dependencies") for name, group in _table(poetry, "group").items()}
    for group, listed in groups.items():
        found += [_of_table(str(name), value, group) for name, value in _dict(listed).items() if name != "python"]
    indexes = [*_entries(uv.get("index")), *_entries(poetry.get("source"))]
    urls = [str(index.get("url")) for index in indexes if isinstance(index, dict)]
    urls += [str(uv[key]) for key in ("index-url", "extra-index-url", "find-links") if uv.get(key)]
    return Listing("pypi", False, tuple(found), tuple(urls))


def _placed(packages: list[Package], sources: Mapping[str, Any]) -> Iterator[Package]:
    places = {canonical(str(name)): value for name, value in sources.items()}
    for package in packages:
        value = places.get(package.name)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, dict):
            origin, at = _origin(value)
            yield Package(package.name, package.version, origin, at, group=package.group, pinned=package.pinned)
        else:
            yield package


def _origin(value: Mapping[str, Any]) -> tuple[Origin, str]:
    if value.get("workspace"):
        return "workspace", ""
    for key, origin in _PLACES.items():
        if key in value:
            return origin, str(value[key])
    return ("registry", str(value["index"])) if "index" in value else ("registry", "")


_PLACES: Mapping[str, Origin] = {"git": "git", "url": "url", "path": "path", "file": "path"}


def _of_table(name: str, value: Any, group: str) -> Package:
    if isinstance(value, dict):
        origin, at = _origin(value)
        version = str(value.get("version") or value.get("rev") or value.get("tag") or "")
    else:
        origin, at, version = "registry", "", str(value) if isinstance(value, str) else ""
    version = "" if version == "*" else version
    return Package(canonical(name), version, origin, at, group=group, pinned=bool(version) or origin != "registry")


def requirement(text: str, group: str = "") -> Package | None:
    """One requirement as PEP 508 writes it; None when it is none."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        told = Requirement(text)
    except InvalidRequirement:
        return None
    at = told.url or ""
    origin: Origin = "registry" if not at else "git" if at.startswith("git+") else "url"
    if at.startswith(("file:", ".")):
        origin = "path"
    version = str(told.specifier)
    return Package(canonical(told.name), version, origin, at, group=group, pinned=bool(version or at))


def requirements(text: str) -> Listing:
    """A requirements or constraints file, with its hashes and options."""
    found, trust = [], []
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        entry = re.sub(r"(?:^|\s)#.*$", "", entry).strip()
        if _TRUST.match(entry):
            trust.append(entry)
        elif entry and not entry.startswith(("-r", "-c", "--requirement", "--constraint")):
            package = _requirement_line(entry)
            found += [package] if package else []
    return Listing("pypi", False, tuple(found), tuple(trust))


def _requirement_line(entry: str) -> Package | None:
    hashed = "--hash=" in entry
    entry = re.split(r"\s--(?:hash|global-option|config-settings)", entry)[0].strip()
    editable = re.match(r"^(?:-e|--editable)[ =]*(.*)$", entry)
    place = editable[1] if editable else entry
    named = re.search(r"#(?:egg|subdirectory)=([\w.\-]+)", place)
    if re.match(r"^(?:git|hg|svn|bzr)\+", place):
        name = named[1] if named else PurePosixPath(place.partition("@")[0]).name.removesuffix(".git")
        return Package(canonical(name), "", "git", place)
    if re.match(r"^(?:https?|ftp)://", place):
        return Package(canonical(named[1] if named else PurePosixPath(place).name), "", "url", place, hashed)
    if editable or place.startswith((".", "/", "file:")):
        return Package(canonical(PurePosixPath(place).name or "."), "", "path", place)
    package = requirement(place)
    if package is None:
        return None
    pinned = package.pinned
    return Package(package.name, package.version, package.origin, package.at, hashed, pinned=pinned)


def setup_cfg(text: str) -> Listing:
    """setuptools' declarative form."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise UnreadableError(str(error)) from error
    lists = [("dependencies", parser.get("options", "install_requires", fallback=""))]
    if parser.has_section("options.extras_require"):
        lists += parser.items("options.extras_require")
    found = [
        package
        for group, text_ in lists
        for entry in text_.splitlines()
        if entry.strip() and (package := requirement(entry.strip(), group))
    ]
    return Listing("pypi", False, tuple(found))


def pipfile(text: str) -> Listing:
    """Pipenv's manifest."""
    told = _toml(text)
    found = [
        _of_table(str(name), value, group)
        for group in ("packages", "dev-packages")
        for name, value in _table(told, group).items()
    ]
    urls = [str(entry.get("url")) for entry in _entries(told.get("source")) if isinstance(entry, dict)]
    return Listing("pypi", False, tuple(found), tuple(urls))


# -- JavaScript ------------------------------------------------------------------------------------------------------


def package_json(text: str) -> Listing:
    """npm's manifest: its dependencies of all kinds, overrides, and the scripts that run on installation."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(str(error)[:200]) from error
    if not isinstance(told, dict):
        raise UnreadableError("it holds no object")
    found = [
        _npm(str(name), str(value), group)
        for group in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "resolutions")
        for name, value in _dict(told.get(group)).items()
    ]
    found += [
        _npm(str(name), value, "overrides")
        for name, value in _dict(told.get("overrides")).items()
        if isinstance(value, str)
    ]
    scripts = _dict(told.get("scripts"))
    ran = tuple(f"{name}: {scripts[name]}" for name in _LIFECYCLE if isinstance(scripts.get(name), str))
    return Listing("npm", False, tuple(found), scripts=ran)


def _npm(name: str, value: str, group: str) -> Package:
    value = value.strip()
    if value.startswith("npm:"):  # an alias: another package under this name
        real, _, version = value[4:].rpartition("@")
        return Package(real or version, version if real else "", "registry", f"alias {name}", group=group)
    if value.startswith("workspace:"):
        return Package(name, "", "workspace", group=group)
    if value.startswith(("file:", "link:", "portal:", ".", "/", "~/")):
        return Package(name, "", "path", value, group=group)
    if re.match(r"^(?:git[+:]|git@|github:|gitlab:|bitbucket:|gist:|[\w.\-]+/[\w.\-]+(?:#.*)?$)", value):
        return Package(name, "", "git", value, group=group)
    if re.match(r"^https?://", value):
        return Package(name, "", "git" if ".git" in value else "url", value, group=group)
    loose = value in ("", "*", "x", "latest", "next") or value.startswith(">")
    return Package(name, "" if value in ("*", "x") else value, group=group, pinned=not loose)


def npmrc(text: str) -> Listing:
    """npm's own configuration: the registries that it names, and switched-off checks."""
    shapes = r"^\s*((?:@[\w.\-]+:)?registry|strict-ssl|ignore-scripts|cafile)\s*=\s*(\S+)"
    return Listing("npm", False, (), tuple(f"{key}={value}" for key, value in re.findall(shapes, text, re.MULTILINE)))


def pip_conf(text: str) -> Listing:
    """pip's own configuration: the registries that it names, and hosts trusted without a certificate."""
    shapes = r"^\s*(index-url|extra-index-url|trusted-host|find-links|index_url|url)\s*=\s*(.+)$"
    return Listing("pypi", False, (), tuple(f"{key}={value}" for key, value in re.findall(shapes, text, re.MULTILINE)))


_MANIFESTS: Mapping[str, Reader] = {
    "pyproject.toml": pyproject,
    "setup.cfg": setup_cfg,
    "Pipfile": pipfile,
    "package.json": package_json,
    ".npmrc": npmrc,
    "pip.conf": pip_conf,
    "uv.toml": pip_conf,
}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UnreadableError(str(error)[:200]) from error


def _table(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _dict(told.get(name))


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
