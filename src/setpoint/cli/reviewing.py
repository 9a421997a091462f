"""`setpoint review`: what the reviewer is worth."""

from typing import TYPE_CHECKING

import typer

from .out import data, document, paint, plain, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House
    from ..proving import Outline
    from ..service.proofs import Proof

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _review() -> None:
    """What the reviewer is worth."""


@app.command("prove")
def prove(
    check: str = typer.Option("", "--check", help="Only defects of this review check: part of its name."),
    repeat: int = typer.Option(1, "--repeat", min=1, max=20, help="How often each change is reviewed."),
    budget: float | None = typer.Option(None, "--budget", min=0.01, help="Most dollars; else [review] prove_usd."),
    again: bool = typer.Option(False, "--again", help="Leave aside what is on record and begin anew."),
    unpriced: bool = typer.Option(False, "--unpriced", help="Also with a model whose price nobody lists."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done and cost; call no model."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Measure the configured reviewer on planted defects and honest changes: recall and precision.

    Spends money at the model's provider. Stopped, it goes on where it was. Exit 10 when less is found than [review]
    minimum_recall demands, 3 when the budget is used up.
    """

    async def use(house: "House") -> int:
        from ..proving import Wanted, outline, words_of
        from ..proving import prove as proved

        most = house.config.review.prove_usd if budget is None else budget
        wanted = Wanted(check=check, repeat=repeat, again=again, budget=most, unpriced=unpriced)
        plan = outline(house, wanted, await words_of(house))
        if dry_run and as_json:
            document(plan)
        else:
            _told(plan)
        if dry_run:
            return 0
        proof = await proved(house, wanted, lambda line: plain(visible(line)))
        if as_json:
            document(proof.told())
        else:
            _print(proof)
        from ..service.proofs import GUESSES

        least = house.config.review.minimum_recall
        if proof.recall.value < least:
            plain(f"below the floor: [review] minimum_recall is {least:g}. next: choose another model for review")
            return 10
        if proof.guesses:
            plain(f"{GUESSES}. next: choose another model for review, or `--repeat 3` for a surer figure")
            return 10 if least else 0
        return 0

    in_house(use)


def _told(plan: "Outline") -> None:
    left = plan.changes - plan.known
    plain(f"{paint('reviewer', 'bold')}  {plan.model}, independence {plan.independence}")
    known = f", {plan.known} of them on record" if plan.known else ""
    plain(f"{paint('reviews', 'bold')}   {plan.changes}: each change once honest, once with a planted defect{known}")
    if plan.estimate_usd is None:
        plain(f"{paint('cost', 'bold')}      unknown: nobody lists the model's price")
    elif left:
        low, expected, worst = plan.estimate_usd
        told = f"${expected:.2f} expected (${low:.2f} to ${worst:.2f}), budget ${plan.budget_usd:.2f}"
        plain(f"{paint('cost', 'bold')}      {told}")


def _print(proof: "Proof") -> None:
    from ..service.proofs import said

    data(f"{paint('recall', 'bold')}     {said(proof.recall)} of the planted defects were found")
    data(f"{paint('precision', 'bold')}  {said(proof.precision)} of the findings above Low were one of them")
    data(f"{paint('alarms', 'bold')}     {said(proof.alarms)} of the honest changes were objected to")
    for name, share in proof.by_check().items():
        data(f"  {name:<34} {share.got} of {share.of}")
    for sample in proof.missed():
        why = f": {sample.unusable}" if sample.unusable else ""
        data(visible(f"  missed  {sample.seed} ({sample.check}){why}"))
    for sample in proof.samples:
        if not sample.planted and sample.findings:
            data(visible(f"  alarm   {sample.seed}: {sample.findings[0][:160]}"))
    price = "unknown" if proof.usd is None else f"${proof.usd:.2f}"
    plain(f"cost {price}; intervals are 95 % (Wilson); corpus {proof.corpus}, prompt {proof.prompt[:12]}")
