"""The policy a run stands under: read from the commit it starts from, remembered with its digest, never from a
worktree."""

from collections.abc import Sequence

from ..errors import ConfigError
from ..model.policy import Layer
from ..policy.digest import policy_digest
from ..policy.rules import Rules, effective, from_settings
from ..ports import Store, Transaction
from .bench import Bench, Ground

FILE = ".setpoint/policy.toml"
FACT = "policy"
_SETTINGS = ("setpoint.toml", "pyproject.toml")
_PLAIN = ("100644", "100755")


async def layers_at(bench: Bench, base: str) -> tuple[Layer, ...]:
    """What the commit `base` says. Raises ConfigError for what cannot be read."""
    entries = await bench.trees.entries(base)
    found = []
    if FILE in entries:
        if entries[FILE].mode not in _PLAIN:
            raise ConfigError(f"{FILE} is no plain file", why="links are not followed", fix="commit the text itself")
        said = bench.parse_policy(bench.trees.blob(entries[FILE].name), FILE)
        found.append(Layer(whose=f"base: {FILE}", said=said))
    for name in _SETTINGS:
        text = bench.trees.blob(entries[name].name) if name in entries else b""
        if text and (name == "setpoint.toml" or b"[tool.setpoint" in text):
            written = bench.parse(text.decode("utf-8", "replace"), name).boundaries
            found.append(Layer(whose=f"base: {name}", said=from_settings(written)))
            break
    return tuple(found)


async def layers_here(bench: Bench, base: str) -> tuple[Layer, ...]:
    """All policies that hold for a run started now from the commit `base`: the base's, the settings in force where they
    say something else, the person's own. Raises ConfigError."""
    layers = list(await layers_at(bench, base))
    here = from_settings(bench.config.boundaries)
    if bench.config.boundaries.model_fields_set and here not in [layer.said for layer in layers]:
        layers.append(Layer(whose="here: setpoint.toml", said=here))
    own = bench.own_policy()
    return (*layers, own) if own else tuple(layers)


def remember(tx: Transaction, run: str, stage: str, base: str, layers: Sequence[Layer]) -> None:
    """Write the policy down with what stands beside it."""
    rules = effective(layers)
    mark = policy_digest(rules)
    tx.remember(
        run, FACT, {"base": base, "sha256": mark, "layers": [layer.model_dump(mode="json") for layer in layers]}
    )
    told = [{"whose": layer.whose, "sha256": layer.said.digest()} for layer in layers]
    said = rules.model_dump(mode="json", exclude_defaults=True)
    tx.event(run, "policy", stage, {"base": base, "sha256": mark, "layers": told, "rules": said})


async def standing(ground: Ground) -> None:
    """Have the policy of the run's present base on record. What is not the base's stays as it was when the run started.
    Raises ConfigError."""
    kept = ground.bench.store.recall(ground.run.id, FACT)
    if kept is not None and kept["base"] == ground.run.base:
        return
    if kept is None:
        layers = await layers_here(ground.bench, ground.run.base)
    else:
        mine = (layer for layer in _layers(kept["layers"]) if not layer.whose.startswith("base"))
        layers = (*await layers_at(ground.bench, ground.run.base), *mine)
    with ground.bench.store.transaction() as tx:
        remember(tx, ground.run.id, ground.position.stage, ground.run.base, layers)


def _layers(kept: Sequence[object]) -> tuple[Layer, ...]:
    return tuple(Layer.model_validate(layer) for layer in kept)


def layers_of(ground: Ground) -> tuple[Layer, ...]:
    """The policies the run stands under; of a run without any on record its settings."""
    kept = ground.bench.store.recall(ground.run.id, FACT)
    if kept is not None:
        return _layers(kept["layers"])
    return (Layer(whose="base: setpoint.toml", said=from_settings(ground.config.boundaries)),)


def rules_on_record(store: Store, run: str) -> Rules:
    """What the policies on record let a run do; without any, what nobody limits."""
    kept = store.recall(run, FACT)
    return effective(_layers(kept["layers"])) if kept is not None else Rules()


def rules_of(ground: Ground) -> Rules:
    """What those policies let the run do, before plan, ticket and anybody's yes."""
    return effective(layers_of(ground))
