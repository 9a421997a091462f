import assert from "node:assert/strict";
import { test } from "node:test";
import { show } from "../src/client/page.ts";
import { freshMain } from "./dom.ts";

test("the page has its heading", async () => {
  const main = freshMain();
  await show(main, () => Promise.resolve(Response.json({ id: 1, name: "Ada Lovelace", bio: "", avatarUrl: null, avatarUploadDate: null })));
  assert.equal(main.querySelector("h1")?.textContent, "Profile");
});

test("it says when the service is not well", async () => {
  const main = freshMain();
  await show(main, () => Promise.resolve(Response.json({ error: { code: "internal", message: "try again later" } }, { status: 500 })));
  assert.match(main.textContent, /Try again later/);
});
