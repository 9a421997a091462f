import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Account, normalised } from "../src/accounts.js";

describe("an account", () => {
  it("has a normalised address", () => {
    assert.equal(new Account("Ada@Example.org ").email, "ada@example.org");
  });

  it("earns a point for each whole euro", () => {
    const account = new Account("ada@example.org");
    assert.equal(account.earn(1999), 19);
    assert.equal(account.earn(100), 20);
  });

  it("rises with its points", () => {
    const account = new Account("ada@example.org");
    assert.equal(account.level(), "basic");
    account.earn(200_00);
    assert.equal(account.level(), "silver");
    account.earn(800_00);
    assert.equal(account.level(), "gold");
  });

  it("refuses negative purchases", () => {
    assert.throws(() => new Account("ada@example.org").earn(-1), RangeError);
  });
});

describe("an address", () => {
  for (const wrong of ["ada", "ada@", "@example.org", "ada example.org"]) {
    it(`is not ${wrong}`, () => {
      assert.throws(() => normalised(wrong), /not an address/);
    });
  }
});
