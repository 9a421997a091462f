/** The page: the card, the upload and the form, and what was said last. */

import { type Profile, Refused, Service } from "./api.ts";
import { avatarUpload } from "./components/avatar-upload.ts";
import { profileCard } from "./components/profile-card.ts";
import { profileForm } from "./components/profile-form.ts";
import { element } from "./dom.ts";

/** Fill `root`; `ask` speaks to the service. */
export async function show(root: HTMLElement, ask: typeof fetch): Promise<void> {
  const service = new Service(ask);
  const said = element("p", { className: "said", role: "status" });
  const body = element("div", {});
  root.replaceChildren(element("h1", { textContent: "Profile" }), said, body);

  const draw = (profile: Profile): void => {
    body.replaceChildren(
      profileCard(profile),
      avatarUpload(profile.avatarUrl !== null, {
        upload: (picture, position) => void change(service.upload(picture, position), "Your picture is saved."),
        remove: () => void change(service.remove(), "Your picture is gone."),
        complain: tell,
      }),
      profileForm(profile, (name, bio) => void change(service.describe(name, bio), "Your profile is saved.")),
    );
  };
  const tell = (words: string): void => {
    said.textContent = words;
  };
  const change = async (answer: Promise<Profile>, words: string): Promise<void> => {
    try {
      draw(await answer);
      tell(words);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tell(error.message);
    }
  };
  await change(service.profile(), "");
}
