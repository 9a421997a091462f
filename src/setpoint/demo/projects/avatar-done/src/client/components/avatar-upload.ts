/** The upload of a picture: chosen, looked at, cropped, sent, or taken away. */

import { element } from "../dom.ts";

const LARGEST = 5 * 1024 * 1024;
const TYPES = ["image/png", "image/jpeg", "image/webp"];
const POSITIONS = ["centre", "top", "bottom", "left", "right"];

export interface Wishes {
  upload: (picture: File, position: string) => void;
  remove: () => void;
  complain: (words: string) => void;
}

/** Why a picture cannot be sent, before it is; undefined when it can. */
export function problemWith(picture: File | undefined): string | undefined {
  if (!picture) return "Choose a picture first.";
  if (!TYPES.includes(picture.type)) return "Choose a PNG, JPEG or WebP picture.";
  return picture.size > LARGEST ? "Choose a picture of at most 5 MB." : undefined;
}

/** The panel; `has` says whether there is a picture to take away. */
export function avatarUpload(has: boolean, wishes: Wishes): HTMLElement {
  const file = element("input", { id: "picture", type: "file", accept: TYPES.join(",") });
  const position = element(
    "select",
    { id: "position" },
    ...POSITIONS.map((name) => element("option", { value: name, textContent: name })),
  );
  const preview = element("img", { className: "preview", alt: "Preview of the crop", hidden: true });
  const remove = element("button", { type: "button", textContent: "Remove picture", className: "quiet", hidden: !has });
  const form = element(
    "form",
    { className: "panel" },
    element("h3", { textContent: "Picture" }),
    element("label", { htmlFor: "picture", textContent: "PNG, JPEG or WebP, at most 5 MB" }),
    file,
    preview,
    element("label", { htmlFor: "position", textContent: "Part to keep" }),
    position,
    element("div", { className: "buttons" }, element("button", { textContent: "Upload picture" }), remove),
  );
  const look = (): void => {
    const chosen = file.files?.[0];
    const problem = problemWith(chosen);
    URL.revokeObjectURL(preview.src);
    preview.hidden = problem !== undefined;
    if (chosen && problem === undefined) preview.src = URL.createObjectURL(chosen);
    preview.style.objectPosition = position.value === "centre" ? "center" : position.value;
  };
  file.addEventListener("change", look);
  position.addEventListener("change", look);
  remove.addEventListener("click", wishes.remove);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = file.files?.[0];
    const problem = problemWith(chosen);
    if (chosen && problem === undefined) wishes.upload(chosen, position.value);
    else wishes.complain(problem ?? "");
  });
  return form;
}
