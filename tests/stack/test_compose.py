"""Services of a compose file: what is taken of it, what is refused, and that they stand beside a room's commands."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacked import GET, HTTP, got, room, settings
from test_stack_of_runs import Grounds

from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.stacks.containers import Contain, Containers
from setpoint.errors import ConfigError
from setpoint.gates.composed import aside, composed
from setpoint.gates.run import run_gate
from setpoint.model.compose import Contained
from setpoint.model.evidence import Outcome
from setpoint.model.gate import Gate
from setpoint.model.settings import Config
from setpoint.model.stack import StackSettings
from setpoint.pipeline.context import beside
from setpoint.service.composing import proposed, with_compose
from setpoint.testing.containers import ProcessContainers

SHOP = """
services:
  app:
    build: .
    depends_on: [db]
  db:
    image: postgres:16
    restart: unless-stopped
    environment:
      POSTGRES_DB: ${SETPOINT_DATABASE:-shop}
      POSTGRES_PASSWORD: ${PASSWORD:-pa$$word}
    ports: ["127.0.0.1:5432:5432"]
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: ["CMD-SHELL", "pg_isready"], interval: 2s}
  cache:
    image: redis:7
    command: redis-server --save ''
    ports: ["${SETPOINT_PORT_1:-6379}:6379"]
    depends_on: {db: {condition: service_healthy}}
