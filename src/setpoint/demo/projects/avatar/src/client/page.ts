/** The page. */

import { element } from "./dom.ts";

/** Fill `root`; `ask` speaks to the service. */
export async function show(root: HTMLElement, ask: typeof fetch): Promise<void> {
  const health = await ask("/health");
  const words = health.ok ? "Your profile will be here soon." : "We are not well. Try again later.";
  root.replaceChildren(element("h1", { textContent: "Profile" }), element("p", { textContent: words }));
}
