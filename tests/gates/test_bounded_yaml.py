"""YAML of a repository is read within bounds by everything that reads it, or refused as unreadable."""

import pytest

from setpoint.gates.bounded_yaml import read_documents, read_yaml
from setpoint.gates.change_set import between
from setpoint.gates.containers import check_containers
from setpoint.gates.deployment import check_deployment
from setpoint.gates.tamper.settings_files import settings

LISTS = "x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n" + "".join(
    f"x{n}: &x{n} [{','.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MERGES = "x0: &x0 {a: 1}\n" + "".join(f"x{n}: &x{n} {{<<: [*x{n - 1}, *x{n - 1}]}}\n" for n in range(1, 40))
BOMBS = pytest.mark.parametrize("bomb", [LISTS, MERGES], ids=["lists", "merges"])


@BOMBS
def test_a_file_of_aliases_that_stand_for_billions_is_refused(bomb: str) -> None:
    with pytest.raises(ValueError, match="more than 400000 values"):
        read_yaml(bomb)
    with pytest.raises(ValueError, match="more than 400000 values"):
        list(read_documents(bomb))


@BOMBS
def test_gates_mind_it_and_end(bomb: str) -> None:
    compose = {"compose.yml": f"{bomb}services:\n  a:\n    image: x:1\n    env_file: *x9\n".encode()}
    assert [one.rule for one in check_containers(between({}, compose)).objections] == ["containers/unreadable"]
    manifest = {"k8s/a.yml": f"apiVersion: v1\n{bomb}kind: *x9\n".encode()}
    assert [one.rule for one in check_deployment(between({}, manifest)).objections] == ["deployment/unreadable"]
    assert settings("ci.yml", bomb) is None


@pytest.mark.parametrize(
    "text", ["a: 2020-99-99", "a: !!timestamp x", "a: !!float x", "[" * 50_000, "&a [*a]", "{? [1]: 2}: 3"]
)
def test_whatever_cannot_be_read_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_yaml(text)


def test_an_ordinary_use_of_aliases_is_read() -> None:
    text = "base: &base {image: x, env: {A: '1'}}\nweb: {<<: *base, image: y}\ntag: &t [1]\nother: *t\n"
    assert read_yaml(text)["web"] == {"image": "y", "env": {"A": "1"}}
    assert read_yaml("a: !reset [1]\nb: !override {c: d}\n", any_tag=True) == {"a": [1], "b": {"c": "d"}}


@pytest.mark.parametrize("items", ["[1]", "[null]", "[[1]]", "x", "{a: 1}"])
def test_a_list_of_manifests_that_holds_none_is_minded_or_empty(items: str) -> None:
    manifest = {"k8s/a.yml": f"apiVersion: v1\nkind: List\nitems: {items}\n".encode()}
    rules = {one.rule for one in check_deployment(between({}, manifest)).objections}
    assert rules <= {"deployment/unreadable"}
