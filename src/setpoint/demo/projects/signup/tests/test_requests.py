"""Requests that are not signups, and bodies that cannot be used."""

from tests.client import Client


def test_health_answers(client: Client) -> None:
    reply = client.get("/health")
    assert reply.status == 200
    assert reply.body == {"success": True, "error": None, "data": {"status": "ok"}}


def test_an_unknown_path_is_not_found(client: Client) -> None:
    reply = client.get("/nowhere")
    assert reply.status == 404
    assert reply.body == {"success": False, "error": "not found", "data": None}


def test_an_unknown_user_is_not_found(client: Client) -> None:
    assert client.get("/users/7").status == 404
    assert client.get("/users/seven").status == 404


def test_a_body_that_is_not_json_is_refused(client: Client) -> None:
    reply = client.post_raw("/signup", b"email=ada")
    assert reply.status == 400
    assert reply.body == {"success": False, "error": "body is not JSON", "data": None}


def test_a_body_that_is_not_an_object_is_refused(client: Client) -> None:
    assert client.post("/signup", ["ada@example.com"]).status == 400


def test_a_huge_body_is_refused(client: Client) -> None:
    assert client.post_raw("/signup", b" " * (64 * 1024 + 1)).status == 413
