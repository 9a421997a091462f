"""Scenarios of the validation, each an order and what is wrong with it."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orders.repository import Repository, migrate
from orders.schema import Item, NewOrder
from orders.validation import problems

TEA, CUP = Item("tea", 2, 4.5), Item("cup", 1, 10.0)
SCENARIOS = {
    "one item": (NewOrder(1, (TEA,), 9.0), []),
    "two items": (NewOrder(2, (TEA, CUP), 19.0), []),
    "a gift": (NewOrder(1, (Item("card", 1, 0.0),), 0.0), []),
    "cents add up": (NewOrder(1, (Item("pin", 3, 0.1),), 0.3), []),
    "unknown customer": (NewOrder(3, (TEA,), 9.0), ["customer 3 does not exist"]),
    "no customer zero": (NewOrder(0, (TEA,), 9.0), ["customer 0 does not exist"]),
    "no items": (NewOrder(1, (), 0.0), ["items are empty"]),
    "no items and a total": (NewOrder(1, (), 9.0), ["items are empty", "total does not match the items"]),
    "total too small": (NewOrder(1, (TEA,), 8.99), ["total does not match the items"]),
    "total too large": (NewOrder(1, (TEA, CUP), 19.01), ["total does not match the items"]),
    "nothing of it": (NewOrder(1, (Item("tea", 0, 4.5),), 0.0), ["quantity of tea is not positive"]),
    "all at once": (
        NewOrder(9, (Item("tea", 1, -1.0),), 1.0),
        ["customer 9 does not exist", "price of tea is negative", "total does not match the items"],
    ),
}


def main() -> int:
    """Try all; 0 when each says what it should."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "orders.db"))
        migrate(path)
        told = {name: problems(order, Repository(path)) for name, (order, _) in SCENARIOS.items()}
    wrong = [name for name, (_, expected) in SCENARIOS.items() if told[name] != expected]
    for name in wrong:
        print(f"{name}: {told[name]}")
    print(f"{len(told) - len(wrong)} of {len(told)} scenarios passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
