"""What is demanded of the sandbox is never answered by something weaker, and nobody is never asked without one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.config import parse
from setpoint.errors import ConfigError
from setpoint.model.sandbox_settings import STRENGTH, Level, SandboxSettings
from setpoint.model.settings import Config
from setpoint.model.ticket import Kind
from setpoint.parts import sandbox_of
from setpoint.policy.containment import at_least, require_contained, require_level

LEVELS = st.sampled_from(STRENGTH)


def config(text: str) -> Config:
    return parse(text, "setpoint.toml")


@given(
    level=LEVELS,
    minimum=LEVELS,
    demanded=st.dictionaries(st.sampled_from(list(Kind)), LEVELS),
    kind=st.sampled_from(list(Kind)),
)
def test_only_a_level_as_strong_as_all_that_is_demanded_passes(
    level: Level, minimum: Level, demanded: dict[Kind, Level], kind: Kind
) -> None:
    settings = SandboxSettings(level=level, minimum=minimum, minimum_for=demanded)
    strong = all(at_least(level, wanted) for wanted in (minimum, demanded.get(kind, "none")))
    if strong:
        require_level(settings, level, kind)
        return
    with pytest.raises(ConfigError, match="weaker than") as found:
        require_level(settings, level, kind)
    assert "setpoint.toml" in found.value.fix


def test_the_order_of_strength_is_written_once() -> None:
    assert STRENGTH == ("none", "seatbelt", "bubblewrap", "container", "microvm")


def test_a_kind_may_demand_more_than_the_rest() -> None:
    told = config('[sandbox]\nminimum = "bubblewrap"\n[sandbox.minimum_for]\nhotfix = "container"\n')
    require_contained(told, Kind.FEATURE)
    with pytest.raises(ConfigError, match=r"bubblewrap is weaker than container.* minimum_for\.hotfix") as found:
        require_contained(told, Kind.HOTFIX)
    assert found.value.exit_code == 2


def test_no_sandbox_is_made_below_what_is_demanded() -> None:
    with pytest.raises(ConfigError, match="none is weaker than bubblewrap"):
        sandbox_of(config('[sandbox]\nlevel = "none"\nminimum = "bubblewrap"\n'))


def test_none_is_only_by_name_and_never_where_nobody_is_asked() -> None:
    assert Config().sandbox.level == "bubblewrap"
    assert sandbox_of(config('[sandbox]\nlevel = "none"\n')).level == "none"
    with pytest.raises(ConfigError, match='autonomy "full" needs a sandbox') as found:
        sandbox_of(config('autonomy = "full"\n[sandbox]\nlevel = "none"\n'))
    assert found.value.exit_code == 2
    assert 'level = "bubblewrap"' in found.value.fix
    require_contained(config('autonomy = "full"\n'))


def test_a_level_that_does_not_exist_is_an_error_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"sandbox\.level: should be 'none', 'seatbelt', 'bubblewrap'"):
        config('[sandbox]\nlevel = "jail"\n')
