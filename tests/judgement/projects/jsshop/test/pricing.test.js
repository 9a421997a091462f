import assert from "node:assert/strict";
import { test } from "node:test";

import { discounted, shipping, withCoupon } from "../src/pricing.js";

for (const [amount, percent, expected] of [
  [1000, 0, 1000],
  [1000, 10, 900],
  [999, 10, 900],
  [1000, 100, 0],
]) {
  test(`${amount} less ${percent} % is ${expected}`, () => {
    assert.equal(discounted(amount, percent), expected);
  });
}

test("a discount is a percentage", () => {
  assert.throws(() => discounted(1000, -1), RangeError);
  assert.throws(() => discounted(1000, 101), /not a percentage/);
});

test("coupons know no case", () => {
  assert.equal(withCoupon(1000, "staff"), 700);
  assert.equal(withCoupon(1000, "Spring"), 900);
});

test("unknown coupons are refused", () => {
  assert.throws(() => withCoupon(1000, "FREE"), /unknown coupon/);
});

test("shipping is free from fifty", () => {
  assert.equal(shipping(4999), 490);
  assert.equal(shipping(5000), 0);
});
