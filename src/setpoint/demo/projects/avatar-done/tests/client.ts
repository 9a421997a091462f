/** What a page asks of the service. */

interface Reply {
  status: number;
  body: Record<string, unknown>;
}

/** Send a picture under a name, with the fields given. */
export async function upload(
  address: string,
  content: Uint8Array<ArrayBuffer>,
  name = "me.png",
  fields: Record<string, string> = {},
): Promise<Reply> {
  const form = new FormData();
  form.set("avatar", new File([content], name));
  for (const [field, told] of Object.entries(fields)) form.set(field, told);
  return await asked(`${address}/api/profile/avatar`, { method: "POST", body: form });
}

/** Any call; a body that is no JSON object is told as an empty one. */
export async function asked(url: string, request: RequestInit = {}): Promise<Reply> {
  const answer = await fetch(url, request);
  const told: unknown = await answer.json().catch(() => ({}));
  return { status: answer.status, body: typeof told === "object" && told !== null ? { ...told } : {} };
}

/** The picture that a reply has the URL of. */
export async function stored(address: string, { body }: Reply): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(`${address}${String(body["avatarUrl"])}`)).arrayBuffer());
}

/** The code of an error in the agreed shape; empty for another shape. */
export function codeOf({ body }: Reply): string {
  const { error } = body;
  if (typeof error !== "object" || error === null || Object.keys(body).length !== 1) return "";
  const { code, message } = { code: "", message: "", ...error };
  return typeof message === "string" && message !== "" ? code : "";
}
