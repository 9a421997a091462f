"""What a change needs of the place it runs in: settings nothing declares, manifests, what a Procfile starts."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from . import manifests
from .build_context import Context
from .change_set import ChangeSet, Delta, as_text
from .compose import is_compose
from .container_faults import Fault, as_objection
from .container_start import Start, starts
from .dockerfile import is_dockerfile, read_dockerfile
from .frozen import is_test_path
from .measured import built_in

NAME = "deployment"
READ = 400
"""Most files that are looked through for one name."""
_SOURCES = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx", ".jsx")
_READS = {
    True: (
        re.compile(r"""\benviron\s*\[\s*['"](\w+)['"]\s*\](?!\s*=[^=])"""),
        re.compile(r"""\b(?:environ\.get|getenv|environ\.pop)\(\s*['"](\w+)['"]\s*(,)?"""),
    ),
    False: (
        re.compile(r"""\bprocess\.env\.([A-Za-z_]\w*)\b(?!\s*=[^=>])\s*(\|\||\?\?)?"""),
        re.compile(r"""\bprocess\.env\[\s*['"](\w+)['"]\s*\](?!\s*=[^=])\s*(\|\||\?\?)?"""),
        re.compile(r"""\bimport\.meta\.env\.([A-Za-z_]\w*)\b\s*(\|\||\?\?)?"""),
    ),
}
"""How Python, and how JavaScript reads a variable; a second group: there is a default."""
_USUAL = re.compile(
    r"^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TERM|TMPDIR|TEMP|TMP|PWD|CI|NO_COLOR|FORCE_COLOR|EDITOR|PAGER|HOSTNAME"
    r"|DISPLAY|COLUMNS|LINES|NODE_ENV|MODE|DEV|PROD|SSR|BASE_URL|(?:XDG|PYTHON|PYTEST|GITHUB|GITLAB|npm|NPM)_\w+|PYTHON\w+)$"
)
_PLACES = re.compile(
    r"(?:^|/)(?:\.env[\w.\-]*|[\w.\-]+\.env(?:\.\w+)?|env\.example|Procfile[\w.\-]*|app\.json|render\.ya?ml|fly\.toml|vercel\.json"
    r"|netlify\.toml|serverless\.ya?ml|values[\w.\-]*\.ya?ml|[\w.\-]+\.(?:service|tf|tfvars|nomad|hcl|bicep)|Chart\.yaml)$"
    r"|(?:^|/)(?:k8s|kubernetes|manifests|deploy|deployment|helm|charts|ops|infra|terraform|ansible)/.+\.(?:ya?ml|json|toml|env|sh)$"
)
_WORDS = re.compile(
    r"(?:^|/)(?:README|CONFIG|INSTALL|DEPLOY)[\w.\-]*$|^docs?/.+\.(?:md|rst|txt)$|\.(?:toml|ini|cfg)$|^\.github/"
)
"""Files that speak of settings without giving them."""


def check_deployment(change: ChangeSet) -> Measured:
    """An objection for each thing that the place the change runs in will lack, and that the base did not lack."""
    looked, found = 0, list[Objection]()
    for delta in change.deltas:
        if delta.deleted:
            continue
        if delta.suffix in _SOURCES and not is_test_path(delta.path):
            looked += 1
            found += _settings(delta, change)
        elif manifests.is_manifest(delta.path, delta.text_after) or (
            manifests.is_manifest(delta.path, delta.text_before) and "{{" not in delta.text_after
        ):
            looked += 1
            new = manifests.faults(delta.text_before, delta.text_after)
            found += [_minded(delta.path, fault) for fault in new]
    for path in sorted(path for path in change.head_files if PurePosixPath(path).name == "Procfile"):
        looked += 1
        found += _processes(path, change)
    return built_in(NAME, found, examined=looked, unit="files", tree=change.head)


def _minded(path: str, fault: Fault) -> Objection:
    return as_objection(NAME, path, fault, Deviation.ARCHITECTURE)


# -- settings ----------------------------------------------------------------------------------------------------------


def _settings(delta: Delta, change: ChangeSet) -> Iterator[Objection]:
    """Variables that the change begins to read."""
    before = set(_read_in(delta.path, delta.text_before))
    told = set[str]()
    for number, line in delta.added_lines.items():
        for name, default in _read_in(delta.path, line).items():
            if name in before or name in told or _USUAL.match(name) or not name.isupper():
                continue
            told.add(name)
            yield from _undeclared(name, default, delta.path, number, change)


def _read_in(path: str, text: str) -> dict[str, bool]:
    """Names of the variables that `text` reads, and whether each has a default."""
    found: dict[str, bool] = {}
    for pattern in _READS[path.endswith(".py")]:
        for one in pattern.finditer(text):
            found[one[1]] = bool(pattern.groups > 1 and one[2])
    return found


def _undeclared(name: str, default: bool, path: str, line: int, change: ChangeSet) -> Iterator[Objection]:
    places = [one for one in sorted(change.head_files) if _is_place(one)]
    others = [one for one in sorted(change.head_files) if _WORDS.search(one) and one not in places]
    if _named(name, places, change) or _named(name, others, change) or _elsewhere(name, path, change):
        return
    severity = Severity.MEDIUM if places and not default else Severity.LOW
    shown = ", ".join(places[:4]) + (", …" if len(places) > 4 else "")
    cause = f"looked for it in {shown}" if places else "the repository describes no place that it runs in"
    what = f"the code begins to read {name}, which nothing declares{'; it has a default' if default else ''}"
    yield _minded(
        path, Fault("undeclared-setting", what, line, f"{cause}; name it there, or in .env.example", severity)
    )


def _is_place(path: str) -> bool:
    return is_compose(path) or is_dockerfile(path) or bool(_PLACES.search(path))


def _named(name: str, paths: Sequence[str], change: ChangeSet) -> bool:
    word = re.compile(rf"(?<!\w){name}(?!\w)")
    return any(word.search(as_text(change.read_head(path))) for path in paths[:READ])


def _elsewhere(name: str, path: str, change: ChangeSet) -> bool:
    """Whether code of the base read it already."""
    files = [one for one in sorted(change.base_files) if one.endswith(_SOURCES) and not is_test_path(one)][:READ]
    return any(name in as_text(change.read_base(one)) for one in files)


# -- processes ---------------------------------------------------------------------------------------------------------


def _processes(path: str, change: ChangeSet) -> Iterator[Objection]:
    """What a Procfile starts and the tree does not have, and the base's did."""
    now = _started(as_text(change.read_head(path)), change.head_files)
    before = {start.name for start in _started(as_text(change.read_base(path)), change.base_files) if not start.there}
    for start in now:
        if not start.there and start.ours and start.name not in before:
            what = f"the process starts `{start.name}`, which is not in the tree"
            yield _minded(path, Fault("missing-start", what, start.line, "it ends as soon as it begins"))


def _started(text: str, files: frozenset[str]) -> list[Start]:
    found = []
    for number, line in enumerate(text.splitlines()[:50], 1):
        told = re.match(r"^[\w\-]+:\s*(\S.*)$", line)
        if told:
            file = read_dockerfile(f"FROM scratch\nWORKDIR /srv\nCOPY . .\nCMD {told[1]}\n")
            found += [
                Start(one.word, one.name, number, one.there, one.ours, one.made)
                for one in starts(file, [Context(".", files)])
            ]
    return found
