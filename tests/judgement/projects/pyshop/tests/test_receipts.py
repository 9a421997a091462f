from pathlib import Path

from pyshop.receipts import money, receipt


def test_cents_are_written_with_two_digits():
    assert money(905) == "9.05 EUR"
    assert money(5) == "0.05 EUR"


def test_a_receipt_names_items_and_total(cart):
    golden = Path(__file__).parent / "data" / "receipt.txt"
    assert receipt(cart) == golden.read_text()
