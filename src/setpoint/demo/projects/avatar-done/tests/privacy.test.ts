import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asked, stored, upload } from "./client.ts";
import { BLUE, RED, alike, colourAt, photo } from "./pictures.ts";
import { served } from "./service.ts";

test("a picture that was held upright is shown upright", async (context) => {
  const { address } = await served(context);
  for (const [orientation, colour] of [[3, BLUE], [6, RED], [8, BLUE]] as const) {
    const reply = await upload(address, new Uint8Array(await photo("jpeg", orientation)));
    const bytes = await stored(address, reply);
    assert.ok(alike(await colourAt(bytes, 0, 0), colour), `orientation ${String(orientation)}`);
  }
});

test("a picture that was replaced or taken away is gone", async (context) => {
  const { address, folder } = await served(context);
  const first = await upload(address, new Uint8Array(await photo("png")));
  const second = await upload(address, new Uint8Array(await photo("png")), "me", { position: "left" });
  assert.equal((await fetch(`${address}${String(first.body["avatarUrl"])}`)).status, 404);
  assert.equal((await fetch(`${address}${String(second.body["avatarUrl"])}`)).status, 200);
  await asked(`${address}/api/profile/avatar`, { method: "DELETE" });
  assert.equal((await fetch(`${address}${String(second.body["avatarUrl"])}`)).status, 404);
  assert.deepEqual(readdirSync(join(folder, "avatars")), []);
});

test("the same picture again stays", async (context) => {
  const { address } = await served(context);
  const content = new Uint8Array(await photo("png"));
  await upload(address, content);
  const again = await upload(address, content);
  assert.equal((await fetch(`${address}${String(again.body["avatarUrl"])}`)).status, 200);
});
