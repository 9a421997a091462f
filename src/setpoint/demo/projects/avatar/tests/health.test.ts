import assert from "node:assert/strict";
import { test } from "node:test";
import { served } from "./service.ts";

test("it says that it is well", async (context) => {
  const { address } = await served(context);
  const answer = await fetch(`${address}/health`);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { status: "ok" });
});

test("the page and its style are there", async (context) => {
  const { address } = await served(context);
  const page = await fetch(address);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.match(await page.text(), /<title>Profile<\/title>/);
  assert.equal((await fetch(`${address}/style.css`)).status, 200);
});

test("what is unknown is not found, in the shape of every error", async (context) => {
  const { address } = await served(context);
  for (const method of ["GET", "PATCH"]) {
    const answer = await fetch(`${address}/nowhere`, { method });
    assert.equal(answer.status, 404);
    assert.deepEqual(await answer.json(), { error: { code: "unknown", message: "there is nothing here" } });
  }
});
