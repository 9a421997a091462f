"""Secrets on added lines are found and never repeated; known values leave no trace in what is journaled."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.adapters.sandboxes.output import Kept
from setpoint.gates.change_set import between
from setpoint.gates.measured import vacuous
from setpoint.gates.redaction import HIDDEN, redact
from setpoint.gates.secrets import SHAPES, secrets
from setpoint.model.evidence import Outcome
from setpoint.model.judgement import Measured

TAIL = "Ab3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5"
SECRETS = [
    "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "AKIA" + "IOSFODNN7EXAMPL3",
    "ghp_" + TAIL,
    "github_pat_" + TAIL + TAIL,
    "glpat-" + TAIL[:20],
    "sk-ant-" + "api03-" + TAIL,
    "sk-proj-" + TAIL,
    "xoxb-" + "123456789012-" + TAIL,
    "AIza" + TAIL[:35],
    "sk_live_" + TAIL,
    "npm_" + TAIL,
    "postgresql://app:" + "s3cr3tpass@db/shop",
    "DB_PASSWORD = '" + TAIL + "'",
]


def added(*lines: str, path: str = "src/a.py") -> Measured:
    """The verdict on a change that puts `lines` behind the first one of a file."""
    return secrets(between({path: b"kept\n"}, {path: "\n".join(["kept", *lines, ""]).encode()}))


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_on_an_added_line_is_found_and_not_repeated(secret: str) -> None:
    told = added("fine = 1", f"key = {secret!r}")
    assert told.result.outcome is Outcome.FAILED
    assert (told.result.evidence.examined, told.result.evidence.unit) == (2, "added lines")
    place = told.objections[0].place
    assert place is not None
    assert (place.path, place.line) == ("src/a.py", 3)
    assert secret[-12:] not in told.model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        "commit = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b'",
        "password = 'your-password-example-1'",
        "token = os.environ['TOKEN']",
        "url = 'postgresql://user:${PASSWORD}@db/shop'",
        "api_key = settings.api_key_for_the_shop_2",
        "sk-learn is a library",
    ],
)
def test_ordinary_lines_are_left_alone(text: str) -> None:
    assert added(text).result.green


def test_removed_lines_do_not_count_and_no_change_is_vacuous() -> None:
    removed = secrets(between({"a.py": f"kept\n{SECRETS[1]}\n".encode()}, {"a.py": b"kept\n"}))
    assert (removed.result.outcome, removed.result.evidence.examined) == (Outcome.PASSED, 0)
    assert vacuous(secrets(between({}, {})))


def test_an_environment_file_is_found_by_its_name() -> None:
    brought = secrets(between({}, {"web/.env.local": b"A=1\n"}))
    assert [objection.rule for objection in brought.objections] == ["secrets/env-file"]
    assert secrets(between({}, {"web/.env.example": b"A=1\n"})).result.green
    assert secrets(between({"web/.env.local": b"A=1\n"}, {})).objections == ()


def test_a_secret_deep_in_a_long_line_is_found() -> None:
    assert not added("x" * 50_000 + " " + SECRETS[2] + " " + "y" * 50_000).result.green


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40),
    before=st.text(max_size=10),
    after=st.text(max_size=10),
)
def test_known_values_are_taken_out_in_every_form(secret: str, before: str, after: str) -> None:
    forms = [secret, secret[::-1], secret.encode().hex(), quote(secret, safe=""), "\n".join(secret)]
    forms.append("\x1b[31m".join(secret))
    for form in forms:
        assert form not in redact(f"{before}{form}{after}", [secret])
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + secret.encode() + b"tail").decode()
        middle = base64.b64encode(b"x" * offset + secret.encode()).decode()[4:-4]
        assert middle not in redact(encoded, [secret])


BREAKS = ["\n", "\r\n", "\n    ", "\x1b[0m\n\x1b[31m", "\x1b[1m\x1b[31m"]


@given(secret=st.text("abcdefXYZ0123456789-_", min_size=12, max_size=60), data=st.data())
def test_an_encoded_value_is_taken_out_wherever_it_was_broken(secret: str, data: st.DataObject) -> None:
    raw = secret.encode()
    once = base64.b64encode(raw).decode()
    twice = base64.b64encode(once.encode()).decode()
    percent = "".join(f"%{byte:02x}" for byte in raw)
    form = data.draw(
        st.sampled_from([secret, secret[::-1], once, twice, raw.hex(), raw.hex(" "), percent, quote(secret)])
    )
    at = data.draw(st.integers(1, len(form) - 1))
    between = data.draw(st.sampled_from(BREAKS))
    broken = f"{form[:at]}{between}{form[at:]}"
    told = redact(f"before {broken} after", [secret])
    assert HIDDEN in told
    assert len(told) <= len(f"before {HIDDEN} after") + 8 + len(between), (
        "at most the uncertain ends of an encoding are left"
    )


FORMS: dict[str, Callable[[str], str]] = {
    "JSON": json.dumps,
    "JSON beyond ASCII": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value)),
    "Python": repr,
    "Python's bytes": lambda value: repr(value.encode()),
    "HTML": html.escape,
    "a URL's path": lambda value: quote(value),
    "a form": quote_plus,
    "C": lambda value: "".join(f"\\x{byte:02x}" for byte in value.encode()),
    "a C array": lambda value: ", ".join(f"0x{byte:02x}" for byte in value.encode()),
    "quoted printable": lambda value: "".join(f"={byte:02X}" for byte in value.encode()),
    "numbers": lambda value: str(list(value.encode())),
    "od -b": lambda value: " ".join(f"{byte:03o}" for byte in value.encode()),
    "od -c": "   ".join,
    "base32": lambda value: base64.b32encode(value.encode()).decode(),
    "UTF-16": lambda value: value.encode("utf-16-le").decode("latin-1"),
    "UTF-16 in base64": lambda value: base64.b64encode(value.encode("utf-16-le")).decode(),
    "invisible letters between": "\u200b".join,
    "a diff in two lines": lambda value: f"+{value[:9]}\n+{value[9:]}",
    "a terminal's title between": lambda value: f"{value[:9]}\x1b]0;x\x07{value[9:]}",
}


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("secret", ['tok-4711"Ab\\cd/-Zz99&<', "Plain-Value-4711-abcdef"])
def test_a_value_is_taken_out_as_tools_write_it(written: str, secret: str) -> None:
    told = redact(f"before {FORMS[written](secret)} after", [secret])
    assert HIDDEN in told
    assert len(told) <= len(f"before {HIDDEN} after") + 8


@given(secret=st.text("abcdefXYZ0123456789", min_size=12, max_size=60), data=st.data())
def test_a_value_whose_rest_was_left_out_is_taken_out_too(secret: str, data: st.DataObject) -> None:
    kept, at = Kept(100), data.draw(st.integers(8, len(secret) - 1))
    kept.add(f"{'.' * (50 - min(at, 50))}{secret}{'-' * 500}{secret}{'.' * (50 - min(at, 50))}".encode())
    told = redact(kept.text(), [secret])
    assert "left out" in told
    assert secret[:8] not in told
    assert secret[-8:] not in told
    assert secret[:8] not in redact(f"{secret[:at]} [...]", [secret])


@pytest.mark.parametrize("line_length", [20, 64, 76])
def test_what_base64_prints_in_lines_is_taken_out(line_length: int) -> None:
    secret = "ghx-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFGHIJKLMNOP"
    printed = base64.b64encode(f"export TOKEN={secret}\n".encode()).decode()
    lines = "\n".join(printed[at : at + line_length] for at in range(0, len(printed), line_length))
    told = redact(lines, [secret])
    assert HIDDEN in told
    assert len(told.replace(HIDDEN, "")) < 30


@pytest.mark.parametrize("secret", [secret for secret in SECRETS if "PASSWORD" not in secret])
def test_shapes_are_taken_out_without_being_known(secret: str) -> None:
    assert redact(f"before {secret} after").startswith(f"before {HIDDEN}")


def test_a_whole_private_key_is_taken_out() -> None:
    key = f"{SECRETS[0]}\nabcdef\n-----END " + "OPENSSH PRIVATE KEY-----"
    assert redact(f"a {key} b") == f"a {HIDDEN} b"


def test_short_values_do_not_shred_the_text() -> None:
    assert redact("a cat sat", ["a", "cat"]) == "a cat sat"


@pytest.mark.parametrize("kind", list(SHAPES))
@given(data=st.data())
def test_nothing_of_a_secrets_shape_is_passed_by(kind: str, data: st.DataObject) -> None:
    secret = data.draw(st.from_regex(SHAPES[kind], fullmatch=True))
    assert SHAPES[kind].search(redact(f"before {secret} after")) is None
