"""The service: `python -m orders --port 8000`, or `python -m orders migrate`."""

import argparse
import signal
import sys

from .app import Shop
from .repository import migrate

DATABASE = "orders.db"


def stop(signum: int, frame: object) -> None:
    """End as asked."""
    sys.exit(0)


def main() -> None:
    """Migrate, or serve until told to stop."""
    options = argparse.ArgumentParser(prog="orders", description=__doc__)
    options.add_argument("what", nargs="?", choices=("serve", "migrate"), default="serve")
    options.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    chosen = options.parse_args()
    if chosen.what == "migrate":
        print(f"{migrate(DATABASE)} migrations run")
        return
    signal.signal(signal.SIGTERM, stop)
    shop = Shop(DATABASE, chosen.port)
    print(f"listening on 127.0.0.1:{shop.server_port}", flush=True)
    shop.serve_forever()


if __name__ == "__main__":
    main()
