"""Signing up, as clients know it."""

import sqlite3

from signup.passwords import matches
from tests.client import Client

PASSWORD = "correct horse"


def test_signup_creates_an_account(client: Client) -> None:
    reply = client.signup(email="ada@example.com", password=PASSWORD)
    assert reply.status == 201
    assert reply.body == {
        "success": True,
        "error": None,
        "data": {"id": 1, "email": "ada@example.com"},
    }


def test_an_account_can_be_read_back(client: Client) -> None:
    client.signup(email="ada@example.com", password=PASSWORD)
    assert client.get("/users/1").body["data"] == {"id": 1, "email": "ada@example.com"}


def test_a_short_password_is_refused(client: Client) -> None:
    reply = client.signup(email="ada@example.com", password="short")
    assert reply.status == 400
    assert reply.body == {
        "success": False,
        "error": "password needs at least 8 characters",
        "data": None,
    }


def test_a_missing_password_is_refused(client: Client) -> None:
    assert client.signup(email="ada@example.com").status == 400


def test_the_password_is_kept_as_a_hash(client: Client) -> None:
    client.signup(email="ada@example.com", password=PASSWORD)
    connection = sqlite3.connect(client.database)
    (kept,) = connection.execute("SELECT password FROM users").fetchone()
    connection.close()
    assert PASSWORD not in kept
    assert matches(PASSWORD, kept)
    assert not matches("something else", kept)
