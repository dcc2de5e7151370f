/** Real servers on loopback for the tests, with a count of what reached them. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { onTestFinished } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "./tls.ts";

export interface Loopback {
  readonly server: Server;
  readonly port: number;
  readonly origin: string;
  /** TCP connections so far. */
  readonly connections: () => number;
}

/** A server that lives as long as the test. */
export function loopback(listener: RequestListener, host = "127.0.0.1", port = 0): Promise<Loopback> {
  return serve(createServer(listener), host, port);
}

/** The same for https, with the certificate of `ads.example`; `origin` is still http. */
export function tlsLoopback(listener: RequestListener): Promise<Loopback> {
  return serve(createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, listener), "127.0.0.1", 0);
}

async function serve(server: Server, host: string, port: number): Promise<Loopback> {
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
