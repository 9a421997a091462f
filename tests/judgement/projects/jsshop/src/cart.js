import { shipping, withCoupon } from "./pricing.js";

/** What a customer is about to buy. */
export class Cart {
  items = [];
  coupon = "";

  /** Put pieces of an article into the cart; the same article at the same price becomes one line. */
  add(name, price, count = 1) {
    if (count < 1) {
      throw new RangeError(`nothing to add: ${count}`);
    }
    const known = this.items.find((item) => item.name === name && item.price === price);
    if (known) {
      known.count += count;
    } else {
      this.items.push({ name, price, count });
    }
    return this;
  }

  /** Take all pieces of an article out. */
  remove(name) {
    const left = this.items.filter((item) => item.name !== name);
    if (left.length === this.items.length) {
      throw new Error(`not in the cart: ${name}`);
    }
    this.items = left;
  }

  /** What the goods cost, less the coupon. */
  goods() {
    const total = this.items.reduce((sum, item) => sum + item.price * item.count, 0);
    return this.coupon ? withCoupon(total, this.coupon) : total;
  }

  /** Goods and shipping; an empty cart costs nothing. */
  total() {
    const goods = this.goods();
    return this.items.length ? goods + shipping(goods) : 0;
  }
}
