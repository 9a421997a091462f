"""`setpoint policy`: what runs may do here, who says so, and what is decided about one action."""

import json
from typing import TYPE_CHECKING, Any

import typer

from .out import data, document, paint, plain, visible
from .runs import in_house, read_ticket

if TYPE_CHECKING:
    from ..app import House
    from ..service.policies import PolicyView

app = typer.Typer(no_args_is_help=True)
ABOUT = typer.Argument("", help="A run, or a ticket: a file, `-`, its words. Empty: any run that starts now.")
ACTION = typer.Option(..., "--action", help="KIND:SUBJECT: edit:src/app.py, network:pypi.org:443, deploy:staging.")
JSON = typer.Option(False, "--json", help="One JSON document.")
EXITS = {"allow": 0, "ask": 4, "deny": 30}


async def _view(house: "House", about: str) -> "PolicyView":
    if house.known(about):
        return await house.policy(run=about)
    text, name = await read_ticket(house, about) if about else ("", "")
    return await house.policy(text=text, name=name)


@app.command("show")
def show(about: str = ABOUT, as_json: bool = JSON) -> None:
    """The policy in force, part by part, with who narrowed it, and its digest. Evidence is bound to it."""

    async def use(house: "House") -> int:
        view = await _view(house, about)
        if as_json:
            document(view)
        else:
            _print(view)
        for note in view.notes:
            plain(paint(f"! {visible(note)}", "yellow"))
        return 0

    in_house(use)


def _print(view: "PolicyView") -> None:
    told = f" of {view.about}" if view.about else ""
    data(f"{paint('policy', 'bold')}{told}  {view.sha256[:12]}  read at {view.base[:12]}")
    for layer in view.layers:
        data(f"  {layer.whose}")
    data(paint("in force", "bold"))
    wide = max((len(part.name) for part in view.parts), default=0)
    for part in view.parts:
        data(f"  {part.name:<{wide}}  {visible(_plain(part.value))}  {paint(visible(', '.join(part.by)), 'dim')}")
    data(paint("boundaries", "bold"))
    held = view.policy.boundaries.model_dump(mode="json")
    for name, value in held.items():
        by = ", ".join(view.narrowed[name])
        data(f"  {name:<{wide}}  {visible(_plain(value))}" + (f"  {paint(by, 'dim')}" if by else ""))
    for action in view.policy.granted:
        data(f"  a person said yes: {action.kind.value} {visible(action.subject)}")


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_plain(one) if isinstance(one, list) else str(one) for one in value) or "none"
    return value if isinstance(value, str) else json.dumps(value)


@app.command("check")
def check(action: str = ACTION, about: str = ABOUT, as_json: bool = JSON) -> None:
    """What is decided about one action, and why. Leaves with 0 (allowed), 4 (a person is asked) or 30 (never)."""

    async def use(house: "House") -> int:
        from ..service.policies import asked

        decision = asked(await _view(house, about), action)
        if as_json:
            document(decision)
        else:
            words = {"allow": "allowed", "ask": "a person is asked", "deny": "denied"}
            data(f"{paint(words[decision.verdict], 'bold')}: {visible(decision.reason)}")
            if fix := getattr(decision, "fix", ""):
                data(f"  {visible(fix)}")
        return EXITS[decision.verdict]

    in_house(use)
