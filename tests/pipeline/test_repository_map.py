"""The map of a repository: within its budget, nearest first, the same bytes for the same files."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.pipeline.measured import parts_of
from setpoint.pipeline.prompts import section, untrusted
from setpoint.pipeline.repository_map import repository_map
from setpoint.pipeline.rule_choice import tokens
from setpoint.pipeline.symbols import symbols

SOURCES = {
    "shop/price.py": b"LIMIT = 3\n\nclass Basket:\n    def add(self): ...\n    def _no(self): ...\ndef total(): ...\n",
    "web/page.tsx": b"export function Page() {}\nexport class Cart { pay() {} }\nconst rate = 1\ninterface Row {}\n",
    "cmd/main.go": b"package main\n\ntype Server struct{}\nfunc (s *Server) Run() {}\nfunc main() {}\n",
    "README.md": b"# Shop\n",
}


def mapped(files: list[str], *touched: str, cap: int = 1_500) -> str:
    return repository_map(files, touched, lambda path: SOURCES.get(path, b""), lambda path: 1_234, cap)


def test_the_files_to_be_touched_tell_what_they_define() -> None:
    told = mapped(list(SOURCES), "shop/*.py", "web/page.tsx", "cmd/main.go")
    assert "shop/price.py: LIMIT, Basket(add), total()" in told
    assert "web/page.tsx: Page(), Cart(pay), rate, Row" in told
    assert "cmd/main.go: Server, Run, main" in told
    assert "./: README.md 1k" in told


def test_a_file_that_cannot_be_read_as_source_has_no_names() -> None:
    assert symbols("a.py", b"def broken(") == ""
    assert symbols("a.py", b"(" * 100_000) == ""
    assert symbols("a.py", b"x = 1\0") == ""
    assert symbols("a.bin", b"def x(): ...") == ""


def test_the_same_files_give_the_same_bytes() -> None:
    files = [f"{a}/{b}/{c}.py" for a in "abc" for b in "xyz" for c in "123"]
    shuffled = random.Random(1).sample(files, len(files))
    assert mapped(files, "a/x/1.py") == mapped(shuffled, "a/x/1.py")


@pytest.mark.parametrize("count", [0, 1, 300, 30_000])
@pytest.mark.parametrize("shape", ["p{n}/f{n}.py", "deep/a/b/c/f{n}.py", "f{n}.py", "s{m}/t{n}/f.py"])
def test_a_map_keeps_to_its_budget_whatever_the_repository(count: int, shape: str) -> None:
    files = [shape.format(n=n, m=n % 7) for n in range(count)]
    assert tokens(mapped(files, "deep/**", "s3/**", cap=400)) <= 400


def test_what_lies_near_is_opened_before_what_lies_afar() -> None:
    files = [f"far{n}/file{m}.py" for n in range(50) for m in range(50)] + [
        "near/inner/here.py",
        "near/inner/beside.py",
    ]
    told = mapped(files, "near/inner/here.py", cap=600)
    assert "near/inner/: beside.py 1k, here.py 1k" in told
    assert "far7/ (50 files)" in told


@given(st.lists(st.text(min_size=1, max_size=30), max_size=4), st.text(max_size=200))
def test_parts_are_told_apart_by_headings_outside_of_fences(titles: list[str], text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    parts = [
        section("Commands", "run"),
        *(untrusted(f"T {n}", f"## {title}\n{text}") for n, title in enumerate(titles)),
    ]
    found = parts_of("\n\n".join(parts))
    assert len(found) == len(parts)
    assert [part.text for part in found] == parts


def test_a_part_says_what_was_left_out_of_it() -> None:
    assert parts_of(untrusted("Log", "x" * 100, cap=10))[0].cut == "90 characters left out"
    assert parts_of(section("Commands", "- tests"))[0].cut == ""
