"""The whole tamper guard over one change."""

from collections.abc import Collection, Iterator

from ...model.judgement import Measured
from ...model.objection import Objection
from ..change_set import ChangeSet
from ..measured import built_in
from .changed_tests import files_with_tests, judged_tests
from .ci_steps import softened_steps
from .collected import no_longer_collected
from .command_lines import judging_less
from .config_files import configs
from .frozen_side import touched
from .goldens import changed_goldens, changed_plumbing
from .places import judged_places
from .runner_tricks import runner_tricks
from .special_cases import special_cases
from .suppressions import added_suppressions
from .thresholds import laxer_settings
from .unread import unread_code


def tamper(change: ChangeSet, *, frozen: Collection[str] = (), implementing: bool = False) -> Measured:
    """Objections of rules `tamper/…` against everything that makes tests, gates or their configuration see less.
    `implementing`: the change is of the side that must make the tests pass, so whatever tests or configures gates stays
    as it is; `frozen` are further paths that stay, whoever changes them."""
    found = _once(_objections(change, frozen, implementing))
    return built_in("tamper", found, examined=len(change.deltas), unit="files", tree=change.head)


def _objections(change: ChangeSet, frozen: Collection[str], implementing: bool) -> Iterator[Objection]:
    tests = files_with_tests(change)
    settings = configs(change)
    yield from judged_tests(change, tests)
    yield from judged_places(change, tests)
    yield from changed_goldens(change)
    yield from changed_plumbing(change)
    yield from laxer_settings(change, settings)
    yield from no_longer_collected(change, settings)
    yield from judging_less(change, settings)
    yield from softened_steps(settings)
    yield from added_suppressions(change, implementing=implementing)
    yield from special_cases(change)
    yield from runner_tricks(change)
    yield from unread_code(change)
    yield from touched(change, frozen, implementing=implementing)


def _once(found: Iterator[Objection]) -> list[Objection]:
    """Each trouble once; what blocks first."""
    seen: dict[tuple[str, str, str], Objection] = {}
    for objection in found:
        path = objection.place.path if objection.place else ""
        seen.setdefault((objection.rule, path, objection.what), objection)
    return sorted(seen.values(), key=lambda objection: not objection.blocks)
