import json
from pathlib import Path

import pytest

from pyshop.cart import Cart, Item


@pytest.fixture
def prices() -> dict[str, int]:
    return json.loads((Path(__file__).parent / "data" / "prices.json").read_text())


@pytest.fixture
def cart(prices: dict[str, int]) -> Cart:
    filled = Cart()
    filled.add(Item("tea", prices["tea"], 2))
    filled.add(Item("mug", prices["mug"]))
    return filled
