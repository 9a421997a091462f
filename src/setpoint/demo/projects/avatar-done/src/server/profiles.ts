/** Profiles in SQLite. All SQL of the service stands here. */

import type { DatabaseSync } from "node:sqlite";

export interface Profile {
  id: number;
  name: string;
  bio: string;
  avatarUrl: string | null;
  avatarUploadDate: string | null;
}

const COLUMNS = "id, name, bio, avatar_url AS avatarUrl, avatar_upload_date AS avatarUploadDate";

/** The profile of the site's person. */
export function profileOf(database: DatabaseSync): Profile {
  const row = database.prepare(`SELECT ${COLUMNS} FROM profiles WHERE id = 1`).get();
  if (!row) throw new Error("there is no profile");
  return {
    id: Number(row["id"]),
    name: String(row["name"]),
    bio: String(row["bio"]),
    avatarUrl: row["avatarUrl"] === null ? null : String(row["avatarUrl"]),
    avatarUploadDate: row["avatarUploadDate"] === null ? null : String(row["avatarUploadDate"]),
  };
}

/** Keep a name and a few words. */
export function describe(database: DatabaseSync, name: string, bio: string): void {
  database.prepare("UPDATE profiles SET name = ?, bio = ? WHERE id = 1").run(name, bio);
}

/** Keep where the avatar is, and when it came; null takes it away. */
export function picture(database: DatabaseSync, url: string | null): void {
  const at = url === null ? null : new Date().toISOString();
  database.prepare("UPDATE profiles SET avatar_url = ?, avatar_upload_date = ? WHERE id = 1").run(url, at);
}
