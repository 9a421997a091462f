import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { Avatars, NotAPicture, SIDE, positionOf, square } from "../src/server/avatars.ts";
import { photo } from "./pictures.ts";

test("whatever its size, a picture becomes a square of 256 pixels", async () => {
  for (const [width, height] of [[1, 1], [1, 300], [1000, 10], [256, 256]] as const) {
    const small = await sharp({ create: { width, height, channels: 3, background: "green" } }).png().toBuffer();
    const { format, width: wide, height: high } = await sharp(await square(small, "centre")).metadata();
    assert.deepEqual([format, wide, high], ["webp", SIDE, SIDE]);
  }
});

test("nothing of a picture's metadata is kept", async () => {
  const told = await sharp(await photo("jpeg")).withExif({ IFD3: { GPSLatitudeRef: "N" } }).jpeg().toBuffer();
  assert.ok((await sharp(told).metadata()).exif);
  assert.equal((await sharp(await square(told, "centre")).metadata()).exif, undefined);
});

test("what is no picture says what to send", async () => {
  await assert.rejects(square(new TextEncoder().encode("me"), "centre"), new NotAPicture("send a PNG, JPEG or WebP picture"));
});

test("a part of a picture has one of five names", () => {
  assert.equal(positionOf(null), "centre");
  assert.equal(positionOf("left"), "left");
  assert.equal(positionOf("north"), undefined);
});

test("only names of our own are looked for", () => {
  const avatars = new Avatars(mkdtempSync(join(tmpdir(), "avatars-")));
  const url = avatars.keep(Buffer.from("webp"));
  assert.equal(avatars.at(url)?.toString(), "webp");
  for (const other of ["/avatars/../profile.db", "/avatars/", `/avatars/${"0".repeat(64)}.webp`, "/profile.db"]) {
    assert.equal(avatars.at(other), undefined);
  }
});
