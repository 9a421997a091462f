/** What things cost, in cents. */

export const FREE_SHIPPING_FROM = 50_00;
export const SHIPPING = 4_90;
const COUPONS = new Map([
  ["SPRING", 10],
  ["STAFF", 30],
]);

/** `amount` less `percent`, rounded down to a cent. */
export function discounted(amount, percent) {
  if (!(percent >= 0 && percent <= 100)) {
    throw new RangeError(`not a percentage: ${percent}`);
  }
  return amount - Math.floor((amount * percent) / 100);
}

/** `amount` after the coupon `code`, whatever its letters' case. */
export function withCoupon(amount, code) {
  const percent = COUPONS.get(code.toUpperCase());
  if (percent === undefined) {
    throw new Error(`unknown coupon: ${code}`);
  }
  return discounted(amount, percent);
}

/** What shipping goods worth `amount` costs. */
export function shipping(amount) {
  return amount >= FREE_SHIPPING_FROM ? 0 : SHIPPING;
}
