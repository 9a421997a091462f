/** The service, as the page sees it. */

export interface Profile {
  name: string;
  bio: string;
  avatarUrl: string | null;
  avatarUploadDate: string | null;
}

/** The service said no, or nothing; the message is for people. */
export class Refused extends Error {}

/** Calls of the service through `ask`. Each throws Refused. */
export class Service {
  readonly #ask: typeof fetch;

  constructor(ask: typeof fetch) {
    this.#ask = ask;
  }

  /** The profile as it is. */
  profile(): Promise<Profile> {
    return this.#call("/api/profile", {});
  }

  /** Keep name and bio. */
  describe(name: string, bio: string): Promise<Profile> {
    return this.#call("/api/profile", { method: "PUT", body: JSON.stringify({ name, bio }) });
  }

  /** Send a picture; `position` is the part that the crop keeps. */
  upload(picture: File, position: string): Promise<Profile> {
    const body = new FormData();
    body.set("avatar", picture);
    body.set("position", position);
    return this.#call("/api/profile/avatar", { method: "POST", body });
  }

  /** Take the picture away. */
  remove(): Promise<Profile> {
    return this.#call("/api/profile/avatar", { method: "DELETE" });
  }

  async #call(path: string, request: RequestInit): Promise<Profile> {
    const answer = await this.#ask(path, request).catch(() => undefined);
    const told: unknown = await answer?.json().catch(() => undefined);
    if (answer?.ok && isProfile(told)) return told;
    throw new Refused(messageOf(told) ?? "The service did not answer. Try again later.");
  }
}

function isProfile(told: unknown): told is Profile {
  return typeof told === "object" && told !== null && "name" in told && "avatarUrl" in told;
}

function messageOf(told: unknown): string | undefined {
  if (typeof told !== "object" || told === null || !("error" in told)) return undefined;
  const { error } = told;
  if (typeof error !== "object" || error === null || !("message" in error)) return undefined;
  const words = String(error.message);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
