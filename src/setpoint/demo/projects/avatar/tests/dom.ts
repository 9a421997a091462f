/** A document for components: what a browser gives them, without a browser. */

import { Window } from "happy-dom";

const names = ["window", "document", "HTMLElement", "Node", "Event"] as const;

/** The `main` of a new document. */
export function freshMain(): HTMLElement {
  const window = new Window({ url: "http://localhost/" });
  for (const name of names) {
    Object.defineProperty(globalThis, name, { value: window[name], configurable: true, writable: true });
  }
  document.body.append(document.createElement("main"));
  const main = document.querySelector("main");
  if (!main) throw new Error("no main");
  return main;
}
