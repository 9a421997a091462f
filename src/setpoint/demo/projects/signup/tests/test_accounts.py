"""Accounts in the database, without HTTP around them."""

from pathlib import Path

from signup.accounts import Account, Accounts


def test_an_added_account_is_found(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "signup.db")
    accounts.create_schema()
    added = accounts.add("grace@example.com", "hash")
    assert added == Account(1, "grace@example.com")
    assert accounts.find(1) == added


def test_the_schema_can_be_created_again(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "signup.db")
    accounts.create_schema()
    accounts.add("grace@example.com", "hash")
    accounts.create_schema()
    assert accounts.find(1) is not None
