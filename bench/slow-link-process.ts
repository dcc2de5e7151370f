/**
 * The slow link itself, in a process of its own, so that neither the page's work nor the bench's moves its clock:
 * `slow-link-process.ts {bits per second} {ms per request} {where requests go}`.
 *
 * All answers share the link as they would share a line: a piece has arrived when the line has carried it and all that came before.
 * Requests themselves cost nothing but their round trip.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as ask, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** What the parent sends: how much had been sent by a moment, Unix milliseconds? */
export interface Order {
  readonly until: number;
}

/** What the parent gets: where the link listens first, then an answer to each order, by path without query. */
export type Report = { readonly url: string } | { readonly sent: Readonly<Record<string, number>> };

const PIECE = 4096;
/** Pieces that an answer has on the line at once: a timer that comes late then costs no time of the line. */
const AHEAD = 3;

const [bitsPerSecond = "", delayMs = "", target = ""] = process.argv.slice(2);
const tell = (report: Report): boolean | undefined => process.send?.(report);

/** Unix milliseconds with fractions. */
const now = (): number => performance.timeOrigin + performance.now();

/** When the line has carried all that it was given. */
let free = 0;

/** When so many bytes more have arrived. */
function reserve(bytes: number): number {
  free = Math.max(now(), free) + (bytes * 8 * 1000) / Number(bitsPerSecond);
  return free;
}

interface SentPiece {
  readonly path: string;
  readonly at: number;
  readonly bytes: number;
}
const log: SentPiece[] = [];

async function* cut(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of body) for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE);
}

async function carry(path: string, answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const deliver = async (before: Promise<void> | undefined, piece: Buffer, due: number): Promise<void> => {
    await before;
    if (due > now()) await sleep(due - now());
    if (response.destroyed) return;
    log.push({ path, at: now(), bytes: piece.length });
    await new Promise<unknown>((done) => response.write(piece, done));
  };
  const pieces: Promise<void>[] = [];
  for await (const piece of cut(answer)) {
    if (response.destroyed) return;
    pieces.push(deliver(pieces.at(-1), piece, reserve(piece.length)));
    await pieces.at(-AHEAD - 1);
  }
  await pieces.at(-1);
  response.end();
}

async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // a browser whose proxy this is says the whole address
  const url = new URL(request.url ?? "/", target);
  await sleep(Number(delayMs));
  const onward = ask(url, { method: request.method ?? "GET", headers: { ...request.headers, host: url.host } });
  request.pipe(onward);
  response.on("close", () => onward.destroy());
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    onward.once("response", resolve);
    onward.once("error", reject);
  });
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  response.flushHeaders();
  await carry(url.pathname, answer, response);
}

function sumUntil(until: number): Readonly<Record<string, number>> {
  const sent: Record<string, number> = {};
  for (const { path, at, bytes } of log) if (at <= until) sent[path] = (sent[path] ?? 0) + bytes;
  return sent;
}

const server = createServer((request, response) => {
  pass(request, response).catch(() => response.destroy());
});
process.on("message", ({ until }: Order) => tell({ sent: sumUntil(until) }));
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (address === null || typeof address === "string") throw new Error("expected a TCP address");
tell({ url: `http://127.0.0.1:${address.port}/` });
