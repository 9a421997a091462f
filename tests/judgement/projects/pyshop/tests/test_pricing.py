import pytest

from pyshop.pricing import UnknownCoupon, discounted, shipping, vat_included, with_coupon


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [
        (1000, 0, 1000),
        (1000, 10, 900),
        (999, 10, 900),
        (1000, 100, 0),
    ],
)
def test_a_discount_rounds_in_our_favour(amount, percent, expected):
    assert discounted(amount, percent) == expected


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_discount_is_a_percentage(percent):
    with pytest.raises(ValueError, match="not a percentage"):
        discounted(1000, percent)


def test_coupons_know_no_case():
    assert with_coupon(1000, "staff") == 700
    assert with_coupon(1000, "Spring") == 900


def test_unknown_coupons_are_refused():
    with pytest.raises(UnknownCoupon):
        with_coupon(1000, "FREE")


def test_shipping_is_free_from_fifty():
    assert shipping(4999) == 490
    assert shipping(5000) == 0


def test_tax_is_part_of_the_price():
    assert vat_included(1200) == 200
    assert vat_included(999) == pytest.approx(166, abs=1)
