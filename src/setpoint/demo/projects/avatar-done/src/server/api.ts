/** The API of the profile: what each call does. */

import type { IncomingMessage } from "node:http";
import type { DatabaseSync } from "node:sqlite";
import { type Answer, done, failed } from "./answers.ts";
import { type Avatars, LARGEST, NotAPicture, positionOf, square } from "./avatars.ts";
import { describe, picture, profileOf } from "./profiles.ts";
import { TooLarge, bytes, form } from "./upload.ts";

const BODY = 64 * 1024;

/** The calls by method and path; each may throw what only `failed(500, …)` can answer. */
export class Api {
  readonly #database: DatabaseSync;
  readonly #avatars: Avatars;

  constructor(database: DatabaseSync, avatars: Avatars) {
    this.#database = database;
    this.#avatars = avatars;
  }

  /** The answer; undefined for a call that is not known. */
  async answer(request: IncomingMessage, path: string): Promise<Answer | undefined> {
    switch (`${request.method ?? ""} ${path}`) {
      case "GET /api/profile":
        return this.#profile();
      case "PUT /api/profile":
        return await this.#describe(request);
      case "POST /api/profile/avatar":
        return await this.#upload(request);
      case "DELETE /api/profile/avatar":
        return this.#replace(null);
      default:
        return undefined;
    }
  }

  #profile(): Answer {
    return done(200, profileOf(this.#database));
  }

  async #describe(request: IncomingMessage): Promise<Answer> {
    const told = await json(request);
    const { name, bio } = told ?? {};
    if (typeof name !== "string" || typeof bio !== "string") {
      return failed(400, "malformed", "send name and bio as texts");
    }
    if (name.trim() === "" || name.length > 80 || bio.length > 500) {
      return failed(400, "invalid", "a name has 1 to 80 characters, a bio at most 500");
    }
    describe(this.#database, name.trim(), bio);
    return this.#profile();
  }

  async #upload(request: IncomingMessage): Promise<Answer> {
    try {
      const fields = await form(request);
      const file = fields?.get("avatar");
      if (!file || typeof file === "string" || file.size === 0) return failed(400, "missing", "choose a picture first");
      if (file.size > LARGEST) throw new TooLarge();
      const position = positionOf(fields?.get("position") ?? null);
      if (!position) return failed(400, "malformed", "crop at centre, top, bottom, left or right");
      return this.#replace(await square(new Uint8Array(await file.arrayBuffer()), position));
    } catch (error) {
      if (error instanceof TooLarge) return failed(400, "too_large", "send a picture of at most 5 MB");
      if (error instanceof NotAPicture) return failed(400, "not_a_picture", error.message);
      throw error;
    }
  }

  #replace(content: Uint8Array | null): Answer {
    const before = profileOf(this.#database).avatarUrl;
    const url = content === null ? null : this.#avatars.keep(content);
    picture(this.#database, url);
    if (before !== url) this.#avatars.forget(before);
    return this.#profile();
  }
}

async function json(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  try {
    const told: unknown = JSON.parse((await bytes(request, BODY)).toString("utf8"));
    return typeof told === "object" && told !== null ? { ...told } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TooLarge) return undefined;
    throw error;
  }
}
