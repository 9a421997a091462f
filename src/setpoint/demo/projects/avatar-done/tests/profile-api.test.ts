import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asked, codeOf, stored, upload } from "./client.ts";
import { BLUE, RED, alike, bomb, colourAt, photo } from "./pictures.ts";
import { served } from "./service.ts";

test("a profile is read and written", async (context) => {
  const { address } = await served(context);
  const before = await asked(`${address}/api/profile`);
  assert.equal(before.status, 200);
  assert.equal(before.body["name"], "Ada Lovelace");
  assert.equal(before.body["avatarUrl"], null);
  const body = JSON.stringify({ name: " Grace Hopper ", bio: "Finds bugs." });
  assert.equal((await asked(`${address}/api/profile`, { method: "PUT", body })).status, 200);
  const after = await asked(`${address}/api/profile`);
  assert.equal(after.body["name"], "Grace Hopper");
  assert.equal(after.body["bio"], "Finds bugs.");
});

test("a profile that cannot be kept is refused", async (context) => {
  const { address } = await served(context);
  const bad = ["{", "[]", "{}", '{"name": "", "bio": ""}', JSON.stringify({ name: "x".repeat(81), bio: "" })];
  for (const body of bad) {
    const reply = await asked(`${address}/api/profile`, { method: "PUT", body });
    assert.equal(reply.status, 400);
    assert.match(codeOf(reply), /malformed|invalid/);
  }
});

test("a request without a file is refused", async (context) => {
  const { address } = await served(context);
  const empty = new FormData();
  empty.set("position", "top");
  for (const body of [empty, "no form"]) {
    const reply = await asked(`${address}/api/profile/avatar`, { method: "POST", body });
    assert.deepEqual([reply.status, codeOf(reply)], [400, "missing"]);
  }
});

test("a file over 5 MB is refused", async (context) => {
  const { address } = await served(context);
  const png = await photo("png");
  for (const more of [1, 2 * 1024 * 1024]) {
    const large = new Uint8Array(5 * 1024 * 1024 + more);
    large.set(png);
    const reply = await upload(address, large);
    assert.deepEqual([reply.status, codeOf(reply)], [400, "too_large"]);
  }
});

test("a file that is no picture is refused whatever its name", async (context) => {
  const { address } = await served(context);
  const text = new TextEncoder().encode("I am a picture, believe me.");
  const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const broken = (await photo("png")).slice(0, 300);
  for (const content of [text, svg, await photo("gif"), broken]) {
    const reply = await upload(address, new Uint8Array(content), "me.png");
    assert.deepEqual([reply.status, codeOf(reply)], [400, "not_a_picture"]);
  }
});

test("a picture of too many pixels is refused before it is unpacked", async (context) => {
  const { address } = await served(context);
  const reply = await upload(address, new Uint8Array(bomb()));
  assert.deepEqual([reply.status, codeOf(reply)], [400, "not_a_picture"]);
  assert.match(JSON.stringify(reply.body), /megapixels/);
});

test("a picture is stored as a square and its URL returned", async (context) => {
  const { address } = await served(context);
  for (const format of ["png", "jpeg", "webp"] as const) {
    const reply = await upload(address, new Uint8Array(await photo(format)), "me");
    assert.equal(reply.status, 200);
    assert.match(String(reply.body["avatarUrl"]), /^\/avatars\/[0-9a-f]{64}\.webp$/);
    assert.ok(Math.abs(Date.parse(String(reply.body["avatarUploadDate"])) - Date.now()) < 60_000);
    const { headers } = await fetch(`${address}${String(reply.body["avatarUrl"])}`);
    assert.equal(headers.get("content-type"), "image/webp");
    const bytes = await stored(address, reply);
    assert.equal(Buffer.from(bytes.subarray(8, 12)).toString(), "WEBP");
    assert.ok(alike(await colourAt(bytes, 0, 0.5), RED));
    assert.ok(alike(await colourAt(bytes, 1, 0.5), BLUE));
  }
});

test("the crop keeps the part that was asked for", async (context) => {
  const { address } = await served(context);
  const content = new Uint8Array(await photo("png"));
  for (const [position, colour] of [["left", RED], ["right", BLUE]] as const) {
    const reply = await upload(address, content, "me.png", { position });
    assert.equal(reply.status, 200);
    const bytes = await stored(address, reply);
    assert.ok(alike(await colourAt(bytes, 0.1, 0), colour));
    assert.ok(alike(await colourAt(bytes, 0.9, 1), colour));
  }
  const reply = await upload(address, content, "me.png", { position: "upside down" });
  assert.deepEqual([reply.status, codeOf(reply)], [400, "malformed"]);
});

test("a picture is taken away again", async (context) => {
  const { address } = await served(context);
  await upload(address, new Uint8Array(await photo("png")));
  const reply = await asked(`${address}/api/profile/avatar`, { method: "DELETE" });
  assert.equal(reply.status, 200);
  assert.deepEqual([reply.body["avatarUrl"], reply.body["avatarUploadDate"]], [null, null]);
});

test("a failure is answered with 500 in the agreed shape", async (context) => {
  const { address, folder } = await served(context);
  rmSync(join(folder, "avatars"), { recursive: true, force: true });
  writeFileSync(join(folder, "avatars"), "not a folder");
  const reply = await upload(address, new Uint8Array(await photo("png")));
  assert.deepEqual([reply.status, codeOf(reply)], [500, "internal"]);
  assert.doesNotMatch(JSON.stringify(reply.body), /avatars|ENOTDIR/);
});
