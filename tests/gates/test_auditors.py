"""Which audits a repository's lock files call for, whom they ask, and that leaving them out is a decision."""

from typing import Any

import pytest

from setpoint.errors import ConfigError
from setpoint.gates.auditors import apart, require_decided, there, unread
from setpoint.gates.commands import shown
from setpoint.gates.detect import detect
from setpoint.model.evidence import GateKind
from setpoint.model.gate import Gate
from setpoint.testing.gate_rooms import MakeRoom

UV_LOCK = 'version = 1\n[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "https://mirror.corp/simple" }\n'
UV_ALONE = 'version = 1\n[[package]]\nname = "own"\nversion = "0"\nsource = { virtual = "." }\n'
ALONE = '{"lockfileVersion": 3, "packages": {"": {"name": "own"}}}'
PINS = "# pins\nidna==3.7 \\\n    --hash=sha256:aa\nrich[a, b]==14.0 ; python_version > '3.9'\n"


def gate(run: str, where: str = ".") -> Gate:
    return Gate(kind=GateKind.SECURITY, run=tuple(run.split()), where=where)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"package-lock.json": "{}"}, {"audit": ("npm audit", "registry.npmjs.org")}),
        (
            {"pnpm-lock.yaml": "", ".npmrc": "a=b\nregistry=http://npm.corp:4873/x\n"},
            {"audit": ("pnpm audit", "npm.corp:4873")},
        ),
        (
            {"yarn.lock": "__metadata:\n", ".yarnrc.yml": 'npmAuditRegistry: "https://audit.corp"\n'},
            {"audit": ("yarn npm audit --all --recursive", "audit.corp")},
        ),
        ({"yarn.lock": "# yarn lockfile v1\n"}, {"audit": ("osv-scanner --lockfile=yarn.lock", "api.osv.dev")}),
        ({"uv.lock": UV_LOCK}, {"audit": ("uv audit --frozen", "api.osv.dev mirror.corp")}),
        ({"uv.lock": ""}, {"audit": ("uv audit --frozen", "api.osv.dev pypi.org")}),
        (
            {"requirements.txt": PINS},
            {"audit": ("pip-audit --disable-pip --no-deps -r requirements.txt", "pypi.org")},
        ),
        ({"requirements.txt": "idna>=3\nrich==1\n"}, {}),
        ({"requirements.txt": "# nothing yet\n"}, {}),
        ({"Pipfile.lock": "{}"}, {"audit": ("osv-scanner --lockfile=Pipfile.lock", "api.osv.dev")}),
        (
            {"uv.lock": "", "web/package.json": "{}", "web/package-lock.json": "{}"},
            {"audit": ("uv audit --frozen", "api.osv.dev pypi.org"), "web-audit": ("npm audit", "registry.npmjs.org")},
        ),
        (
            {"uv.lock": "", "requirements.txt": PINS, "a.py": "", "Makefile": "security:\n\tpip-audit\n"},
            {"security": ("pip-audit", "pypi.org")},
        ),
        (
            {"uv.lock": "", "a.py": "", "Makefile": "security:\n\tuv audit\n"},
            {"security": ("uv audit", "api.osv.dev pypi.org")},
        ),
        (
            {"package-lock.json": "{}", ".npmrc": "registry=http://[::\n"},
            {"audit": ("npm audit", "registry.npmjs.org")},
        ),
        *(
            ({"package-lock.json": "{}", ".npmrc": f"registry={at}\n"}, {"audit": ("npm audit", "registry.npmjs.org")})
            for at in ("https://10.0.0.1/npm", "${REGISTRY}", "https://h\u00f6st.example:99999/", "http://[::1]:4873/")
        ),
        (
            {"package-lock.json": "{}", ".npmrc": "registry=https://a:pw@npm.corp/"},
            {"audit": ("npm audit", "npm.corp")},
        ),
        ({"setup.py": ""}, {}),
        ({"package-lock.json": ALONE}, {}),
        (
            {"package-lock.json": ALONE.replace("}}}", '}, "node_modules/a": {}}}')},
            {"audit": ("npm audit", "registry.npmjs.org")},
        ),
        ({"uv.lock": UV_ALONE}, {}),
        ({"uv.lock": UV_ALONE + UV_LOCK[12:]}, {"audit": ("uv audit --frozen", "api.osv.dev mirror.corp")}),
    ],
)  # fmt: skip
def test_each_lock_file_has_an_audit_proposed_with_the_hosts_it_asks(
    project: MakeRoom, files: dict[str, str], found: dict[str, tuple[str, str]]
) -> None:
    root = project({"test_a.py": "import pytest\ndef test_a(): pass\n", **files}).path
    rest, proposed = apart(root, detect(root))
    assert {one.name: (shown(one.gate.run), " ".join(one.gate.network)) for one in proposed} == found
    assert all(one.gate.kind is GateKind.SECURITY and one.gate.required for one in proposed)
    assert not [one for one in rest if one.gate.kind is GateKind.SECURITY], "what would ask somebody is not run"
    if proposed:
        assert unread([one.gate for one in proposed], root) == ()


@pytest.mark.parametrize(
    ("files", "gates", "left"),
    [
        ({"uv.lock": "", "package-lock.json": ""}, [gate("npm audit")], ("uv.lock",)),
        ({"uv.lock": "", "package-lock.json": ""}, [gate("osv-scanner -r .")], ()),
        ({"uv.lock": "", "poetry.lock": ""}, [gate("osv-scanner --lockfile=uv.lock")], ()),
        ({"web/package-lock.json": ""}, [gate("npm test", "web"), gate("npm audit")], ("web/package-lock.json",)),
        ({"web/package-lock.json": ""}, [gate("npm test", "web"), gate("osv-scanner -r .")], ()),
        ({"web/package-lock.json": ""}, [gate("npm test", "web"), gate("npm audit", "web")], ()),
        ({"uv.lock": ""}, [gate("make audit")], ()),
        ({"uv.lock": ""}, [gate("uv run pip-audit")], ()),
        ({"uv.lock": ""}, [gate("uv run pytest")], ("uv.lock",)),
        ({"uv.lock": UV_ALONE, "package-lock.json": ALONE}, [gate("pytest")], ()),
        ({"docs/uv.lock": "", "requirements.txt": "idna"}, [gate("pytest")], ()),
    ],
)  # fmt: skip
def test_a_lock_file_that_no_gate_reads_wants_a_decision(
    project: MakeRoom, files: dict[str, str], gates: list[Gate], left: tuple[str, ...]
) -> None:
    root = project(files).path
    assert unread(gates, root) == left
    if not left:
        assert require_decided(gates, "a reason that is not needed", root) == ""
        return
    assert require_decided(gates, "no service is reached from here", root) == "no service is reached from here"
    with pytest.raises(ConfigError, match=left[0]) as told:
        require_decided(gates, "", root)
    assert "unaudited" in told.value.fix
    assert "setpoint init" in told.value.fix
    assert "install npm where" in told.value.fix or "install uv where" in told.value.fix or len(left) > 1


async def test_whether_the_tool_is_there_is_asked_where_the_gate_runs(project: MakeRoom) -> None:
    room: Any = project({"web/node_modules/.bin/osv-scanner": "", "a.txt": ""})
    (room.path / "web/node_modules/.bin/osv-scanner").chmod(0o755)
    assert not await there(room, gate("osv-scanner -r ."))
    assert await there(room, gate("osv-scanner -r .", "web"))
