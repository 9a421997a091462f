import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { opened } from "../src/server/database.ts";
import { describe, picture, profileOf } from "../src/server/profiles.ts";

test("a database from before is brought up and keeps its profile", () => {
  const path = join(mkdtempSync(join(tmpdir(), "profile-")), "profile.db");
  const before = new DatabaseSync(path);
  before.exec(readFileSync(new URL("../migrations/0001_profiles.sql", import.meta.url), "utf8"));
  before.exec("UPDATE profiles SET name = 'Grace'; PRAGMA user_version = 1");
  before.close();
  const database = opened(path);
  assert.deepEqual(profileOf(database).name, "Grace");
  assert.equal(profileOf(database).avatarUploadDate, null);
  database.close();
  const again = opened(path);
  assert.deepEqual(profileOf(again).name, "Grace");
  again.close();
});

test("name, bio and picture are kept, each for itself", () => {
  const database = opened(":memory:");
  describe(database, "Grace", "Finds bugs.");
  picture(database, "/avatars/a.webp");
  const profile = profileOf(database);
  assert.deepEqual([profile.name, profile.bio, profile.avatarUrl], ["Grace", "Finds bugs.", "/avatars/a.webp"]);
  assert.match(profile.avatarUploadDate ?? "", /^\d{4}-\d\d-\d\dT/);
  picture(database, null);
  assert.deepEqual([profileOf(database).avatarUrl, profileOf(database).avatarUploadDate], [null, null]);
  assert.equal(profileOf(database).name, "Grace");
  database.exec("DELETE FROM profiles");
  assert.throws(() => profileOf(database), /no profile/);
  database.close();
});
