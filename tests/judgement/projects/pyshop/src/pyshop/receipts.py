"""The receipt a customer takes home."""

from pyshop.cart import Cart


def money(cents: int) -> str:
    """Cents as people write them."""
    return f"{cents // 100}.{cents % 100:02d} EUR"


def receipt(cart: Cart) -> str:
    """One line for each item, then the total."""
    lines = [f"{item.count} x {item.name}  {money(item.total)}" for item in cart.items]
    return "\n".join([*lines, f"total  {money(cart.total())}"]) + "\n"
