"""How a repository is begun with: its commands and services are found, tried on the base, and written down."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, SetpointError, UsageError
from .model.settings import Config

if TYPE_CHECKING:
    from .adapters.repository import UserRepository
    from .model.evidence import GateResult
    from .model.gate import Candidate
    from .pipeline.bench import Bench
    from .service.composing import Show
    from .service.setup import Stacked


def services_missing(config: Config) -> Sequence[str]:
    """Why the services of a compose file cannot be had on this machine, with the way out; nothing where they can, or
    where there is none."""
    from .gates.composed import composed
    from .parts import part

    try:
        wanted = composed(config.stack)
        if wanted:
            part("containers", "engine").look(wanted)
    except SetpointError as error:
        told = "; ".join(filter(None, (error.what, error.why, error.fix)))
        return [f"the services of {config.stack.compose} are not there: {told}"]
    return ()


async def uncommitted(repository: "UserRepository") -> Sequence[SetpointError]:
    """What keeps a run from starting while tracked files have changes that no commit holds."""
    from .service.starting import require_committed

    try:
        require_committed(await repository.dirty())
    except SetpointError as error:
        return [error]
    return ()


async def confirmed_on(
    bench: "Bench", candidates: Sequence["Candidate"], base: str, tree: str
) -> Sequence[tuple["Candidate", "GateResult"]]:
    """Candidates with what they did on the untouched base."""
    from .gates.baseline import confirm
    from .gates.environment import environment_digest

    async with bench.workspaces.checkout(base) as room:
        environment = await environment_digest(room, {candidate.name: candidate.gate for candidate in candidates})
        return await confirm(candidates, room, tree=tree, environment=environment)


async def initialised(
    config: Config,
    repository: "UserRepository",
    bench_of: Callable[[Config], "Bench"],
    *,
    replace: bool,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Find the repository's commands and services, run them on its base, write what ran green; the report."""
    from .gates.auditors import apart, there
    from .gates.detect import detect
    from .service.setup import report, require_free, written

    root = Path(repository.root)
    require_free(root, replace=replace)
    _, base = await repository.base(config.project.base)
    tree = await repository.tree(base)
    bench = bench_of(await _found_beside(config, lambda path: repository.show(base, path), tell))
    candidates, audits = apart(root, detect(root))
    if not candidates:
        raise UsageError(
            "no test, lint or type command was found here",
            why="neither Python nor Node configuration, nor Makefile targets, nor CI steps name one",
            fix="write [gates.tests] in setpoint.toml: `setpoint schema config` shows the form",
        )
    for line in services_missing(bench.config):
        tell(line)
    tell(f"found {', '.join(candidate.name for candidate in candidates)}; running them on {base[:12]} in the sandbox")
    confirmed = await confirmed_on(bench, candidates, base, tree)
    async with bench.workspaces.checkout(base) as room:
        proposed = {audit: await there(room, audit.gate) for audit in audits}
    wrote = written(root, confirmed, proposed, config, replace=replace, stack=_stack(bench.config))
    return report(await bench.trees.entries(tree), confirmed, proposed, wrote, _undecided(root))


def _undecided(root: Path) -> str:
    """What somebody has still to decide under the configuration as it was written."""
    from .config import load
    from .gates.auditors import require_decided

    config = load(root)
    try:
        require_decided(config.gates.values(), config.checks.unaudited, root)
    except ConfigError as error:
        return f"{error.what}; {error.fix}"
    return ""


async def _found_beside(config: Config, show: "Show", tell: Callable[[str], None]) -> Config:
    """`config` with the services of the base's compose file, where none are configured and that file can be run."""
    from .service.composing import proposed, refused

    found = await proposed(config, show)
    why = refused(found)
    if found is not config and why:
        tell(f"{found.stack.compose} is not used: {why}")
    return config if why else found


def _stack(config: Config) -> "Stacked | None":
    from .service.composing import stack_lines
    from .service.setup import Stacked

    if not config.stack.compose:
        return None
    return Stacked(config.stack.compose, (*stack_lines(config), *services_missing(config)))
