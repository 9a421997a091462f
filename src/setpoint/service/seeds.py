"""The corpus of `setpoint review prove`: small real changes, each once honest and once with one planted defect."""

import tomllib
from functools import cache
from importlib import resources

from ..errors import BugError
from ..model.record import Line, Record, Text, digest_of
from ..model.review import ReviewCheck


class Plant(Record):
    """A text of the honest change, and what stands in its place in the planted one."""

    path: Line
    old: str
    new: str


class Seed(Record):
    """A ticket with its honest change, and a defect that can be put into it."""

    name: Line
    check: ReviewCheck
    """The review check that should find the defect."""
    language: Line
    title: Line
    ticket: Text
    summary: Text
    """What the author says of the change, either way."""
    where: tuple[Line, ...]
    """Files that hold the defect."""
    tells: Line
    """A regular expression for words that a finding about it uses."""
    show: Line
    """A command that fails on the planted change and passes on the honest one."""
    base: dict[str, str]
    honest: dict[str, str]
    """Files of the honest change, whole, by path."""
    planted: tuple[Plant, ...]
    demonstration: dict[str, str]
    """Files that `show` needs; no reviewer sees them."""

    def change(self, *, planted: bool) -> dict[str, str]:
        """The change's files, whole, by path."""
        files = dict(self.honest)
        for plant in self.planted if planted else ():
            if files[plant.path].count(plant.old) != 1:
                raise BugError(f"seed {self.name}: the text to replace in {plant.path} does not stand there once")
            files[plant.path] = files[plant.path].replace(plant.old, plant.new)
        return files


@cache
def seeds() -> tuple[Seed, ...]:
    """All seeds, by name."""
    folder = resources.files("setpoint").joinpath("seeds")
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(
        Seed.model_validate({"name": file.name.removesuffix(".toml"), **tomllib.loads(file.read_text("utf-8"))})
        for file in found
    )


@cache
def corpus_mark() -> str:
    """Moves when a seed does."""
    return digest_of([seed.model_dump(mode="json") for seed in seeds()])[:12]
