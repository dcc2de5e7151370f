/** A real file server of ranges on loopback, as creatives lie on. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";

export interface RangeServer {
  readonly urlOf: (name: string) => URL;
  /** `name start-end`, end inclusive, as they were asked for. */
  readonly asked: string[];
  /** Of all bodies. */
  readonly sentBytes: () => number;
  readonly close: () => Promise<void>;
}

/** @param isRanged false: every answer is the whole file */
export async function serveRanges(folder: string, isRanged = true): Promise<RangeServer> {
  const asked: string[] = [];
  let sent = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const name = basename(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = await readFile(join(folder, name)).catch(() => undefined);
    if (!file) return void response.writeHead(404).end();
    const [, start = "0", end = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    asked.push(`${name} ${start}-${end}`);
    const last = Math.min(end === "" ? Infinity : Number(end), file.length - 1);
    const body = isRanged ? file.subarray(Number(start), last + 1) : file;
    const isPast = Number(start) >= file.length;
    const contentRange = `bytes ${isPast ? "*" : `${start}-${last}`}/${file.length}`;
    const status = isRanged ? (isPast ? 416 : 206) : 200;
    sent += body.length;
    response.writeHead(status, {
      "content-type": "video/mp4",
      "content-length": body.length,
      ...(isRanged && { "content-range": contentRange }),
    });
    response.end(body);
  };
  const server = createServer((request, response) => void answer(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = addressOf(server.address());
  return {
    urlOf: (name) => new URL(`http://127.0.0.1:${port}/${name}`),
    asked,
    sentBytes: () => sent,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function addressOf(address: string | AddressInfo | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("expected a port, got none");
  return address;
}
