"""Which lines changed is told of any two texts, of generated ones too; files that moved are known in any number."""

from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.change_set import between
from setpoint.gates.line_changes import changed_stretches

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=40)


@settings(deadline=None)
@given(old=LINES, new=LINES, often=st.integers(1, 40))
def test_what_is_not_changed_is_the_same_on_both_sides(old: list[str], new: list[str], often: int) -> None:
    old, new = [*old, "}"] * often, [*new, "}"] * often
    gone = {at for i1, i2, _, _ in changed_stretches(old, new) for at in range(i1, i2)}
    come = {at for _, _, j1, j2 in changed_stretches(old, new) for at in range(j1, j2)}
    assert [line for at, line in enumerate(old) if at not in gone] == [
        line for at, line in enumerate(new) if at not in come
    ]


def test_a_generated_file_written_anew_has_the_lines_that_differ() -> None:
    old = [line for at in range(30_000) for line in ("{", f'"id": {at},', f'"was": {at * 7}', "},")]
    new = [line for at in range(30_000) for line in ("{", f'"id": {at},', f'"is": {at * 7}', "},")]
    changed = list(changed_stretches(old, new))
    assert changed
    assert all(i2 - i1 == 1 == j2 - j1 for i1, i2, j1, j2 in changed)
    assert sum(i2 - i1 for i1, i2, _, _ in changed) == 30_000


def test_the_same_line_thousands_of_times_is_no_reason_to_look_for_ever() -> None:
    changed = sorted(changed_stretches(["x"] * 60_000 + ["a"], ["y", *["x"] * 50_000, "b"]))
    assert changed[0][2] == 0
    assert changed[-1][3] == 50_002


def test_a_folder_of_hundreds_of_files_that_moved_is_renamed_files() -> None:
    held = {f"m{at}.py": f"def price_{at}():\n    return {at}\n\n\n".encode() * 9 for at in range(500)}
    moved = {f"shop/{name}": text.replace(b"return 1", b"return  1") for name, text in held.items()}
    change = between({f"pkg/{name}": text for name, text in held.items()}, moved)
    assert {(delta.was, delta.path) for delta in change.deltas} == {(f"pkg/{name}", f"shop/{name}") for name in held}
