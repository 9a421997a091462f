"""What an order of the right form may still have wrong."""

from .repository import Repository
from .schema import NewOrder


def problems(order: NewOrder, repository: Repository) -> list[str]:
    """Everything that keeps the order from being taken; empty when nothing does."""
    found = []
    if repository.customer(order.customer) is None:
        found.append(f"customer {order.customer} does not exist")
    if not order.items:
        found.append("items are empty")
    found += [f"quantity of {item.sku} is not positive" for item in order.items if item.quantity < 1]
    found += [f"price of {item.sku} is negative" for item in order.items if item.price < 0]
    if abs(sum(item.quantity * item.price for item in order.items) - order.total) > 0.005:
        found.append("total does not match the items")
    return found
