"""What a customer is about to buy."""

from dataclasses import dataclass, field

from pyshop.pricing import shipping, with_coupon


@dataclass(frozen=True)
class Item:
    """Some pieces of one article."""

    name: str
    price: int
    count: int = 1

    @property
    def total(self) -> int:
        """What all pieces cost."""
        return self.price * self.count


@dataclass
class Cart:
    """A cart that fills up."""

    items: list[Item] = field(default_factory=list)
    coupon: str = ""

    def add(self, item: Item) -> None:
        """Put `item` into the cart; pieces of the same article and price become one line."""
        if item.count < 1:
            raise ValueError(f"nothing to add: {item.count}")
        for at, known in enumerate(self.items):
            if (known.name, known.price) == (item.name, item.price):
                self.items[at] = Item(known.name, known.price, known.count + item.count)
                return
        self.items.append(item)

    def remove(self, name: str) -> None:
        """Take all pieces of an article out."""
        if all(item.name != name for item in self.items):
            raise KeyError(name)
        self.items = [item for item in self.items if item.name != name]

    def goods(self) -> int:
        """What the goods cost, less the coupon."""
        total = sum(item.total for item in self.items)
        return with_coupon(total, self.coupon) if self.coupon else total

    def total(self) -> int:
        """Goods and shipping; an empty cart costs nothing."""
        goods = self.goods()
        return goods + shipping(goods) if self.items else 0
