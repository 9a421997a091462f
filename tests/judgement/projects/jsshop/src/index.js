export { Account, normalised } from "./accounts.js";
export { Cart } from "./cart.js";
export { discounted, shipping, withCoupon } from "./pricing.js";
export { money, receipt } from "./receipts.js";
