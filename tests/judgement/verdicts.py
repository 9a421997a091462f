"""Verdicts on the corpus: each case judged by the code of `setpoint check`, and both rates with a table by class.

    python tests/judgement/verdicts.py [--static] [WORD ...]

WORDs choose cases by their id. Exit code 0: every dishonest change is caught with its cause and no honest one refused.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from corpus import Case, load_cases

from setpoint.app import House
from setpoint.gates.change_set import between
from setpoint.gates.frozen import is_test_file
from setpoint.gates.tree_change import change_between
from setpoint.gates.waivers import split
from setpoint.model.gate import Gate
from setpoint.model.judgement import Waiver
from setpoint.model.objection import Objection
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.settings import Checks, Config
from setpoint.pipeline.judgement import judge, static_checks
from setpoint.pipeline.lab import Lab, Terms
from setpoint.service.finding_out import detected
from setpoint.testing.projects import laid_out

AT_ONCE = 2


@dataclass(frozen=True)
class Verdict:
    """What the judgement made of a case."""

    case: Case
    objections: Sequence[Objection]
    """Those that block, waived ones left out."""

    @property
    def right(self) -> bool:
        """Caught with every cause named, or passed."""
        return not self.missing if not self.case.honest else not self.objections

    @property
    def missing(self) -> list[str]:
        """Rules that should have objected and did not."""
        raised = {objection.rule for objection in self.objections}
        return [rule for rule in self.case.rules if rule not in raised]

    @property
    def told(self) -> str:
        """What was objected, for the reader of a failure."""
        lines = [f"{self.case.id}: not raised: {', '.join(self.missing)}"] if self.missing else [self.case.id]
        for objection in self.objections:
            at = f"{objection.place.path}:{objection.place.line or ''} " if objection.place else ""
            lines.append(f"  {objection.rule} {at}{objection.what} ({objection.cause})")
        return "\n".join(lines)


def judged_by_files(case: Case) -> Verdict:
    """The verdict of all checks that run nothing."""
    change = between(case.before, case.after, base="base", head="head", modes=case.modes)
    found = [objection for one in static_checks(change, _terms(case, {})) for objection in one.objections]
    return _verdict(case, found)


async def judged_whole(case: Case, lab: Lab) -> Verdict:
    """The verdict of all checks, in the sandbox, with the gates that are found on the case's base."""
    base, head = [await lab.trees.laid(EMPTY_TREE, dict(files)) for files in (case.before, case.after)]
    change = await change_between(lab.trees, base, head)
    gates, _ = await detected(base, lab)
    judged = await judge(change, change, _terms(case, gates), lab)
    return _verdict(case, judged.objections)


EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def _terms(case: Case, gates: Mapping[str, Gate]) -> Terms:
    implementing = case.side == "implementation"
    approved = {path: content for path, content in case.before.items() if is_test_file(path)} if implementing else {}
    # Each dishonest case outside of its class would run its tests once more, to say nothing new.
    elsewhere = case.honest or case.kind == "surroundings"
    asked = Checks(mutants=12, mutant_seconds=900, surroundings=elsewhere)
    return Terms(gates=gates, implementing=implementing, approved=approved, settings=asked)


def _verdict(case: Case, found: Sequence[Objection]) -> Verdict:
    waivers = [
        Waiver(rule=each.rule, path=each.path, reason=each.reason, by=each.by, until=each.until)
        for each in case.waivers
    ]
    standing, _ = split(found, waivers, datetime.now(UTC).date())
    return Verdict(case, [objection for objection in standing if objection.blocks])


async def house_of(project: str, folder: Path) -> House:
    """A house over a repository for the project's trees, its commands those of the environment this runs in."""
    if not (folder / project / ".venv").exists():
        laid_out(folder / project, {".gitignore": ".venv\n.setpoint/\nnode_modules/\n"})
        (folder / project / ".venv").symlink_to(sys.prefix)
    return await House.open(folder / project)


SETTINGS = Config(sandbox=SandboxSettings(env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}))


async def all_verdicts(cases: Sequence[Case]) -> list[Verdict]:
    """The verdicts on `cases`, in their order."""
    slots = asyncio.Semaphore(AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="setpoint-corpus-") as folder:
        wanted = {case.project for case in cases if case.needs == "commands"}
        houses = {project: await house_of(project, Path(folder)) for project in sorted(wanted)}
        labs = {project: house.judging.lab(SETTINGS) for project, house in houses.items()}

        async def one(case: Case) -> Verdict:
            if case.needs == "static":
                return await asyncio.to_thread(judged_by_files, case)
            async with slots:
                print(f"… {case.id}", file=sys.stderr, flush=True)
                return await judged_whole(case, labs[case.project])

        try:
            return list(await asyncio.gather(*(one(case) for case in cases)))
        finally:
            for house in houses.values():
                await house.close()


def table(verdicts: Sequence[Verdict]) -> str:
    """The confusion table by class, and both rates."""
    rows: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        row = rows.setdefault(verdict.case.kind, Counter())
        if verdict.case.honest:
            row["passed" if verdict.right else "refused"] += 1
        else:
            row["caught" if verdict.right else "other cause" if verdict.objections else "missed"] += 1
    heads = ("caught", "other cause", "missed", "passed", "refused")
    lines = [f"{'class':<28}" + "".join(f"{head:>13}" for head in heads)]
    lines += [f"{kind:<28}" + "".join(f"{row[head]:>13}" for head in heads) for kind, row in sorted(rows.items())]
    total = sum(rows.values(), Counter())
    lines.append(f"{'all':<28}" + "".join(f"{total[head]:>13}" for head in heads))
    dishonest, honest = sum(total[head] for head in heads[:3]), total["passed"] + total["refused"]
    lines.append(f"dishonest changes caught with their cause: {total['caught']} of {dishonest}")
    lines.append(f"honest changes refused wrongly: {total['refused']} of {honest}")
    return "\n".join(lines)


def main() -> int:
    """Judge the corpus, print what went wrong and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--static", action="store_true", help="leave out the cases that run commands")
    parser.add_argument("words", nargs="*")
    asked = parser.parse_args()
    cases = [
        case
        for case in load_cases()
        if not (asked.static and case.needs == "commands") and all(word in case.id for word in asked.words)
    ]
    verdicts = asyncio.run(all_verdicts(cases))
    for verdict in verdicts:
        if not verdict.right:
            print(verdict.told)
    print(table(verdicts))
    return 0 if all(verdict.right for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
