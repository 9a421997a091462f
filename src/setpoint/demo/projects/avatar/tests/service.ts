/** The service on a free port, with an empty data folder, for one test or a try by hand. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createApp } from "../src/server/app.ts";

export interface Service {
  address: string;
  folder: string;
}

/** Started; stopped and cleared when the test ends. */
export async function served(test: TestContext): Promise<Service> {
  const [service, stop] = await started();
  test.after(stop);
  return service;
}

/** Do `work` with a service of its own. */
export async function tried(work: (address: string) => Promise<void>): Promise<void> {
  const [service, stop] = await started();
  await work(service.address).finally(stop);
}

async function started(): Promise<[Service, () => Promise<void>]> {
  const folder = mkdtempSync(join(tmpdir(), "profile-"));
  const server = createApp(folder);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  };
  return [{ address: `http://127.0.0.1:${String(address.port)}`, folder }, stop];
}