volumes: {data: {}}
"""


def stack(text: str, **told: Any) -> StackSettings:
    return settings(compose="compose.yaml", composed=text, **told)


def service(**told: Any) -> str:
    import json

    return json.dumps({"services": {"db": {"image": "postgres:16", **told}}})


def test_a_compose_file_is_an_image_words_variables_ports_and_folders_of_its_own() -> None:
    db, cache = composed(stack(SHOP), {"SETPOINT_DATABASE": "setpoint_7", "SETPOINT_PORT_1": "20000"})
    assert (db.name, db.env, db.scratch) == (
        "db", {"POSTGRES_DB": "setpoint_7", "POSTGRES_PASSWORD": "pa$word"}, ("/var/lib/postgresql/data",)
    )  # fmt: skip
    assert [(one.name, door.number, door.at) for one in (db, cache) for door in one.doors] == [
        ("db", 2, 5432), ("cache", 1, 6379)
    ]  # fmt: skip
    assert (db.health, cache.after, cache.command) == (
        ("/bin/sh", "-c", "pg_isready"), {"db": "healthy"}, ("redis-server", "--save", "")
    )  # fmt: skip
    left, nothing = aside(stack(SHOP))
    assert (left, nothing) == ("left out: app (it is built from the tree)", "changes nothing here: restart")


HOST_POWER = {
    "privileged": True, "cap_add": ["SYS_ADMIN"], "devices": ["/dev/kvm"], "network_mode": "host", "pid": "host",
    "ipc": "host", "security_opt": ["seccomp=unconfined"], "extra_hosts": ["a:10.0.0.1"], "env_file": [".env"],
    "volumes_from": ["web"], "userns_mode": "host", "cgroup_parent": "/", "secrets": ["key"], "configs": ["c"],
    "extends": {"file": "other.yaml", "service": "x"}, "sysctls": {"a": 1}, "use_api_socket": True,
}  # fmt: skip
MOUNTS = [
    "/:/host", "/var/run/docker.sock:/var/run/docker.sock", "./src:/src", "../other:/o", "~/x:/x", ".:/app:ro",
    {"type": "bind", "source": "/etc", "target": "/e"}, {"type": "npipe", "source": "x", "target": "/x"},
    "/proc", "data:/proc/x", "data:/../etc",
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), HOST_POWER.items(), ids=HOST_POWER)
def test_what_asks_for_more_of_the_machine_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"compose.yaml: db `{key}` is not taken") as told:
        composed(stack(service(**{key: value})))
    assert told.value.why
    assert told.value.fix


@pytest.mark.parametrize("mount", MOUNTS, ids=str)
def test_no_place_of_the_machine_is_shown(mount: object) -> None:
    with pytest.raises(ConfigError, match=r"is not shown to it|is no folder for a volume"):
        composed(stack(service(volumes=[mount])))


@given(st.dictionaries(st.sampled_from([*HOST_POWER, "volumes", "build", "image", "environment", "tmpfs", "user"]),
       st.one_of(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=2), st.sampled_from(MOUNTS))))  # fmt: skip
def test_whatever_a_file_says_it_is_refused_or_gets_nothing_of_the_machine(told: dict[str, Any]) -> None:
    try:
        (one,) = composed(stack(service(**told)))
    except ConfigError:
        return
    assert not set(told) & set(HOST_POWER)
    assert all(re.fullmatch(r"/[\w./\-]+", place) and ".." not in place for place in one.scratch)
    assert not one.image.startswith("-")
    assert not one.user.startswith("-")


MISTAKES = {
    "imgae": ({"imgae": "x"}, "unknown key `imgae`; did you mean `image`?"),
    "nothing to run": ({"image": None}, "names no image"),
    "option for an image": ({"image": "--privileged"}, "names no image"),
    "unknown variable": ({"environment": {"A": "$NOBODY"}}, "asks for $NOBODY"),
    "host variable": ({"environment": ["HOME"]}, "'HOME' cannot be told"),
    "two lines": ({"environment": {"A": "1\nB=2"}}, "'A' cannot be told"),
    "loop": ({"depends_on": ["db"]}, "depends on itself"),
    "absent": ({"depends_on": ["cache"]}, "depends on `cache`, which is not run here"),
    "udp": ({"ports": ["53:53/udp"]}, "leads nowhere"),
    "ninth port": ({"ports": ["${SETPOINT_PORT_9:-1}:1"]}, "there is no SETPOINT_PORT_9"),
    "nine ports": ({"ports": [f"{port}:{port}" for port in range(1, 10)]}, "more than 8 ports"),
    "port is text": ({"ports": "5432"}, "ports should be a list"),
    "test is none": ({"healthcheck": {"test": ["RUN", "x"]}}, "healthcheck.test is none"),
    "lone quote": ({"command": "sh -c 'x"}, "command cannot be read"),
}


@pytest.mark.parametrize(("told", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_slip_in_a_compose_file_is_named_with_what_next(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as found:
        composed(stack(service(**told)))
    assert words in found.value.what
    assert found.value.fix


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("", {}, "is not on the base branch"),
        ("services: [", {}, "cannot be read"),
        ("services: {}", {}, "has no service to start"),
        ("servces: {}", {}, "unknown key `servces`; did you mean `services`?"),
        ("include: [other.yaml]", {}, "`include` is not taken"),
        (SHOP, {"compose_services": ["cahce"]}, "has no such service; did you mean `cache`?"),
        (SHOP, {"service": [{"name": "db", "run": ["x"]}]}, "have a service db"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_run_says_why(text: str, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as found:
        composed(stack(text, **more))
    assert words in found.value.what
    assert found.value.fix


def listening(*more: str) -> str:
    """A web server in an image, at a free port of the loopback that plain processes share, and what else."""
    import json

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["python3", "-c", HTTP, str(port), "greeter"]
    health = {"test": ["CMD", "python3", "-c", GET, f"http://127.0.0.1:{port}/"]}
    web = {"image": "web:1", "command": words, "ports": [f"80:{port}"], "healthcheck": health}
    seed = {"image": "web:1", "command": ["sh", "-c", *(more or ["exit 0"])]}
    after = {"web": {"condition": "service_healthy"}}
    return json.dumps({"services": {"web": web, "seed": {**seed, "depends_on": after}, "last": {
        "image": "web:1", "command": ["sleep", "60"],
        "depends_on": {"seed": {"condition": "service_completed_successfully"}}}}})  # fmt: skip


def processes(*images: str, why: str = "") -> Contain:
    def make(_: StackSettings, __: object) -> Containers:
        return ProcessContainers(images, why=why)

    return make


async def test_its_services_stand_at_the_loopback_of_each_command_and_in_set_up_and_go_with_the_room(
    tmp_path: Path,
) -> None:
    told = stack(listening("echo seeded"), setup=[["sh", "-c", "echo set up > {data}/told"]])
    async with room(tmp_path / "shop", told, Bubblewrap(), contain=processes("web:1")) as shop:
        done = await got(shop)
        assert (done.stdout[:9], done.services) == ("greeter/ ", "")
        (data,) = (tmp_path / "state" / "stacks").glob("*-*")
        assert (data / "told").read_text() == "set up\n"
        assert "greeter/end" not in (await got(shop, "/end")).stdout
        assert "service web ended with 3" in (await got(shop, "/end")).services
        assert (await got(shop)).services == ""
    assert (tmp_path / "state" / "stacks" / "logs" / "seed.log").read_text() == "seeded\n"


@pytest.mark.parametrize(
    ("contain", "script", "words"),
    [
        (processes(why="no podman"), "exit 0", "no container engine works here: no podman"),
        (processes("other:1"), "exit 0", "its image web:1 is not on this machine"),
        (processes("web:1"), "echo no schema; exit 4", "service seed ended with 4 at its start; it said: no schema"),
    ],
    ids=["no engine", "no image", "ends"],
)
async def test_a_gate_beside_services_that_do_not_come_up_is_refused(
    tmp_path: Path, contain: Contain, script: str, words: str
) -> None:
    gate = Gate.model_validate({"kind": "tests", "run": ["sh", "-c", 'python3 -c "$0" $U', GET]})
    told = stack(listening(script), env={"U": "http://127.0.0.1:{port_1}/"})
    async with room(tmp_path / "shop", told, Bubblewrap(), contain=contain) as shop:
        result = await run_gate("tests", gate, shop, tree="t", environment="e", reruns=0)
    assert result.outcome is Outcome.REFUSED
    assert words in result.reason


async def test_only_the_base_branchs_file_is_ever_read(tmp_path: Path) -> None:
    grounds = Grounds(tmp_path / "shop")
    place = grounds.folder / "compose.yaml"
    place.write_text(SHOP)
    config = Config.model_validate({"stack": {"compose": "compose.yaml"}})

    async def of_base(path: str) -> bytes | None:
        return await grounds.bench.workspaces.show("main", path)

    assert (await with_compose(config, of_base)).stack.composed == ""
    grounds.git("add", "-A")
    grounds.git("commit", "-qm", "compose")
    found = await proposed(Config(), of_base)
    place.write_text(service(privileged=True))
    grounds.git("switch", "-qc", "setpoint/x")
    grounds.git("commit", "-qam", "an agent's")
    assert found.stack.composed == (await with_compose(config, of_base)).stack.composed == SHOP
    (line,) = beside(found.stack)
    assert "cache at 127.0.0.1:$SETPOINT_PORT_1; db at 127.0.0.1:$SETPOINT_PORT_2" in line


def test_a_result_beside_another_compose_file_is_another_one() -> None:
    assert stack(SHOP).digest() != stack(SHOP.replace("postgres:16", "postgres:17")).digest()
    assert Contained.model_validate({"name": "a", "image": "b"}).shm_mib == 64
