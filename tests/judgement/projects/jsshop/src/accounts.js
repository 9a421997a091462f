const ADDRESS = /^[^@\s]+@[^@\s]+\.[a-z]{2,}$/;

/** A customer who collects points. */
export class Account {
  points = 0;

  constructor(email) {
    this.email = normalised(email);
  }

  /** A point for each whole euro spent; gives the points there are now. */
  earn(cents) {
    if (cents < 0) {
      throw new RangeError("a purchase cannot be negative");
    }
    this.points += Math.floor(cents / 100);
    return this.points;
  }

  /** What the customer is to us. */
  level() {
    if (this.points >= 1000) {
      return "gold";
    }
    return this.points >= 200 ? "silver" : "basic";
  }
}

/** The address in lower case, without blanks around it. */
export function normalised(email) {
  const address = email.trim().toLowerCase();
  if (!ADDRESS.test(address)) {
    throw new Error(`not an address: ${email}`);
  }
  return address;
}
