"""Which packages the code of a change begins to import: by the name the code says, without its own modules."""

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from .change_set import ChangeSet, Delta
from .frozen import is_test_path
from .written_tests import JAVASCRIPT

_BESIDE = frozenset(
    (
        *("docs", "doc", "examples", "example", "scripts", "script", "tools", "benchmarks", "bench", "ci", "samples"),
        *("node_modules", "vendor", "third_party", "stubs", "typings"),
    )
)
"""Folders whose code is not what is shipped."""
_OWN_TOOLS = re.compile(r"^(?:noxfile|setup|conf|fabfile|tasks|dodo|hatch_build)\.py$|\.config\.[cm]?[jt]s$|^\.")
_MISSING = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))
_STATEMENT = re.compile(
    r"""^\s*(?:import|export)\b(?!\s*type\b)[^'"`;]*?\bfrom\s*['"]([^'"\n]+)['"]|^\s*import\s*['"]([^'"\n]+)['"]"""
    r"""|(?:\brequire|\bimport)\s*\(\s*['"]([^'"\n]+)['"]\s*\)""",
    re.MULTILINE,
)
_BUILT_IN = frozenset(
    (
        *("assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram"),
        *("diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module"),
        *("net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream"),
        *("string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi"),
        *("worker_threads", "zlib"),
    )
)


@dataclass(frozen=True)
class Imported:
    """One package that a file begins to import."""

    path: str
    module: str
    """`yaml`, `lodash`, `@scope/name`."""
    line: int
    sure: bool = True
    """False: only under a condition."""


def new_imports(change: ChangeSet) -> list[Imported]:
    """What shipped code imports now and did not before, in the order of the files; own modules are left out."""
    found: list[Imported] = []
    for delta in change.deltas:
        pure = PurePosixPath(delta.path)
        shipped = not _BESIDE.intersection(pure.parts[:-1]) and not _OWN_TOOLS.search(pure.name)
        if delta.deleted or not shipped or is_test_path(delta.path):
            continue
        if delta.suffix == ".py":
            found += _new(delta, _python)
        elif delta.suffix in JAVASCRIPT:
            found += _new(delta, _javascript)
    own = own_modules(change.head_files)
    return [entry for entry in found if not (entry.path.endswith(".py") and entry.module in own)]


_Read = Callable[[str], Iterable[tuple[str, int, bool]]]
"""Tells the imports of a text: package, line, and whether it is imported whatever happens."""


def _new(delta: Delta, read: _Read) -> Iterator[Imported]:
    before = {name for name, _, _ in read(delta.text_before)}
    first: dict[str, Imported] = {}
    for name, line, sure in read(delta.text_after):
        known = first.get(name)
        if name not in before and (known is None or (sure and not known.sure)):
            first[name] = Imported(delta.path, name, line, sure)
    yield from first.values()


def own_modules(files: Collection[str]) -> frozenset[str]:
    """Names that a file or a folder of the repository has: an import of one is its own as far as can be told."""
    names: set[str] = set()
    for path in files:
        pure = PurePosixPath(path)
        if pure.suffix in (".py", ".pyi", ".pyx", ".so", ".pyd", ".c", ".rs"):
            names |= {pure.stem.partition(".")[0], *pure.parts[:-1]}
    return frozenset(names)


# -- Python ------------------------------------------------------------------------------------------------------------


def _python(text: str) -> Iterator[tuple[str, int, bool]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    waiting: list[tuple[ast.AST, bool]] = [(tree, True)]
    while waiting:
        node, sure = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno, sure) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno, sure
        elif not _expected_to_fail(node):
            inner = sure and not isinstance(node, ast.If | ast.Try)
            waiting += [(child, inner) for child in ast.iter_child_nodes(node)]


def _expected_to_fail(node: ast.AST) -> bool:
    """Whether what is imported in there may be missing, or is imported for type checkers alone."""
    if isinstance(node, ast.Try):
        caught = [entry.type for entry in node.handlers]
        return any(kind is None or _MISSING.intersection(_names(kind)) for kind in caught)
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in _names(node.test)
    if isinstance(node, ast.With):
        told = [_names(item.context_expr) for item in node.items]
        return any("suppress" in names and _MISSING & names for names in told)
    return False


def _names(node: ast.AST) -> set[str]:
    return {
        part.id if isinstance(part, ast.Name) else part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    }


# -- JavaScript and TypeScript -----------------------------------------------------------------------------------------


def _javascript(text: str) -> Iterator[tuple[str, int, bool]]:
    plain = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    plain = re.sub(r"^\s*//.*$", "", plain, flags=re.MULTILINE)
    for found in _STATEMENT.finditer(plain):
        name = _package(found[1] or found[2] or found[3])
        if name:
            before = plain[: found.start()].rstrip().rpartition("\n")[2] + plain[found.start() : found.end()]
            yield name, plain[: found.end()].count("\n") + 1, not re.search(r"\btry\b|\bif\b|\?", before)


def _package(said: str) -> str:
    """The package of an import; empty for a file, a built-in module and whatever an alias may stand for."""
    if said.startswith((".", "/", "#", "~", "$", "@/", "node:", "bun:", "virtual:")) or ":" in said:
        return ""
    parts = said.split("/")
    name = "/".join(parts[:2]) if said.startswith("@") else parts[0]
    known = re.fullmatch(r"(?:@[a-z0-9][\w.\-]*/)?[a-z0-9][\w.\-]*", name)
    return name if known and name not in _BUILT_IN else ""
