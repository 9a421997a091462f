/** `node src/server/main.ts --port 8080 --data data`; port 0 takes a free one. */

import { parseArgs } from "node:util";
import { createApp } from "./app.ts";

const { values } = parseArgs({
  options: { port: { type: "string", default: "8080" }, data: { type: "string", default: "data" } },
});
const server = createApp(values.data);
server.listen(Number(values.port), "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") {
    console.log(`listening on 127.0.0.1:${String(address.port)}`);
  }
});
process.on("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
