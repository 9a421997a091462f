"""Services beside a room's commands: there for each of its commands, for no other room's, and gone with it."""

import asyncio
import os
import signal
import tempfile
from pathlib import Path

import pytest
from stacked import ASK, answering, got, kept, postgres_programs, room, settings, with_mark

from setpoint.adapters.sandboxes.bare import Bare
from setpoint.adapters.sandboxes.microvm import Microvm
from setpoint.adapters.stacks.life import TALKS
from setpoint.adapters.stacks.stack import Stack
from setpoint.errors import StackError
from setpoint.gates.environment import environment_digest, forget
from setpoint.gates.run import run_gate
from setpoint.model.evidence import Outcome
from setpoint.model.gate import Gate
from setpoint.testing.processes import Child, until


async def test_every_command_of_a_room_finds_the_services_and_the_tree_they_see(tmp_path: Path) -> None:
    async with room(tmp_path / "shop", settings(service=[answering(), answering("second", 2)])) as shop:
        first, second = await asyncio.gather(got(shop, "/a"), got(shop, "/b", 2))
        assert (first.stdout, second.stdout) == (f"greeter/a in {shop.path}\n", f"second/b in {shop.path}\n")
        again = await got(shop)
        assert (again.exit_code, again.services) == (0, "")


async def test_nothing_is_started_before_a_command_connects_and_nothing_is_left(tmp_path: Path) -> None:
    mark = f"SERVICE_{tmp_path.name}"
    stack = settings(service=[answering(env={mark: "1"})], teardown=[["sleep", "0.3"]])
    async with room(tmp_path / "shop", stack) as shop:
        told = await shop.run(("sh", "-c", "echo $SETPOINT_PORT_1 $SETPOINT_DATABASE $COMPOSE_PROJECT_NAME"))
        port, database, project = told.stdout.split()
        assert (database, project) == (f"setpoint_{port}", f"setpoint-{port}")
        assert not with_mark(mark)
        await got(shop)
        assert with_mark(mark)
        await shop.rest()
        assert not with_mark(mark)
        assert kept(tmp_path) == []
        assert (await got(shop)).exit_code == 0
    assert not with_mark(mark)


async def test_two_rooms_have_a_database_each_and_neither_reaches_the_others(tmp_path: Path) -> None:
    found, shown = postgres_programs()
    database = {
        "name": "db",
        "port": 1,
        "prepare": [[f"{found}/initdb", "-D", "{data}/db", "-U", "shop", "-A", "trust", "-N"]],
        "run": [f"{found}/postgres", "-D", "{data}/db", "-p", "{port_1}", "-k", "", "-h", "127.0.0.1", "-F"],
        "ready": [f"{found}/pg_isready", "-q", "-h", "127.0.0.1", "-p", "{port_1}"],
    }
    address = "postgresql://shop@127.0.0.1:{port_1}"
    stack = settings(
        service=[database],
        env={"DATABASE_URL": f"{address}/{{database}}"},
        setup=[
            [f"{found}/psql", "-q", f"{address}/postgres", "-c", "CREATE DATABASE {database}"],
            [f"{found}/psql", "-q", f"{address}/{{database}}", "-c", "CREATE TABLE orders (n int)"],
        ],
    )
    say = f'{found}/psql -Atq "$DATABASE_URL" -c "INSERT INTO orders VALUES ($0)" -c "SELECT * FROM orders"'
    async with room(tmp_path / "one", stack, shown=shown) as one, room(tmp_path / "two", stack, shown=shown) as two:
        told = await asyncio.gather(one.run(("sh", "-c", say, "1")), two.run(("sh", "-c", say, "2")))
        assert [(done.stdout, done.stderr) for done in told] == [("1\n", ""), ("2\n", "")]
        port = (await one.run(("sh", "-c", "echo $SETPOINT_PORT_1"))).stdout.strip()
        gate = Gate.model_validate(
            {"kind": "integration", "run": ["sh", "-c", 'psql "$DATABASE_URL" -c "TABLE orders"']}
        )
        (across, result) = await asyncio.gather(
            two.run((f"{found}/pg_isready", "-h", "127.0.0.1", "-p", port)),
            run_gate("orders", gate, one, tree="t", environment="e"),
        )
        assert "no response" in across.stdout
        assert "(1 row)" in result.tail


