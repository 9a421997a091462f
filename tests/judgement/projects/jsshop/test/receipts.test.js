import assert from "node:assert/strict";
import { test } from "node:test";

import { Cart } from "../src/cart.js";
import { money, receipt } from "../src/receipts.js";

test("cents are written with two digits", () => {
  assert.equal(money(905), "9.05 EUR");
  assert.equal(money(5), "0.05 EUR");
});

test("a receipt names items and total", () => {
  const cart = new Cart().add("tea", 450, 2).add("mug", 1290);
  assert.equal(receipt(cart), "2 x tea  9.00 EUR\n1 x mug  12.90 EUR\ntotal  26.80 EUR\n");
});
