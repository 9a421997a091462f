"""A person's own look at what a run built: `setpoint look`."""

from typing import TYPE_CHECKING

import typer

from .out import MARKS, data, plain, visible
from .people import RUN
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House

STEPS = typer.Argument(
    ..., help="In order: 'Serve `CMD` on PORT', then 'Page /path - click \"Save\"; shows \"Saved\"'."
)


def look(run: str = RUN, steps: list[str] = STEPS) -> None:
    """Use the pages that a run built, keep pictures. They start in the sandbox; pictures are evidence. Exit 10, 11.

    What was seen is written into the run's journal under your name; it decides nothing.
    """

    async def use(house: "House") -> int:
        from ..service.pictures import exit_code, person_looks

        by = await house.repository.person()
        result = await person_looks(house.ground(house.store.run(run)), steps, by)
        data(f"{MARKS[result.outcome.value]} {visible(result.reason)}")
        for finding in result.findings:
            data(f"    {visible(finding.message)}")
        for picture in result.pictures:
            plain(f"    what the browser showed: `setpoint gates picture {picture} page.png`")
        return exit_code(result)

    in_house(use)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("look")(look)