async def test_a_gate_whose_services_do_not_come_up_is_refused_with_their_words_and_mended_by_the_next(
    tmp_path: Path,
) -> None:
    setup = [["sh", "-c", "cat schema || { echo there is no schema here >&2; exit 7; }"]]
    gate = Gate.model_validate({"kind": "tests", "run": ASK})
    async with room(tmp_path / "shop", settings(service=[answering()], setup=setup)) as shop:
        result = await run_gate("tests", gate, shop, tree="t", environment="e", reruns=0)
        assert result.outcome is Outcome.REFUSED
        assert "exited with 7; it said: there is no schema here" in result.reason
        (shop.path / "schema").write_text("orders\n")
        assert (await got(shop)).services == ""


@pytest.mark.parametrize(
    ("service", "seconds", "words"),
    [
        ({**answering(), "run": ["no-such-server"]}, 30, "service greeter: no-such-server cannot be run"),
        ({**answering(), "run": ["sh", "-c", "echo full; exit 4"]}, 30, "ended with 4 at its start; it said: full"),
        ({**answering(), "prepare": [["sleep", "60"]]}, 0.3, "`sleep 60` was not done in time"),
        ({**answering(), "ready": ["false"]}, 0.3, "service greeter was not ready in time"),
    ],
)  # fmt: skip
async def test_a_service_that_does_not_come_up_says_why(
    tmp_path: Path, service: dict[str, object], seconds: float, words: str
) -> None:
    async with room(tmp_path / "shop", settings(service=[service], seconds=seconds)) as shop:
        done = await got(shop)
        assert done.exit_code != 0
        assert words in done.services


async def test_a_service_that_ends_under_a_command_is_told_and_is_there_again_for_the_next(tmp_path: Path) -> None:
    async with room(tmp_path / "shop", settings(service=[answering()])) as shop:
        assert "service greeter ended with 3" in (await got(shop, "/end")).services
        done = await got(shop)
        assert (done.exit_code, done.services) == (0, "")


@pytest.mark.parametrize("sandbox", [None, Bare()], ids=["bubblewrap", "none"])
async def test_services_that_are_not_ready_yet_end_at_once_when_nobody_wants_them_any_more(
    tmp_path: Path, sandbox: Bare | None
) -> None:
    mark = f"SERVICE_{tmp_path.name}"
    slow = answering(ready=["false"], env={mark: "1"})
    async with room(tmp_path / "shop", settings(service=[slow], seconds=600), sandbox) as shop:
        up = asyncio.ensure_future(shop.up())
        await until(lambda: bool(with_mark(mark)))
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)
        async with asyncio.timeout(10):
            await shop.rest()
        assert not with_mark(mark)


async def test_services_without_a_port_are_there_from_the_first_command_on(tmp_path: Path) -> None:
    mark = f"SERVICE_{tmp_path.name}"
    worker = {"name": "worker", "run": ["sleep", "60"], "env": {mark: "1"}}
    async with room(tmp_path / "shop", settings(service=[worker])) as shop:
        assert (await shop.run(("true",))).services == ""
        assert with_mark(mark)
    assert not with_mark(mark)


async def test_services_see_the_tree_and_write_beside_it(tmp_path: Path) -> None:
    setup = [["sh", "-c", "echo x > {data}/kept && ! echo x > litter"]]
    async with room(tmp_path / "shop", settings(service=[answering()], setup=setup)) as shop:
        assert (await got(shop)).services == ""
        assert list(shop.path.iterdir()) == []
        assert [(place / "kept").read_text() for place in (tmp_path / "state/stacks").iterdir()] == ["x\n"]


