/** Bodies of requests, read whole below a limit. */

import type { IncomingMessage } from "node:http";
import { LARGEST } from "./avatars.ts";

const FORM = 64 * 1024;

/** The body is larger than the limit. */
export class TooLarge extends Error {}

/** The body's bytes. Throws TooLarge, and reads no further. */
export async function bytes(request: IncomingMessage, limit: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > limit) throw new TooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The fields of a multipart form with one picture; undefined when the body is no such form. Throws TooLarge. */
export async function form(request: IncomingMessage): Promise<FormData | undefined> {
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return undefined;
  const body = await bytes(request, LARGEST + FORM);
  return new Response(body, { headers: { "Content-Type": type } }).formData().catch(() => undefined);
}
