/** What goes out over HTTP: one way to say yes, one to say no. */

export interface Answer {
  status: number;
  type: string;
  body: string | Uint8Array;
  cache?: string;
}

/** It worked. */
export function done(status: number, content: object): Answer {
  return { status, type: "application/json", body: JSON.stringify(content) };
}

/** It did not: `code` is for programs, `message` for people. */
export function failed(status: number, code: string, message: string): Answer {
  return done(status, { error: { code, message } });
}
