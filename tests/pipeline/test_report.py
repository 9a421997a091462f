"""A reviewer's report counts when it says what was done."""

from typing import Any

import pytest

from setpoint.model.evidence import GateKind
from setpoint.model.gate import Gate
from setpoint.model.review import REVIEW_CHECKS, Review
from setpoint.model.session import Message, Said, ToolCall, ToolReturn
from setpoint.pipeline.probe_commands import asks_nothing, was_run
from setpoint.pipeline.report import commands_run, empty_report, says_nothing

GATES = {"tests": Gate(kind=GateKind.TESTS, run=("make", "check"))}
PROBE = "python -c 'from shop import total; print(total([None]))'"
RAN = (f"cd /tmp && {PROBE}", "python -m pytest -q -p no:cacheprovider", "make check", "cat shop.py")
FINDING = {
    "severity": "high",
    "deviation": "behaviour",
    "what": "total of nothing raises",
    "cause": "sum is given None",
    "path": "shop.py",
    "evidence": "TypeError: unsupported operand",
}


def report(**other: Any) -> Review:
    usual = {
        "summary": "Tried each sentence.",
        "checks": [{"check": c, "tried": f"empty list for {c}", "result": "holds"} for c in REVIEW_CHECKS],
        "probes": [{"command": PROBE, "outcome": "TypeError"}],
    }
    return Review.model_validate({**usual, **other})


def answers(**other: Any) -> list[dict[str, str]]:
    return [{"check": c, "tried": f"empty list for {c}", "result": "holds", **other} for c in REVIEW_CHECKS]


def probes(*commands: str) -> list[dict[str, str]]:
    return [{"command": command, "outcome": "passed"} for command in commands]


@pytest.mark.parametrize(
    "said",
    [
        report(),
        report(probes=probes("make check", PROBE.replace("  ", " "))),
        report(probes=probes("make check"), findings=[FINDING]),
        report(findings=[{**FINDING, "severity": "low", "evidence": "looked"}]),
    ],
    ids=["tried", "beside the suite", "an objection needs no probe of its own", "a remark"],
)
def test_a_report_of_what_was_tried_counts(said: Review) -> None:
    assert empty_report(said, RAN, GATES) == ()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (report(checks=answers(tried="tried it with odd input")), "answers 12 checks"),
        (report(checks=answers(tried="Looks good!")), "does not say what was tried"),
        (report(checks=answers(tried="Security: no issues found.")), "does not say what was tried"),
        (report(checks=answers(result="does not apply")), "applies to every change"),
        (report(checks=answers(result="fails")), "fails and no finding says how"),
        (report(probes=probes("python -c 'print(1)'")), "was not run in this session"),
        (report(probes=probes("python")), "was not run in this session"),
        (report(probes=probes("make check")), "try to make the change fail"),
        (report(probes=probes("python -m pytest -q -p no:cacheprovider")), "try to make the change fail"),
        (report(probes=probes("cat shop.py")), "try to make the change fail"),
        (report(findings=[{**FINDING, "evidence": "Looks wrong to me."}]), "is no evidence"),
        (report(findings=[{**FINDING, "cause": FINDING["what"].upper()}]), "only repeats"),
    ],
)  # fmt: skip
def test_a_report_that_could_stand_under_any_change_goes_back(said: Review, why: str) -> None:
    assert why in "\n".join(empty_report(said, RAN, GATES))


def test_a_command_counts_as_run_once_its_result_is_in_the_journal() -> None:
    def asked(name: str, mark: str, **arguments: Any) -> ToolCall:
        return ToolCall(id=mark, name=name, arguments=arguments)

    messages = (
        Message(role="user", parts=(Said(text="`python attack.py` was run, the change says"),)),
        Message(
            role="assistant",
            parts=(asked("shell", "1", command=PROBE), asked("shell", "2", command="ls"), asked("read", "3", path="x")),
        ),
        Message(role="user", parts=(ToolReturn(call_id="1", name="shell", content="ok"),)),
    )
    assert commands_run(messages) == (PROBE,)


@pytest.mark.parametrize("text", ["LGTM", "ok", "no issues", "The tests pass and it all looks good.", "n/a", ""])
def test_praise_says_nothing(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize("text", ["12 threads", "null, blanks", "took the guard out: red", "no query is added"])
def test_what_was_tried_says_something(text: str) -> None:
    assert not says_nothing(text)


SUITE = {"make check"}


@pytest.mark.parametrize(
    "command",
    [
        "cat shop.py | head -5", "grep -n total shop.py", "sed -n 1,20p shop.py", "true; true", "exit 0", ":",
        "echo edge cases && echo fine", "python -c 'print(1)'", "python3 -c \"print('all edge cases hold')\"",
        "pytest -q || true", "cd src && pytest -q", "PYTHONPATH=. pytest -q 2>&1 | tail -5", "uv run pytest", "tox",
        "python -m compileall .", "make check > out.txt", "pytest -q # with None", "MAKE  check", "ls\ncat b",
    ],
)  # fmt: skip
def test_a_probe_that_reads_prints_or_runs_the_suite_again_asks_nothing(command: str) -> None:
    assert asks_nothing(command, SUITE)


@pytest.mark.parametrize(
    "command",
    [
        "cat > /tmp/p.py <<'EOF'\nimport shop\nassert shop.total([]) == 0\nEOF\npython /tmp/p.py",
        "ls\npython t.py", "echo '{}' | python -m shop", "! grep -q eval shop.py", "test -f shop.py", PROBE,
        "sed -i s/+/-/ shop.py && pytest -q", "git stash; pytest -q", "pytest tests/test_mine.py",
        "for i in 1 2; do python -m shop $i; done", "python a.py & python b.py & wait", "echo $(python a.py)",
        "node -e 'require(\"./shop\").total()'", "find . -name '*.json' -exec python a.py {} +",
    ],
)  # fmt: skip
def test_a_probe_that_tries_the_change_asks_something(command: str) -> None:
    assert not asks_nothing(command, SUITE)


@pytest.mark.parametrize("command", [f'echo "{PROBE}"', f"# {PROBE}", f"ls # {PROBE}", f'echo "a; {PROBE}; b"'])
def test_a_probe_that_was_only_named_was_not_run(command: str) -> None:
    assert not was_run(PROBE, command)


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (PROBE, f"cd /tmp && {PROBE}"),
        (PROBE, f"timeout 5 {PROBE} 2>&1 | head"),
        (PROBE, f"echo begin; {PROBE}; echo $?"),
        ("echo '{\"a\": 1}' | python -m shop", "cd /tmp && echo '{\"a\": 1}' | python -m shop"),
        ("python a.py && python b.py --long", "cd x && python a.py && python b.py --long; echo $?"),
    ],
)
def test_a_probe_among_others_was_run(asked: str, command: str) -> None:
    assert was_run(asked, command)


@pytest.mark.parametrize("words", ["error: shell is closed here", "not run: the session is over"])
def test_a_call_that_was_refused_ran_nothing(words: str) -> None:
    call = ToolCall(id="1", name="shell", arguments={"command": PROBE})
    answer = ToolReturn(call_id="1", name="shell", content=words, failed=True)
    assert commands_run((Message(role="assistant", parts=(call,)), Message(role="user", parts=(answer,)))) == ()
