"""What a repository says about coverage itself: what is measured, what is left out, and the floor it must keep."""

import configparser
import io
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import Any

from .change_set import Read, as_text

Sections = Mapping[str, Mapping[str, str]]
_SCRIPT_CONFIGS = tuple(
    f"{tool}.config.{end}" for tool in ("vitest", "vite", "jest") for end in ("ts", "js", "mjs", "mts")
)
_RC_FILES = (".c8rc.json", ".c8rc", ".nycrc.json", ".nycrc")


@dataclass(frozen=True)
class CoverageSettings:
    """The settings of one project folder at one side of a change."""

    sections: Sections = field(default_factory=dict)
    """coverage.py's own, as INI values."""
    floor: float | None = None
    """The least share of all lines, in percent, that the repository demands of itself."""
    where: str = ""
    """The file that says the floor."""
    pytest: str = ""
    """pytest's own additional options."""

    def listed(self, section: str, name: str) -> tuple[str, ...]:
        """A setting of several lines."""
        text = self.sections.get(section, {}).get(name, "")
        return tuple(part.strip() for part in re.split(r"[\n,]" if name in _COMMAS else r"\n", text) if part.strip())


_COMMAS = ("source", "source_pkgs", "omit", "include", "plugins", "concurrency")


def settings(read: Read, where: str = ".") -> CoverageSettings:
    """The settings that files below folder `where` make."""

    def text(name: str) -> str:
        return as_text(read(normpath(join(where, name))))

    sections, source = _python_sections(text)
    options = _pytest_options(text)
    floors = [
        (_number(sections.get("report", {}).get("fail_under")), source),
        (_number((re.findall(r"--cov-fail-under[= ](\d+(?:\.\d+)?)", options) or [None])[-1]), "pytest's options"),
        *_script_floors(text),
    ]
    named = [(floor, origin) for floor, origin in floors if floor is not None and floor > 0]
    floor, origin = max(named, default=(None, ""), key=lambda entry: entry[0] or 0.0)
    return CoverageSettings(sections, floor, origin, options)


def _number(text: object) -> float | None:
    try:
        return float(str(text)) if text is not None else None
    except ValueError:
        return None


# -- Python ----------------------------------------------------------------------------------------------------------


def _python_sections(text: Any) -> tuple[Sections, str]:
    for name, bare in ((".coveragerc", True), ("setup.cfg", False), ("tox.ini", False)):
        sections = _ini(text(name), bare)
        if sections:
            return sections, name
    told = _toml(text("pyproject.toml")).get("tool", {}).get("coverage", {})
    return _flattened(told), "pyproject.toml"


def _ini(text: str, bare: bool) -> Sections:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    found = {}
    for section in parser.sections():
        if bare or section.startswith("coverage:"):
            found[section.removeprefix("coverage:")] = dict(parser.items(section))
    return found


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _flattened(told: Any) -> Sections:
    if not isinstance(told, dict):
        return {}
    return {
        str(section): {str(name): _as_ini(value) for name, value in values.items()}
        for section, values in told.items()
        if isinstance(values, dict)
    }


def _as_ini(value: object) -> str:
    if isinstance(value, list):
        return "\n" + "\n".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pytest_options(text: Any) -> str:
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        for section in ("pytest", "tool:pytest"):
            found = _ini_value(text(name), section, "addopts")
            if found:
                return found
    told = _toml(text("pyproject.toml")).get("tool", {}).get("pytest", {})
    options = told.get("ini_options", told).get("addopts", "") if isinstance(told, dict) else ""
    return " ".join(map(str, options)) if isinstance(options, list) else str(options)


def _ini_value(text: str, section: str, name: str) -> str:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
        return parser.get(section, name, fallback="")
    except configparser.Error:
        return ""


def rcfile(said: CoverageSettings, source: tuple[str, ...], *, contexts: bool) -> str:
    """A configuration for coverage.py: what the base says, with paths of the repository, no floor, and with `contexts`
    the test that ran each line."""
    parser = configparser.RawConfigParser()
    for section, values in said.sections.items():
        parser[section] = {name: value.replace("\n", "\n    ") for name, value in values.items()}
    for section in ("run", "report"):
        if not parser.has_section(section):
            parser.add_section(section)
    run = parser["run"]
    run["relative_files"] = "true"
    run["parallel"] = "true"
    run.pop("dynamic_context", "")
    if contexts:
        run["dynamic_context"] = "test_function"
    run.pop("data_file", "")
    if source and not run.get("source") and not run.get("source_pkgs") and not run.get("include"):
        run["source"] = "\n    " + "\n    ".join(source)
    parser["report"].pop("fail_under", "")
    written = io.StringIO()
    parser.write(written)
    return written.getvalue()


# -- JavaScript ------------------------------------------------------------------------------------------------------


def _script_floors(text: Any) -> list[tuple[float | None, str]]:
    floors: list[tuple[float | None, str]] = []
    package = _json(text("package.json"))
    jest = package.get("jest")
    if isinstance(jest, dict):
        floors.append((_lines_of(jest.get("coverageThreshold")), "package.json"))
    floors += [(_lines_of(package.get(tool)), "package.json") for tool in ("c8", "nyc")]
    floors += [(_lines_of(_json(text(name))), name) for name in _RC_FILES]
    for name in _SCRIPT_CONFIGS:
        block = re.search(r"(?:thresholds|coverageThreshold)\s*:\s*\{(.{0,2000})", text(name), re.DOTALL)
        found = re.search(r"\b(?:lines|statements)['\"]?\s*:\s*(\d+(?:\.\d+)?)", block[1]) if block else None
        floors.append((_number(found[1]) if found else None, name))
    scripts = package.get("scripts")
    for script in scripts.values() if isinstance(scripts, dict) else ():
        found = re.search(r"--(?:lines|statements)[= ](\d+(?:\.\d+)?)", str(script))
        floors.append((_number(found[1]) if found else None, "package.json"))
    return floors


def _json(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _lines_of(told: object) -> float | None:
    if not isinstance(told, dict):
        return None
    inner = told.get("global", told)
    found = inner.get("lines", inner.get("statements")) if isinstance(inner, dict) else None
    return _number(found)
