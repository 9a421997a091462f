"""The lists that a person keeps: an entry that is wrong is named, with what is wrong and how it is mended."""

import pytest

from setpoint.errors import ConfigError
from setpoint.gates.quarantine import Quarantined, read_quarantine
from setpoint.gates.waivers import read_waivers

TEST = '[[test]]\nid = "a.py::b"\nowner = "Ann"\nreason = "a race"\nuntil = 2030-01-31\n'
WAIVER = '[[waiver]]\nrule = "a/b"\npath = "**"\nreason = "known"\nby = "Ann"\nuntil = 2030-01-31\n'


def test_entries_are_read_in_their_order() -> None:
    first, second = read_quarantine(TEST + TEST.replace("a.py", "c.py"))
    assert isinstance(first, Quarantined)
    assert (first.id, second.id) == ("a.py::b", "c.py::b")
    assert [waiver.rule for waiver in read_waivers(WAIVER)] == ["a/b"]
    assert read_waivers("") == ()


@pytest.mark.parametrize(
    ("text", "said", "mend"),
    [
        ("[[test]]\n", "test 1: id: Field required", "each [[test]] has id = "),
        (TEST + TEST.replace("owner", "who"), "test 2: owner: Field required", "owner, reason and until"),
        (TEST.replace("2030-01-31", "'soon'"), "test 1: until: ", "until = 2030-01-31"),
        ("tests = 1", "holds [[test]] entries, at most 500, and nothing else", "each [[test]] has"),
        ("test = 1", "holds [[test]] entries", "each [[test]] has"),
        ("test = [1]", "test 1: ", "each [[test]] has"),
        (TEST * 501, "at most 500", "each [[test]] has"),
        ("[", "not TOML: ", "mend .setpoint/quarantine.toml at the place named"),
    ],
)
def test_a_list_that_is_wrong_says_what_where_and_how_to_mend_it(text: str, said: str, mend: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_quarantine(text)
    assert refused.value.what.startswith(".setpoint/quarantine.toml")
    assert said in refused.value.what
    assert mend in refused.value.fix


def test_a_wrong_waiver_is_told_by_its_own_words() -> None:
    with pytest.raises(ConfigError) as refused:
        read_waivers(WAIVER + WAIVER.replace("reason", "because"))
    assert refused.value.what.startswith(".setpoint/waivers.toml: waiver 2: reason: Field required")
    assert refused.value.fix.startswith("each [[waiver]] has rule = ")
