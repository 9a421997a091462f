/** The card: picture or initials, name, and a few words. */

import type { Profile } from "../api.ts";
import { element } from "../dom.ts";

/** The card of `profile`. */
export function profileCard(profile: Profile): HTMLElement {
  return element(
    "section",
    { className: "card" },
    face(profile),
    element("div", {}, element("h2", { textContent: profile.name }), element("p", { textContent: profile.bio })),
  );
}

function face({ name, avatarUrl }: Profile): HTMLElement {
  if (avatarUrl) return element("img", { className: "face", src: avatarUrl, alt: `Picture of ${name}`, width: 96, height: 96 });
  const initials = name.split(/\s+/).map((word) => word.charAt(0)).slice(0, 2).join("").toUpperCase();
  return element("span", { className: "face initials", textContent: initials, ariaHidden: "true" });
}
