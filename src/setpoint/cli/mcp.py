"""The face for agents: `setpoint mcp`, and the skill that tells an agent how to use it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import ConfigError, UsageError
from ..model.numbers import counted
from .out import MARKS, data, document, paint, plain, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House

SKILL = "using-setpoint"
BELOW = typer.Option(
    None, "--install", help="Write it below this folder of skills, e.g. .claude/skills or ~/.codex/skills."
)


def mcp(
    http: bool = typer.Option(False, "--http", help="Over HTTP on 127.0.0.1, behind the token in .setpoint/mcp-token."),
    port: int = typer.Option(8765, "--port", min=0, max=65535, help="With --http: the port; 0 for any that is free."),
) -> None:
    """Serve runs to agents over MCP. They file tickets, list, show, read, answer; none approves.

    Without --http on standard input and output, as agents start such servers themselves.
    """

    async def serve(house: "House") -> int:
        try:
            from ..mcp_face.server import made, over_http, token_at
            from ..mcp_face.tools import house_at
        except ImportError as error:
            raise ConfigError(
                "the library for MCP is not installed", why=str(error), fix="pip install 'setpoint[mcp]'"
            ) from error
        opened = house_at(house.root)
        if not http:
            await made(opened).run_stdio_async()
            return 0
        house.store.runs()  # makes .setpoint, where the token is kept
        await over_http(opened, port, token_at(house.state), _tell)
        return 0

    in_house(serve)


def _tell(address: str) -> None:
    data(address)
    plain("every request bears the token in .setpoint/mcp-token; Ctrl-C ends it")


def skill(install: Path | None = BELOW) -> None:
    """Print the skill that teaches agents setpoint. Or install it."""
    text = (Path(__file__).parents[1] / "skills" / SKILL / "SKILL.md").read_text(encoding="utf-8")
    if install is None:
        data(text.rstrip())
        return
    place = install.expanduser() / SKILL / "SKILL.md"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and place.read_text(encoding="utf-8") == text:
            plain(f"{place} is there already")
            return
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        fix = f"look at it, then move it away: mv {place} {place}.old"
        raise UsageError(f"{place} is there and says something else", why="it may be yours", fix=fix) from error
    except OSError as error:
        raise UsageError(f"{place} cannot be written", why=str(error.strerror), fix="name another folder") from error
    plain(f"wrote {place}")


ACCEPT = typer.Option([], "--accept", help="Take what this server offers now as looked at.")


def tools(accept: list[str] = ACCEPT, as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Try the tool servers that sessions are offered. In the sandbox, with what each has; no model call.

    Exit 1 when one of them is of no use, or offers other tools than when it was looked at last. `[mcp]` in
    setpoint.toml says which there are.
    """

    async def use(house: "House") -> int:
        from ..trying import servers_tried

        _, base = await house.repository.base(house.config.project.base)
        found = await servers_tried(house.bench(house.config), base, accept)
        if as_json:
            document(found)
        for note in found if not as_json else ():
            _print_server(note, accepted=note["server"] in accept)
        if not found:
            plain("no phase is offered any; next: [mcp.phase] in setpoint.toml, docs/mcp.md has examples")
        bad = ("trouble" in note or ("changed" in note and note["server"] not in accept) for note in found)
        return 1 if any(bad) else 0

    in_house(use)


def _print_server(note: dict[str, Any], *, accepted: bool) -> None:
    name, phases = visible(str(note["server"])), ", ".join(note["phases"])
    if "trouble" in note:
        data(f"{MARKS['refused']} {name}: {visible(note['trouble'])}")
        return
    told = f"{counted(len(note['tools']), 'tools')}, {counted(note['tokens'], 'tokens')} in each request"
    data(f"{MARKS['passed']} {name}: {told}; offered to {phases}; list {note['sha256'][:12]}")
    for tool in note["tools"]:
        data(f"    {visible(tool)}{_how(tool, note)}")
    for left in note.get("left_out", ()):
        plain(f"    left out {visible(left)}")
    if "warning" in note:
        plain(paint(f"    ! {note['warning']}", "yellow"))
    if "changed" in note and not accepted:
        plain(paint(f"    ! not what it offered before; if it should be: setpoint tools --accept {name}", "yellow"))


def _how(tool: str, note: dict[str, Any]) -> str:
    """In what it is otherwise than it was, where it is."""
    how = next((how for how, names in note.get("changed", {}).items() if tool[:80] in names), "")
    says, said = note.get("says", {}).get(tool), note.get("said", {}).get(tool)
    if not how or says is None:
        return f"  [{how}]" if how else ""
    if said == says:
        return f"  [{how}: what it takes]"
    before = f"; it said: {visible(said)}" if said else ""
    return f"  [{how}; it says: {visible(says)}{before}]"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("mcp")(mcp)
    app.command("skill")(skill)
    app.command("tools")(tools)
