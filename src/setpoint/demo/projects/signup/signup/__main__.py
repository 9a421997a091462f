"""Serves the application: `python3 -m signup --port 8080 --database signup.db`."""

import argparse
import logging
from pathlib import Path

from .accounts import Accounts
from .app import Signup
from .server import serve


def main() -> None:
    """Read the options and serve until stopped."""
    options = argparse.ArgumentParser(prog="signup", description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    options.add_argument("--database", type=Path, default=Path("signup.db"))
    chosen = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    accounts = Accounts(chosen.database)
    accounts.create_schema()
    serve(Signup(accounts), chosen.host, chosen.port)


if __name__ == "__main__":
    main()
