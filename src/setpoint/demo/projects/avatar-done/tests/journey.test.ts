import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { Service } from "../src/client/api.ts";
import { show } from "../src/client/page.ts";
import { freshMain } from "./dom.ts";
import { photo } from "./pictures.ts";
import { served } from "./service.ts";

/** `fetch` of a page of the service at `address`. */
function at(address: string): typeof fetch {
  return (path, request) => fetch(`${address}${String(path)}`, request);
}

/** Wait until the page says `words`. */
async function says(main: HTMLElement, words: string): Promise<void> {
  for (let times = 0; times < 200 && main.querySelector(".said")?.textContent !== words; times++) await pause(10);
  assert.equal(main.querySelector(".said")?.textContent, words);
}

test("a person describes herself, uploads a picture and takes it away", async (context) => {
  const { address } = await served(context);
  const main = freshMain();
  await show(main, at(address));
  const submit = (form: number): unknown =>
    [...main.querySelectorAll("form")][form]?.dispatchEvent(new Event("submit", { cancelable: true }));

  const name = main.querySelector<HTMLInputElement>("#name");
  assert.ok(name);
  name.value = "Ada King";
  submit(1);
  await says(main, "Your profile is saved.");
  assert.equal(main.querySelector("h2")?.textContent, "Ada King");

  const choose = (content: Uint8Array<ArrayBuffer>): void => {
    const chosen = new File([content], "me.png", { type: "image/png" });
    Object.defineProperty(main.querySelector("input[type=file]"), "files", { value: [chosen], configurable: true });
  };
  choose(new TextEncoder().encode("a text"));
  submit(0);
  await says(main, "Send a PNG, JPEG or WebP picture.");

  choose(new Uint8Array(await photo("png")));
  submit(0);
  await says(main, "Your picture is saved.");
  const picture = `${address}${main.querySelector(".card img")?.getAttribute("src") ?? ""}`;
  assert.equal((await fetch(picture)).status, 200);

  main.querySelector<HTMLElement>("button.quiet")?.click();
  await says(main, "Your picture is gone.");
  assert.equal(main.querySelector(".initials")?.textContent, "AK");
});

test("a service that is not there is told in words", async () => {
  freshMain();
  const words = { message: "The service did not answer. Try again later." };
  await assert.rejects(new Service(() => Promise.reject(new Error("no network"))).remove(), words);
  await assert.rejects(new Service(() => Promise.resolve(Response.json("what?"))).profile(), words);
  await assert.rejects(new Service(() => Promise.resolve(Response.json({ error: "what?" }))).profile(), words);
});
