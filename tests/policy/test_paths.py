"""Names and globs: permission reads narrowly, protection widely, and an intersection never allows more."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.errors import DeniedError
from setpoint.policy.action import ActionKind
from setpoint.policy.paths import NOTHING, allowed, canonical, classify_path, intersect, matches, touches, with_folders

NAME = st.sampled_from(["a", "b", "ab", "src", "test_a.py", "b.py", "x.md"])
SEGMENT = st.sampled_from(["a", "b", "ab", "src", "*", "**", "a*", "*b", "*.py", "test_*", "?", "[ab]", "test_a.py"])
PATHS = st.lists(NAME, min_size=1, max_size=4).map("/".join)
GLOBS = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join) | st.sampled_from(["/", "src/", "/src", "../a"])


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("src/**", "src/a/b.py", True),
        ("src/**", "src", False),
        ("src/", "src/a.py", True),
        ("src", "src/a.py", False),
        ("**/test_*.py", "test_a.py", True),
        ("**/test_*.py", "a/b/test_a.py", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("*.md", "docs/x.md", False),
        ("./src/*.py", "src/a.py", True),
        ("src/*", "SRC/a", False),
        ("**", "anything/at/all", True),
        ("/", "src", False),
        ("/src/**", "src/a", False),
        ("src/../**", "a", False),
        ("src/é.py", "src/é.py", True),
    ],
)
def test_globs_are_anchored_and_keep_to_their_folders(glob: str, path: str, expected: bool) -> None:
    assert matches(glob, canonical(path)) is expected


@pytest.mark.parametrize("path", ["SRC/Core/a.py", "src/core", "src/core/deep/a.py", "ｓｒｃ/core/a.py"])
def test_protection_minds_neither_case_nor_look_alikes(path: str) -> None:
    assert touches("src/core", canonical(path))


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "./", "/etc/passwd", "../x", "a/../../x", "a/..", "~/.ssh/id_rsa", "C:/x", "a\\..\\b", "a\0b", "a\nb",
        ".git/config", "a/.git", ".GIT/hooks/x", "git~1/x", ".git ./x", ".g\u200cit/config", "．git/config", "a\udcff",
        "//x",
    ],
)  # fmt: skip
def test_names_that_could_mean_another_file_are_refused(path: str) -> None:
    with pytest.raises(DeniedError):
        canonical(path)


@pytest.mark.parametrize(
    ("path", "name"), [("a//b", "a/b"), ("./a/./b", "a/b"), ("git/x", "git/x"), (".gitignore", ".gitignore")]
)
def test_names_have_one_canonical_form(path: str, name: str) -> None:
    assert canonical(path) == name


@given(one=st.lists(GLOBS, max_size=3), other=st.lists(GLOBS, max_size=3), path=PATHS)
def test_an_intersection_allows_only_what_both_allow(one: list[str], other: list[str], path: str) -> None:
    if allowed(intersect(one, other), path):
        assert allowed(one, path)
        assert allowed(other, path)


@given(globs=st.lists(GLOBS, min_size=1, max_size=3), path=PATHS)
def test_everything_takes_nothing_away(globs: list[str], path: str) -> None:
    assert allowed(intersect(["**"], globs), path) == allowed(globs, path)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (["src/**"], ["**/*.py"], ("src/**/*.py",)),
        (["src/**", "docs/**"], ["docs/x.md"], ("docs/x.md",)),
        (["**/test_*"], ["**/*.py"], ("**/test_*.py",)),
        (["src/**"], ["tests/**"], (NOTHING,)),
        ([], ["tests/**"], (NOTHING,)),
    ],
)
def test_intersections_stay_readable(one: list[str], other: list[str], both: tuple[str, ...]) -> None:
    assert intersect(one, other) == both


def test_hostile_globs_take_no_time() -> None:
    begun = time.monotonic()
    matches("/".join(["**", "a*a*a*a*a*b"] * 25), "/".join(["a" * 60] * 60))
    intersect(["/".join(["**", "a"] * 25)], ["/".join(["**", "b"] * 25)])
    assert time.monotonic() - begun < 5


def test_plain_names_may_be_folders() -> None:
    assert with_folders(["src/app", "*.md", "docs/"]) == ("src/app", "src/app/**", "*.md", "docs/")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/app.py", ActionKind.EDIT),
        ("README.md", ActionKind.EDIT),
        ("tests/test_app.py", ActionKind.TEST),
        ("src/app.test.ts", ActionKind.TEST),
        ("app/migrations/0002_more.py", ActionKind.MIGRATION),
        ("pyproject.toml", ActionKind.DEPENDENCY),
        ("web/Package.JSON", ActionKind.DEPENDENCY),
        ("requirements-dev.txt", ActionKind.DEPENDENCY),
        ("Dockerfile", ActionKind.INFRASTRUCTURE),
        ("infra/main.tf", ActionKind.INFRASTRUCTURE),
        (".github/workflows/ci.yml", ActionKind.CI),
        (".GitHub/Workflows/ci.yml", ActionKind.CI),
        ("AGENTS.md", ActionKind.AGENT_FILES),
        ("sub/.claude/settings.json", ActionKind.AGENT_FILES),
        (".env", ActionKind.SECRET),
        ("deep/.ENV.local", ActionKind.SECRET),
        (".env.example", ActionKind.EDIT),
        ("keys/server.pem", ActionKind.SECRET),
        ("setpoint.toml", ActionKind.CONTROL_PLANE),
        (".Setpoint/policy.toml", ActionKind.CONTROL_PLANE),
        (".gitmodules", ActionKind.CONTROL_PLANE),
    ],
)
def test_names_tell_what_a_change_means(path: str, kind: ActionKind) -> None:
    assert classify_path(path) is kind
