/** Cents as people write them. */
export function money(cents) {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")} EUR`;
}

/** One line for each item, then the total. */
export function receipt(cart) {
  const lines = cart.items.map((item) => `${item.count} x ${item.name}  ${money(item.price * item.count)}`);
  return [...lines, `total  ${money(cart.total())}`, ""].join("\n");
}
