import pytest

from pyshop.cart import Cart, Item


def test_an_empty_cart_costs_nothing():
    assert Cart().total() == 0


def test_goods_and_shipping_are_the_total(cart):
    assert cart.goods() == 2190
    assert cart.total() == 2680


def test_shipping_is_free_for_large_orders():
    cart = Cart()
    cart.add(Item("kettle", 3999, 2))
    assert cart.total() == 7998


def test_equal_articles_become_one_line(cart):
    cart.add(Item("tea", 450))
    assert [(item.name, item.count) for item in cart.items] == [("tea", 3), ("mug", 1)]


def test_a_coupon_lowers_the_goods(cart):
    cart.coupon = "SPRING"
    assert cart.goods() == 1971


class TestRemoving:
    def test_all_pieces_are_gone(self, cart):
        cart.remove("tea")
        assert [item.name for item in cart.items] == ["mug"]

    def test_what_is_not_there_cannot_be_removed(self, cart):
        with pytest.raises(KeyError, match="kettle"):
            cart.remove("kettle")


def test_nothing_cannot_be_added():
    with pytest.raises(ValueError, match="nothing to add"):
        Cart().add(Item("tea", 450, 0))
