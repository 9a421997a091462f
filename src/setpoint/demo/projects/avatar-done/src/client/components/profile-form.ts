/** The form for name and bio. */

import type { Profile } from "../api.ts";
import { element } from "../dom.ts";

/** The form, filled in; `save` is given what was typed. */
export function profileForm(profile: Profile, save: (name: string, bio: string) => void): HTMLElement {
  const name = element("input", { id: "name", value: profile.name, maxLength: 80, required: true });
  const bio = element("textarea", { id: "bio", value: profile.bio, maxLength: 500, rows: 3 });
  const form = element(
    "form",
    { className: "panel" },
    element("h3", { textContent: "About you" }),
    element("label", { htmlFor: "name", textContent: "Name" }),
    name,
    element("label", { htmlFor: "bio", textContent: "Bio" }),
    bio,
    element("button", { textContent: "Save" }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(name.value, bio.value);
  });
  return form;
}
