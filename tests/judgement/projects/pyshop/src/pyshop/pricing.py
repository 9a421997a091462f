"""What things cost, in cents."""

VAT_PERCENT = 20
FREE_SHIPPING_FROM = 50_00
SHIPPING = 4_90
COUPONS = {"SPRING": 10, "STAFF": 30}


class UnknownCoupon(ValueError):
    """No such coupon."""


def discounted(amount: int, percent: int) -> int:
    """`amount` less `percent`, rounded down to a cent."""
    if not 0 <= percent <= 100:
        raise ValueError(f"not a percentage: {percent}")
    return amount - amount * percent // 100


def with_coupon(amount: int, code: str) -> int:
    """`amount` after the coupon `code`, whatever its letters' case."""
    try:
        return discounted(amount, COUPONS[code.upper()])
    except KeyError:
        raise UnknownCoupon(code) from None


def shipping(amount: int) -> int:
    """What shipping goods worth `amount` costs."""
    return 0 if amount >= FREE_SHIPPING_FROM else SHIPPING


def vat_included(amount: int) -> int:
    """The tax that is part of `amount`."""
    return round(amount * VAT_PERCENT / (100 + VAT_PERCENT))
