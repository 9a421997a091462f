"""Which files, classes and functions pytest takes for tests here, by its configuration."""

import configparser
import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ..change_set import Read, as_text
from ..frozen import is_test_path

SCRIPTS = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_DEFAULT_FILES = ("test_*.py", "*_test.py", "tests.py", "test.py")
_SCRIPT = re.compile(r"^.*[.\-_](?:test|spec)\.[cm]?[jt]sx?$|^test(?:-.*)?\.[cm]?[jt]sx?$", re.IGNORECASE)
_INI = (("pytest.ini", "pytest"), (".pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))


@dataclass(frozen=True)
class Naming:
    """What a Python test is called."""

    files: tuple[str, ...] = _DEFAULT_FILES
    classes: tuple[str, ...] = ("Test*",)
    functions: tuple[str, ...] = ("test*",)

    def holds_tests(self, path: str) -> bool:
        """Whether a runner looks for tests in `path`."""
        pure = PurePosixPath(path)
        if pure.suffix in SCRIPTS:
            return bool(_SCRIPT.match(pure.name)) or bool({"__tests__", "test", "spec"} & set(pure.parts[:-1]))
        if pure.suffix != ".py":
            return False
        # A package of tests may hold them in its face, as some projects do.
        return any(fnmatchcase(pure.name, glob) for glob in self.files) or (
            pure.name == "__init__.py" and is_test_path(path)
        )

    def is_class(self, name: str) -> bool:
        """Whether a class of this name holds tests."""
        return any(fits(name, glob) for glob in self.classes)

    def is_function(self, name: str) -> bool:
        """Whether a function of this name is a test."""
        return any(fits(name, glob) for glob in self.functions)


def fits(name: str, glob: str) -> bool:
    """Whether pytest takes `name` for what `glob` asks: a plain word is a prefix."""
    return fnmatchcase(name, glob) if any(sign in glob for sign in "*?[") else name.startswith(glob)


def naming(read: Read) -> Naming:
    """The names that the configuration at the root of a tree gives; pytest's own where it gives none."""
    for told in (_from_pyproject(read), *(_from_ini(read, path, section) for path, section in _INI)):
        if told:
            usual = Naming()
            return Naming(
                files=(*told.get("python_files", ()), *_DEFAULT_FILES),
                classes=told.get("python_classes", usual.classes),
                functions=told.get("python_functions", usual.functions),
            )
    return Naming()


def _from_pyproject(read: Read) -> dict[str, tuple[str, ...]]:
    try:
        tool = tomllib.loads(as_text(read("pyproject.toml"))).get("tool", {})
    except tomllib.TOMLDecodeError:
        return {}
    table = tool.get("pytest", {}) if isinstance(tool, dict) else {}
    table = table.get("ini_options", table) if isinstance(table, dict) else {}
    return _only_naming(table) if isinstance(table, dict) else {}


def _from_ini(read: Read, path: str, section: str) -> dict[str, tuple[str, ...]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(as_text(read(path)))
    except configparser.Error:
        return {}
    return _only_naming(dict(parser[section])) if parser.has_section(section) else {}


def _only_naming(table: dict[str, object]) -> dict[str, tuple[str, ...]]:
    found = {}
    for name in ("python_files", "python_classes", "python_functions"):
        value = table.get(name)
        words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
        if words:
            found[name] = tuple(str(word) for word in words)
    return found
