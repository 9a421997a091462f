/** Pictures that people upload: looked at, cropped, made small, and kept. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

export const LARGEST = 5 * 1024 * 1024;
export const SIDE = 256;
const PIXELS = 24_000_000;
const FORMATS = ["png", "jpeg", "webp"];
const POSITIONS = ["centre", "top", "bottom", "left", "right"] as const;

export type Position = (typeof POSITIONS)[number];

/** The part of a picture that a crop keeps, from outside; undefined for what is none. */
export function positionOf(told: unknown): Position | undefined {
  return told === null ? "centre" : POSITIONS.find((position) => position === told);
}

/** What was sent cannot be a picture here; the message says why. */
export class NotAPicture extends Error {}

/** The picture as WebP, cropped to a square of 256 pixels, upright and without metadata. Throws NotAPicture. */
export async function square(content: Uint8Array, position: Position): Promise<Buffer> {
  const header = await sharp(content, { limitInputPixels: false }).metadata().catch(() => undefined);
  if (!header || !FORMATS.includes(header.format)) throw new NotAPicture("send a PNG, JPEG or WebP picture");
  if (header.width * header.height > PIXELS) throw new NotAPicture("send a picture of at most 24 megapixels");
  try {
    return await sharp(content, { limitInputPixels: PIXELS, failOn: "error" })
      .autoOrient()
      .resize(SIDE, SIDE, { fit: "cover", position })
      .webp({ quality: 82 })
      .toBuffer();
  } catch {
    throw new NotAPicture("send a picture that is whole");
  }
}

/** The avatars below a data folder, each under the hash of its content. */
export class Avatars {
  readonly #folder: string;

  constructor(data: string) {
    this.#folder = join(data, "avatars");
    mkdirSync(this.#folder, { recursive: true });
  }

  /** Keep a picture; the URL it is served at. */
  keep(content: Uint8Array): string {
    const name = `${createHash("sha256").update(content).digest("hex")}.webp`;
    writeFileSync(join(this.#folder, name), content);
    return `/avatars/${name}`;
  }

  /** The picture at a URL; undefined when there is none. */
  at(url: string): Buffer | undefined {
    const path = this.#path(url);
    return path !== undefined && existsSync(path) ? readFileSync(path) : undefined;
  }

  /** Forget the picture at a URL, if there is one. */
  forget(url: string | null): void {
    const path = this.#path(url ?? "");
    if (path !== undefined) rmSync(path, { force: true });
  }

  #path(url: string): string | undefined {
    const name = /^\/avatars\/([0-9a-f]{64}\.webp)$/.exec(url)?.[1];
    return name === undefined ? undefined : join(this.#folder, name);
  }
}
