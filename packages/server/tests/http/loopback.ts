/** Real servers on loopback for the tests, with a count of what reached them. */
import { createServer, type RequestListener, type Server } from "node:http";
import { onTestFinished } from "vitest";

export interface Loopback {
  readonly server: Server;
  readonly port: number;
  readonly origin: string;
  /** TCP connections so far. */
  readonly connections: () => number;
}

/** A server that lives as long as the test. */
export async function loopback(listener: RequestListener, host = "127.0.0.1", port = 0): Promise<Loopback> {
  const server = createServer(listener);
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a TCP address");
  const shown = host.includes(":") ? `[${host}]` : host;
  return { server, port: address.port, origin: `http://${shown}:${address.port}`, connections: () => connections };
}
