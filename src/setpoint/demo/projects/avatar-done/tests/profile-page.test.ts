import assert from "node:assert/strict";
import { test } from "node:test";
import { show } from "../src/client/page.ts";
import { freshMain } from "./dom.ts";

const ADA = { id: 1, name: "Ada Lovelace", bio: "Writes.", avatarUrl: null, avatarUploadDate: null };

test("the page shows card and form and upload", async () => {
  const main = freshMain();
  await show(main, () => Promise.resolve(Response.json(ADA)));
  assert.equal(main.querySelector(".card h2")?.textContent, "Ada Lovelace");
  assert.equal(main.querySelector(".initials")?.textContent, "AL");
  assert.equal(main.querySelector<HTMLInputElement>("#name")?.value, "Ada Lovelace");
  assert.match(main.querySelector<HTMLInputElement>("input[type=file]")?.accept ?? "", /image\/png/);
});

test("a picture of the person takes the place of the initials", async () => {
  const main = freshMain();
  const url = `/avatars/${"0".repeat(64)}.webp`;
  await show(main, () => Promise.resolve(Response.json({ ...ADA, avatarUrl: url })));
  assert.equal(main.querySelector<HTMLImageElement>(".card img")?.getAttribute("src"), url);
  assert.equal(main.querySelector(".initials"), null);
});