async def test_a_service_that_puts_a_link_in_its_doors_place_leads_to_no_socket_of_the_host(tmp_path: Path) -> None:
    reached = []

    async def came(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(1)
        writer.close()

    with tempfile.TemporaryDirectory() as short:
        host = Path(short, "host.sock")
        setup = [["sh", "-c", f"ln -sfn {host} $SETPOINT_DOORS/{{port_1}}"]]
        stack = settings(service=[answering()], setup=setup)
        async with await asyncio.start_unix_server(came, host), room(tmp_path / "shop", stack) as shop:
            done = await got(shop)
            assert (done.exit_code, done.services, reached) == (1, "", [])


async def test_a_flood_of_connections_does_not_take_the_workers_files(tmp_path: Path) -> None:
    flood = f"""
import os, select, socket
port = int(os.environ["SETPOINT_PORT_1"])
held = {{socket.create_connection(("127.0.0.1", port)) for _ in range({TALKS} + 50)}}
ended = 0
while ended < 50:
    gone = select.select(held, [], [], 30)[0]
    assert gone and all(one.recv(1) == b"" for one in gone)
    held.difference_update(gone)
    ended += len(gone)
"""
    async with room(tmp_path / "shop", settings(service=[answering()])) as shop:
        done = await shop.run(("python3", "-c", flood))
        assert (done.exit_code, done.stderr) == (0, "")


async def test_at_level_none_they_stand_at_ports_of_the_host_and_go_after_their_teardown(tmp_path: Path) -> None:
    mark, told = f"SERVICE_{tmp_path.name}", tmp_path / "told"
    teardown = [["sh", "-c", f"echo {{port_1}} >> {told}"]]
    stack = settings(service=[answering(env={mark: "1"})], teardown=teardown, env={"OWN": "{port_1}"})
    async with room(tmp_path / "one", stack, Bare()) as one, room(tmp_path / "two", stack, Bare()) as two:
        first, second = await asyncio.gather(got(one), got(two))
        assert (first.services, second.services) == ("", "")
        assert first.stdout == f"greeter/ in {one.path}\n"
        assert second.stdout == f"greeter/ in {two.path}\n"
        seen = [(await each.run(("sh", "-c", "echo $OWN"))).stdout for each in (one, two)]
        assert len(set(seen)) == 2
    assert not with_mark(mark)
    assert len(set(told.read_text().split())) == 2
    assert kept(tmp_path) == []


def test_a_level_whose_commands_reach_no_host_refuses_services(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="cannot be reached at sandbox level microvm"):
        Stack(Microvm(), settings(service=[answering()]), tmp_path, "x")


async def test_a_result_beside_other_services_is_another_one(tmp_path: Path) -> None:
    marks = set()
    for stack in (settings(), settings(service=[answering()]), settings(service=[answering("other")])):
        forget()
        async with room(tmp_path / "shop", stack) as shop:
            marks.add(await environment_digest(shop, {}))
    assert len(marks) == 3


def _hold(folder: str, stack: dict[str, object]) -> None:
    async def hold() -> None:
        async with room(Path(folder), settings(**stack)) as shop:
            await got(shop)
            (shop.path / "up").touch()
            await asyncio.Event().wait()

    asyncio.run(hold())


async def test_nothing_of_a_killed_workers_stack_is_left_and_its_ports_are_free_again(tmp_path: Path) -> None:
    mark = f"SERVICE_{tmp_path.name}"
    stack = {"service": [answering(env={mark: "1"})]}
    async with Child(_hold, str(tmp_path / "shop"), stack) as worker:
        await until((tmp_path / "shop" / "up").exists)
        assert with_mark(mark)
        (left,) = kept(tmp_path)
        assert worker.process.pid is not None
        os.kill(worker.process.pid, signal.SIGKILL)
        assert await worker.end() == -signal.SIGKILL
    await until(lambda: not with_mark(mark))
    async with room(tmp_path / "shop", settings(**stack)) as shop:
        told = await shop.run(("sh", "-c", "echo $SETPOINT_PORT_1"))
        assert told.stdout.strip() == left.partition("-")[2]
        assert left not in kept(tmp_path)
        assert (await got(shop)).services == ""
