"""The mode of a file fits what it is for: what is run by its name can be run."""

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.permissions import EXECUTABLE, PLAIN, check_permissions

SCRIPT = b"#!/bin/sh\ntrue\n"
RUN = "count:\n\t./count.sh\n"


def minded(before: tuple[bytes, str] | None, after: tuple[bytes, str], **files: str) -> list[tuple[str, str]]:
    around = {name: text.encode() for name, text in files.items()}
    old = {**around, "count.sh": before[0]} if before else around
    modes = ({"count.sh": before[1]} if before else {}, {"count.sh": after[1]})
    found = check_permissions(between(old, {**around, "count.sh": after[0]}, modes=modes))
    return [(one.rule.removeprefix("permissions/"), one.severity.value) for one in found.objections]


LOST, NEVER, IDLE = ("no-longer-executable", "high"), ("not-executable", "high"), ("executable", "low")


@pytest.mark.parametrize(
    ("before", "after", "files", "expected"),
    [
        ((SCRIPT, EXECUTABLE), (SCRIPT, PLAIN), {}, [LOST]),
        ((b"a", EXECUTABLE), (b"b", PLAIN), {"Makefile": RUN}, [LOST]),
        ((b"a", EXECUTABLE), (b"b", PLAIN), {}, []),
        ((SCRIPT, PLAIN), (SCRIPT, EXECUTABLE), {}, []),
        ((b"a", PLAIN), (b"a", EXECUTABLE), {}, [IDLE]),
        (None, (SCRIPT, PLAIN), {"Makefile": RUN}, [NEVER]),
        (None, (SCRIPT, PLAIN), {"package.json": '{"scripts": {"count": "./count.sh --all"}}'}, [NEVER]),
        (None, (SCRIPT, PLAIN), {"Dockerfile": "RUN chmod +x count.sh && ./count.sh\n"}, []),
        (None, (SCRIPT, PLAIN), {"Makefile": "count:\n\tbash ./count.sh\n"}, []),
        (None, (SCRIPT, PLAIN), {"README.md": "Run ./count.sh\n"}, []),
        (None, (SCRIPT, EXECUTABLE), {"Makefile": RUN}, []),
        (None, (SCRIPT, "120000"), {"Makefile": RUN}, []),
    ],
)
def test_a_mode_is_minded_where_something_needs_another(
    before: tuple[bytes, str] | None, after: tuple[bytes, str], files: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert minded(before, after, **files) == expected
