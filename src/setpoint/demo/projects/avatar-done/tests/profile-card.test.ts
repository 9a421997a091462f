import assert from "node:assert/strict";
import { test } from "node:test";
import { profileCard } from "../src/client/components/profile-card.ts";
import { freshMain } from "./dom.ts";

const GRACE = { name: "grace brewster hopper", bio: "<b>Finds</b> bugs.", avatarUrl: null, avatarUploadDate: null };

test("a person without a picture has two initials", () => {
  freshMain();
  assert.equal(profileCard(GRACE).querySelector(".initials")?.textContent, "GB");
});

test("a picture says whose it is", () => {
  freshMain();
  const image = profileCard({ ...GRACE, avatarUrl: "/avatars/a.webp" }).querySelector("img");
  assert.equal(image?.alt, "Picture of grace brewster hopper");
});

test("what people write is text, never markup", () => {
  freshMain();
  const card = profileCard(GRACE);
  assert.equal(card.querySelector("b"), null);
  assert.equal(card.querySelector("p")?.textContent, GRACE.bio);
});
