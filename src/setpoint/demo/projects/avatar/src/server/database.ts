/** The database file, brought up to the newest migration. */

import { readFileSync, readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const MIGRATIONS = new URL("../../migrations/", import.meta.url);

/** The open database; what is missing of the migrations is run. */
export function opened(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  const done = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  const files = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")).sort();
  for (const [index, file] of files.entries()) {
    if (index >= done) {
      const script = readFileSync(new URL(file, MIGRATIONS), "utf8");
      database.exec(`BEGIN; ${script}; PRAGMA user_version = ${String(index + 1)}; COMMIT;`);
    }
  }
  return database;
}
