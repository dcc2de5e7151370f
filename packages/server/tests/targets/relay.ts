/** Ways to a server on which something goes wrong. */
import { connect, createServer, type Server, type Socket } from "node:net";

export interface Relay {
  readonly url: URL;
  /** Something came that is not passed on. */
  readonly stalled: Promise<void>;
  /** The first client has gone away. */
  readonly left: Promise<void>;
  close(): Promise<void>;
}

/** Passes on the first `bytes` of what each client sends, and then nothing more; answers come back. */
export async function startRelay(to: URL, bytes: number): Promise<Relay> {
  const stalled = Promise.withResolvers<void>();
  return listen(stalled.promise, (client) => {
    const server = connect(Number(to.port), to.hostname);
    let rest = bytes;
    client.on("data", (chunk: Buffer) => {
      if (rest > 0) server.write(chunk.subarray(0, rest));
      if (chunk.length > rest) stalled.resolve();
      rest = Math.max(0, rest - chunk.length);
    });
    server.on("data", (chunk: Buffer) => client.write(chunk));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    }
  });
}

/** Takes every connection, reads all that comes and never answers. */
export async function startSilent(): Promise<Relay> {
  const stalled = Promise.withResolvers<void>();
  return listen(stalled.promise, (client) => {
    client.on("data", () => stalled.resolve()).on("error", () => client.destroy());
  });
}

async function listen(stalled: Promise<void>, take: (client: Socket) => void): Promise<Relay> {
  const left = Promise.withResolvers<void>();
  const clients = new Set<Socket>();
  const server: Server = createServer((client) => {
    clients.add(client);
    client.on("close", () => {
      clients.delete(client);
      left.resolve();
    });
    take(client);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const client of clients) client.destroy();
    });
  return { url: new URL(`http://127.0.0.1:${port}/`), stalled, left: left.promise, close };
}
