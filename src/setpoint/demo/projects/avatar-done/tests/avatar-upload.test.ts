import assert from "node:assert/strict";
import { test } from "node:test";
import { avatarUpload, problemWith } from "../src/client/components/avatar-upload.ts";
import { freshMain } from "./dom.ts";

const file = (type: string, size: number): File => new File([new Uint8Array(size)], "me", { type });

/** The panel on a page, and what it wishes for. */
function panel(has: boolean): { main: HTMLElement; wishes: string[]; choose: (chosen: File) => void } {
  const main = freshMain();
  const wishes: string[] = [];
  main.append(
    avatarUpload(has, {
      upload: (picture, position) => wishes.push(`${picture.type} ${position}`),
      remove: () => wishes.push("remove"),
      complain: (words) => wishes.push(words),
    }),
  );
  const choose = (chosen: File): void => {
    const input = main.querySelector("input");
    Object.defineProperty(input, "files", { value: [chosen], configurable: true });
    input?.dispatchEvent(new Event("change"));
  };
  return { main, wishes, choose };
}

const submit = (main: HTMLElement): unknown => main.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true }));

test("what cannot be sent is said before it is", () => {
  freshMain();
  assert.equal(problemWith(undefined), "Choose a picture first.");
  assert.equal(problemWith(file("text/plain", 1)), "Choose a PNG, JPEG or WebP picture.");
  assert.equal(problemWith(file("image/png", 5 * 1024 * 1024 + 1)), "Choose a picture of at most 5 MB.");
  assert.equal(problemWith(file("image/webp", 5 * 1024 * 1024)), undefined);
});

test("nothing is sent without a picture", () => {
  const { main, wishes } = panel(false);
  submit(main);
  assert.deepEqual(wishes, ["Choose a picture first."]);
});

test("a picture is sent with the part to keep, and seen before", () => {
  const { main, wishes, choose } = panel(false);
  const select = main.querySelector("select");
  assert.ok(select);
  select.value = "left";
  choose(file("image/jpeg", 9));
  const preview = main.querySelector("img");
  assert.equal(preview?.hidden, false);
  assert.match(preview.src, /^blob:/);
  assert.equal(preview.style.objectPosition, "left");
  submit(main);
  assert.deepEqual(wishes, ["image/jpeg left"]);
});

test("a picture that cannot be sent is not shown either", () => {
  const { main, choose } = panel(false);
  choose(file("image/gif", 9));
  assert.equal(main.querySelector("img")?.hidden, true);
});

test("only a picture that is there can be taken away", () => {
  assert.equal(panel(false).main.querySelector<HTMLElement>("button.quiet")?.hidden, true);
  const { main, wishes } = panel(true);
  main.querySelector<HTMLElement>("button.quiet")?.click();
  assert.deepEqual(wishes, ["remove"]);
});
