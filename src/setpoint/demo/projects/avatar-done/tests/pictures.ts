/** Pictures as people send them, good and bad. */

import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";

export const RED = [220, 30, 30];
export const BLUE = [30, 30, 220];

type Format = "png" | "jpeg" | "webp" | "gif";

/** A picture of 400 by 200, its left half red and its right half blue; `orientation` as a phone's camera says it. */
export async function photo(format: Format, orientation?: number): Promise<Uint8Array> {
  const half = (colour: number[]) => ({
    create: { width: 200, height: 200, channels: 3 as const, background: `rgb(${colour.join(",")})` },
  });
  const whole = sharp({ create: { width: 400, height: 200, channels: 3, background: "white" } }).composite([
    { input: half(RED), left: 0, top: 0 },
    { input: half(BLUE), left: 200, top: 0 },
  ]);
  const told = orientation === undefined ? whole : whole.withMetadata({ orientation });
  return new Uint8Array(await told.toFormat(format).toBuffer());
}

/** A PNG of a few hundred bytes that says it has 900 megapixels. */
export function bomb(): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(30_000, 0);
  header.writeUInt32BE(30_000, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunks = [chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(90_001))), chunk("IEND", Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), ...chunks]));
}

function chunk(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const size = Buffer.alloc(4);
  const sum = Buffer.alloc(4);
  size.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

/** The colour in the middle of a part of a picture. */
export async function colourAt(picture: Uint8Array, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (Math.round(y * (info.height - 1)) * info.width + Math.round(x * (info.width - 1))) * info.channels;
  return [...data.subarray(at, at + 3)];
}

/** Whether two colours are the same to the eye. */
export function alike(one: number[], other: number[]): boolean {
  return one.every((value, index) => Math.abs(value - (other[index] ?? 0)) < 40);
}
