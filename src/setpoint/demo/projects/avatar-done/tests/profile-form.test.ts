import assert from "node:assert/strict";
import { test } from "node:test";
import { profileForm } from "../src/client/components/profile-form.ts";
import { freshMain } from "./dom.ts";

test("what was typed is saved", () => {
  const main = freshMain();
  const saved: string[][] = [];
  const profile = { name: "Ada", bio: "", avatarUrl: null, avatarUploadDate: null };
  main.append(profileForm(profile, (...typed) => saved.push(typed)));
  const [name, bio] = [main.querySelector("input"), main.querySelector("textarea")];
  assert.ok(name && bio);
  assert.deepEqual([name.value, name.maxLength, bio.maxLength], ["Ada", 80, 500]);
  name.value = "Ada King";
  bio.value = "Writes.";
  main.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
  assert.deepEqual(saved, [["Ada King", "Writes."]]);
});
