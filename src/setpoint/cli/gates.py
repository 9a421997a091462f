"""`setpoint gates`: the commands that decide, without any model."""

from typing import TYPE_CHECKING

import typer

from .out import MARKS, data, document, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House

app = typer.Typer(no_args_is_help=True)
JSON = typer.Option(False, "--json", help="One JSON document.")


@app.command("list")
def list_(as_json: bool = JSON) -> None:
    """The configured gates."""

    async def use(house: "House") -> int:
        gates = house.config.gates
        if as_json:
            document({name: gate.model_dump(mode="json") for name, gate in gates.items()})
            return 0
        for name, gate in gates.items():
            data(f"{name:<14} {gate.kind.value:<9} {' '.join(gate.run)}")
        return 0

    in_house(use)


@app.command("run")
def run(as_json: bool = JSON) -> None:
    """Run all gates on the working tree as it is. Exit 10 when one fails, 11 when one could not tell."""

    async def use(house: "House") -> int:
        results = await house.run_gates()
        if as_json:
            document([result.model_dump(mode="json") for result in results])
        for result in results if not as_json else ():
            data(f"{MARKS[result.outcome.value]} {result.gate:<14} {result.reason}")
            if not result.green and result.tail:
                data(visible(result.tail))
        outcomes = {result.outcome.value for result in results}
        return 10 if "failed" in outcomes else 11 if "refused" in outcomes or not results else 0

    in_house(use)


@app.command("prove")
def prove(as_json: bool = JSON) -> None:
    """Plant a fault for each gate in a throw-away copy. A gate that stays green there is no gate (exit 11)."""

    async def use(house: "House") -> int:
        proofs = await house.prove_gates()
        if as_json:
            document([proof.model_dump(mode="json") for proof in proofs])
        for proof in proofs if not as_json else ():
            said = "turns red on " if proof.red else "stays green on " if proof.result else ""
            data(f"{MARKS['passed' if proof.red else 'refused']} {proof.gate:<14} {said}{proof.fault}")
        return 0 if proofs and all(proof.red for proof in proofs) else 11

    in_house(use)
