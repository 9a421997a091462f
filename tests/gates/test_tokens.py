"""Key files and random-looking strings are found and never repeated; digests, names and words are left alone."""

import random
import string

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.tokens import check_tokens, looks_random
from setpoint.model.judgement import Measured

TOKEN = "q7Zt2" + "Vb9Lx4Kc8Rn1Yw6Hd3Mf5Jp"
KEY = "-----BEGIN " + "PRIVATE KEY-----\nabc\n"


def judged(path: str, text: str) -> Measured:
    return check_tokens(between({}, {path: text.encode()}))


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("deploy/id_ed25519", "x\n", "key-file"),
        ("certs/server.key", KEY, "key-file"),
        ("store.p12", "x", "key-file"),
        ("config/secrets.yml", "a: 1\n", "key-file"),
        (".npmrc", f"//registry.example/:_authToken={TOKEN}\n", "sign-in"),
        ("src/a.py", f"KEY = '{TOKEN}'\n", "random"),
        ("config/app.yml", f"value: {TOKEN}\n", "random"),
        ("src/a.js", f"const key = `{TOKEN}`;\n", "random"),
    ],
)
def test_keys_are_found_and_not_repeated(path: str, text: str, rule: str) -> None:
    told = judged(path, text)
    assert f"tokens/{rule}" in {objection.rule for objection in told.objections}
    assert not told.holds
    assert TOKEN not in told.model_dump_json()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
        ("a.py", "COMMIT = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b'\n"),
        ("a.py", "ID = '123e4567-e89b-12d3-a456-426614174000'\n"),
        ("a.py", "name = 'someVeryLongIdentifierNameWithNumber2'\n"),
        ("a.py", "path = 'assets/images/Logo2024/large/header-Left'\n"),
        ("a.html", f'<script integrity="sha384-{TOKEN}">\n'),
        ("uv.lock", f'value = "{TOKEN}"\n'),
        (".npmrc", "//registry.example/:_authToken=${NPM_TOKEN}\n"),
        ("secrets.py", "x = 1\n"),
        ("tests/test_a.py", f"TOKEN = '{TOKEN}'\n"),
    ],
)
def test_what_is_no_key_blocks_nothing(path: str, text: str) -> None:
    assert [objection for objection in judged(path, text).objections if objection.blocks] == []


def test_nearly_all_random_strings_look_random() -> None:
    source = random.Random(7)
    made = ["".join(source.choices(string.ascii_letters + string.digits, k=40)) for _ in range(200)]
    assert sum(map(looks_random, made)) > 190
