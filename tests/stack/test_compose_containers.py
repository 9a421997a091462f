"""The containers of a stack, by a real engine where one works, and as plain processes."""

import asyncio
import io
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from setpoint.adapters.sandboxes.container import find_way
from setpoint.adapters.sandboxes.engines import Engine, Way
from setpoint.adapters.sandboxes.stack_containers import EngineContainers, created
from setpoint.adapters.stacks.containers import Containers
from setpoint.errors import SandboxError
from setpoint.model.compose import Contained
from setpoint.testing.containers import ProcessContainers
from setpoint.testing.containers_contract import IMAGE, ContainersContract, Made, one
from setpoint.testing.sandbox_contract import shell

PODMAN = Way(Engine("podman", Path("/usr/bin/podman"), rootless=True), "engine")
DOCKER = Way(Engine("docker", Path("/usr/bin/docker"), rootless=False), "engine")


def image() -> str:
    """Why there is no image to test with, else empty: one of a static busybox, made here and from no registry."""
    busybox = shutil.which("busybox")
    try:
        engine = find_way().engine
    except SandboxError as error:
        return error.what
    if busybox is None or b"static" not in subprocess.run(["file", "-L", busybox], capture_output=True).stdout:
        return "no static busybox here"
    if engine.ask("image", "inspect", IMAGE).returncode == 0:
        return ""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(Path(busybox).resolve(), "bin/busybox")
        for name in ("sh", "sleep", "echo", "cat", "httpd", "ip", "touch", "id"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return "" if engine.ask("import", "-", IMAGE, stdin=packed.getvalue()).returncode == 0 else "no import"


REAL = [] if image() else ["engine"]
"""The engine of this machine, where one works and there is something to run in it."""


@contextmanager
def processes() -> Iterator[Made]:
    """Containers that are plain processes."""
    made: list[Containers] = []

    def make(_: str) -> Containers:
        made.append(ProcessContainers({IMAGE}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@contextmanager
def containers_of_an_engine(folder: Path) -> Iterator[Made]:
    """Real ones, their loopback held by a command that waits for a file to go."""
    held, made = list[threading.Thread](), list[Containers]()

    def make(name: str) -> Containers:
        containers = EngineContainers([name], memory_mib=256, processes=64, disk_mib=16)
        holder, up = containers.holder(), folder / "up"
        wait = shell(folder, f"touch {up}; while [ -e {up} ]; do sleep 0.1; done")
        held.append(threading.Thread(target=lambda: asyncio.run(holder.run(wait))))
        held[-1].start()
        while not up.exists():
            held[-1].join(0.02)
        made.append(containers)
        return containers

    yield make
    for each in made:
        each.close()
    (folder / "up").unlink(missing_ok=True)
    for thread in held:
        thread.join()


class TestContainers(ContainersContract):
    @pytest.fixture(params=["processes", *REAL])
    def engine(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
        with processes() if request.param == "processes" else containers_of_an_engine(tmp_path) as made:
            yield made

    @pytest.mark.parametrize("engine", REAL, indirect=True)
    def test_what_takes_a_service_over_is_alone_there(self, engine: Made) -> None:
        containers = engine("db")
        containers.start(one("sleep 60", scratch=["/data"]))
        assert containers.passes("db", ("sh", "-c", "touch /data/x /tmp/x"))
        for attempt in ("touch /x", "touch /bin/sh", "busybox ip -o link | busybox grep -v ': lo:' | busybox grep ."):
            assert not containers.passes("db", ("sh", "-c", attempt))
        powers = "grep -q 'CapEff:.0000000000000...$' /proc/self/status && grep -q 'NoNewPrivs:.1' /proc/self/status"
        assert containers.passes("db", ("sh", "-c", powers.replace("grep", "busybox grep")))


@pytest.mark.parametrize("way", [PODMAN, DOCKER], ids=["podman", "docker"])
def test_an_engine_is_told_of_every_wall_around_a_service(way: Way) -> None:
    told = {"name": "db", "image": "postgres:16", "scratch": ["/data"], "entrypoint": ["/go"], "user": "70"}
    wanted = Contained.model_validate(told)
    words = "\n".join(created(wanted, way, name="n", holder="h", folders=["/var/lib/db"], disk_mib=64))
    for wall in (
        *("--network\ncontainer:h", "--read-only", "--cap-drop\nALL", "no-new-privileges", "--pull\nnever"),
        *("--tmpfs\n/data:rw", "--tmpfs\n/var/lib/db:rw", "size=64m", "--label\nsetpoint=", "--entrypoint\n/go"),
        "--user\n70",
    ):
        assert wall in words
    for hole in ("privileged", "--volume", "--publish", "SYS_ADMIN", "NET_RAW", "NET_ADMIN", ".sock", "--device"):
        assert hole not in words
