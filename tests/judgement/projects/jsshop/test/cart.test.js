import assert from "node:assert/strict";
import { beforeEach, describe, it, test } from "node:test";

import { Cart } from "../src/cart.js";

test("an empty cart costs nothing", () => {
  assert.equal(new Cart().total(), 0);
});

test("shipping is free for large orders", () => {
  assert.equal(new Cart().add("kettle", 3999, 2).total(), 7998);
});

describe("a filled cart", () => {
  let cart;

  beforeEach(() => {
    cart = new Cart().add("tea", 450, 2).add("mug", 1290);
  });

  it("costs goods and shipping", () => {
    assert.equal(cart.goods(), 2190);
    assert.equal(cart.total(), 2680);
  });

  it("keeps equal articles in one line", () => {
    cart.add("tea", 450);
    assert.deepEqual(
      cart.items.map((item) => [item.name, item.count]),
      [
        ["tea", 3],
        ["mug", 1],
      ],
    );
  });

  it("is cheaper with a coupon", () => {
    cart.coupon = "SPRING";
    assert.equal(cart.goods(), 1971);
  });

  it("loses all pieces of an article", () => {
    cart.remove("tea");
    assert.deepEqual(
      cart.items.map((item) => item.name),
      ["mug"],
    );
  });

  it("refuses to lose what it does not hold", () => {
    assert.throws(() => cart.remove("kettle"), /not in the cart/);
  });
});
