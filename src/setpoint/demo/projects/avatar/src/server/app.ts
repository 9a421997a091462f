/** The application: requests in, answers out. */

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { type IncomingMessage, type Server, createServer } from "node:http";
import { join } from "node:path";
import { type Answer, done, failed } from "./answers.ts";
import { opened } from "./database.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAGES = new Map<string, readonly [string, string]>([
  ["/", ["public/index.html", "text/html; charset=utf-8"]],
  ["/style.css", ["public/style.css", "text/css"]],
  ["/client.js", ["dist/client.js", "text/javascript"]],
]);

/** The service over the data in `folder`; it does not listen yet. */
export function createApp(folder: string): Server {
  mkdirSync(folder, { recursive: true });
  const database = opened(join(folder, "profile.db"));
  const server = createServer((request, response) => {
    const answer = answered(request);
    response.writeHead(answer.status, {
      "Content-Type": answer.type,
      "Cache-Control": answer.cache ?? "no-store",
      "X-Content-Type-Options": "nosniff",
    });
    response.end(answer.body);
  });
  server.on("close", () => {
    database.close();
  });
  return server;
}

function answered(request: IncomingMessage): Answer {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  try {
    return routed(request, path);
  } catch (error) {
    console.error(request.method, path, error);
    return failed(500, "internal", "something went wrong on our side; try again later");
  }
}

function routed(request: IncomingMessage, path: string): Answer {
  if (request.method !== "GET") return failed(404, "unknown", "there is nothing here");
  return path === "/health" ? done(200, { status: "ok" }) : page(path);
}

function page(path: string): Answer {
  const [file, type] = PAGES.get(path) ?? ["", ""];
  if (!file || !existsSync(join(ROOT, file))) return failed(404, "unknown", "there is nothing here");
  return { status: 200, type, body: readFileSync(join(ROOT, file)) };
}
