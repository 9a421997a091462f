"""tox, nox, hatch, poe and their like: the commands in their environments, which a gate runs without them.

They make environments from the network, which gates do not have. So the inner command is read and run in the
environment that is there; what cannot be read is set aside with the reason.
"""

import ast
import configparser
import re
from collections.abc import Iterator
from typing import Any

from ..model.gate import SetAside
from .project import Project
from .said import Heard, Said, commands_in, joined
from .tools import TOOLS

_NO_NETWORK = "makes its environment from the network, which gates do not have"
_FACTORS = re.compile(r"^[\w!.,{}-]+:\s+")
_KNOWN = {"toxinidir": ".", "tox_root": ".", "envpython": "python", "env_python": "python", "root": ".", "posargs": ""}


def runner_lines(project: Project) -> Heard:
    """What the project's task runners run."""
    return joined([_tox_ini(project), _tox_toml(project), _nox(project), _scripts(project)])


# -- tox -------------------------------------------------------------------------------------------------------------


def _tox_ini(project: Project) -> Heard:
    pyproject = project.toml("pyproject.toml").get("tool", {})
    legacy = pyproject.get("tox", {}).get("legacy_tox_ini", "") if isinstance(pyproject, dict) else ""
    inline = legacy if isinstance(legacy, str) else ""
    name, text = ("tox.ini", project.text("tox.ini")) if project.has("tox.ini") else ("pyproject.toml", inline)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return Heard()
    rows: list[tuple[str, str]] = []
    for section in parser.sections():
        if section.partition(":")[0] == "testenv":
            commands = parser[section].get("commands", "")
            rows += [(row, section.partition(":")[2]) for row in re.sub(r"\\\n\s*", " ", commands).split("\n")]
    values = {f"[{section}]{key}": value for section in parser.sections() for key, value in parser[section].items()}
    return _tox_rows(project, name, rows, values)


def _tox_rows(project: Project, name: str, rows: list[tuple[str, str]], values: dict[str, str]) -> Heard:
    found: list[Heard] = []
    for row, environment in rows:
        command = _FACTORS.sub("", row.strip()).lstrip("-").strip()
        for text in _substituted(command, values).split("\n"):
            place = project.at(name, _first_words(command))
            if "{" in text.replace("{}", ""):
                why = f"tox fills in a part of it, and {_NO_NETWORK}"
                found.append(_aside(text, place, why))
            elif text.strip():
                shown = f"{place} (tox {environment})" if environment else place
                found.append(Heard(tuple(commands_in(text, shown, named=environment))))
    return joined(found)


def _aside(command: str, place: str, why: str) -> Heard:
    """A check that cannot be read; what builds documents or packages is none."""
    known = any(line.told.tool in TOOLS for line in commands_in(command, place))
    return Heard(aside=(SetAside(command=command[:300], place=place, why=why),)) if known else Heard()


def _first_words(command: str) -> str:
    return command.partition("{")[0].strip()[:60] or command[:60]


def _substituted(text: str, values: dict[str, str], depth: int = 3) -> str:
    def fill(found: re.Match[str]) -> str:
        name, _, default = found[1].partition(":")
        if name == "env":
            return default.partition(":")[2]
        if name in ("posargs", "args"):
            return default
        return values.get(found[1], _KNOWN.get(name, found[0]))

    for _ in range(depth):
        filled = re.sub(r"\{([^{}]*)\}", fill, text)
        if filled == text:
            break
        text = filled
    return text


def _tox_toml(project: Project) -> Heard:
    tool = project.toml("pyproject.toml").get("tool", {})
    native = tool.get("tox") if isinstance(tool, dict) else None
    name = "tox.toml" if project.has("tox.toml") else "pyproject.toml"
    table = project.toml("tox.toml") if project.has("tox.toml") else native
    if not isinstance(table, dict):
        return Heard()
    named = table.get("env")
    environments = {"": table.get("env_run_base"), **(named if isinstance(named, dict) else {})}
    said: list[Said] = []
    for environment, settings in environments.items():
        commands = settings.get("commands") if isinstance(settings, dict) else None
        for command in commands if isinstance(commands, list) else ():
            if isinstance(command, list):
                words = [_substituted(part, {}) for part in command if isinstance(part, str)]
                place = f"{project.at(name, words[0] if words else '')} (tox {environment or 'run base'})"
                text = " ".join(f'"{word}"' if " " in word else word for word in words)
                said += commands_in(text, place, named=environment)
    return Heard(tuple(said))


# -- nox -------------------------------------------------------------------------------------------------------------


def _nox(project: Project) -> Heard:
    try:
        tree = ast.parse(project.text("noxfile.py"))
    except (SyntaxError, ValueError, RecursionError):
        return Heard()
    found = [_session(project, node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and _is_nox(node)]
    return joined(found)


def _is_nox(function: ast.FunctionDef) -> bool:
    names = [ast.unparse(entry).partition("(")[0] for entry in function.decorator_list]
    return any(name.rpartition(".")[2] == "session" for name in names)


def _session(project: Project, function: ast.FunctionDef) -> Heard:
    found: list[Heard] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run":
            place = f"{project.at('noxfile.py')}:{node.lineno}"
            words = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            given = [part for part in node.args if not isinstance(part, ast.Constant)]
            # What stars bring is the caller's own words; anything else is made as it runs.
            if all(isinstance(part, ast.Starred) for part in given):
                text = " ".join(f'"{word}"' if " " in word else word for word in words)
                found.append(Heard(tuple(commands_in(text, place, named=function.name))))
            elif words:
                why = f"the session makes a part of it as it runs, and nox {_NO_NETWORK}"
                found.append(_aside(" ".join(words), place, why))
    return joined(found)


# -- scripts of project managers -------------------------------------------------------------------------------------


def _scripts(project: Project) -> Heard:
    tool = project.toml("pyproject.toml").get("tool", {})
    tool = tool if isinstance(tool, dict) else {}
    tables: list[tuple[str, str, Any]] = [
        ("pyproject.toml", "poe", _table(tool, "poe", "tasks")),
        ("poe_tasks.toml", "poe", project.toml("poe_tasks.toml").get("tasks")),
        ("pyproject.toml", "pdm", _table(tool, "pdm", "scripts")),
        ("pyproject.toml", "task", _table(tool, "taskipy", "tasks")),
        ("pyproject.toml", "rye", _table(tool, "rye", "scripts")),
    ]
    for name, environments in (
        ("pyproject.toml", _table(tool, "hatch", "envs")),
        ("hatch.toml", project.toml("hatch.toml").get("envs")),
    ):
        for settings in environments.values() if isinstance(environments, dict) else ():
            tables.append((name, "hatch", settings.get("scripts") if isinstance(settings, dict) else None))
    said: list[Said] = []
    for name, runner, table in tables:
        for key, value in table.items() if isinstance(table, dict) else ():
            for text in _texts(value):
                place = f"{project.at(name, _first_words(text))} ({runner} {key})"
                said += commands_in(_substituted(text, {}), place, named=str(key))
    return Heard(tuple(said))


def _table(tool: dict[str, Any], name: str, key: str) -> Any:
    found = tool.get(name)
    return found.get(key) if isinstance(found, dict) else None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split("\n")
    elif isinstance(value, list):
        if value and all(isinstance(part, str) and " " not in part for part in value) and len(value) > 1:
            yield " ".join(value)
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for key in ("cmd", "shell", "sequence", "composite", "chain"):
            if key in value:
                yield from _texts(value[key])
