/**
 * A server of the manifest bench, in a process of its own: the whole of Interlude as its environment says, or a Fastify that has one
 * text, as a file at `/file.m3u8` and in memory at `/text.m3u8`. Tells its parent where it listens, and what processor time it has
 * used whenever it is asked.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import { buildServer } from "@interlude/server";
import { readConfig } from "@interlude/server/config";
import { fastify } from "fastify";

/** What the parent sends. */
export type Order = { readonly kind: "cpu" | "memory" } | { readonly kind: "text"; readonly text: string };

/** What the parent gets: where it listens first, then an answer to each order. */
export type Report =
  | { readonly kind: "listening"; readonly url: string }
  /** Microseconds since the start. */
  | { readonly kind: "cpu"; readonly used: number }
  /** Bytes of the heap and outside of it, after a collection where the process may ask for one. */
  | { readonly kind: "memory"; readonly used: number }
  | { readonly kind: "done" };

const tell = (report: Report): boolean | undefined => process.send?.(report);

let text = "";
const folder = mkdtempSync(join(tmpdir(), "interlude-bench-static-"));

async function startStatic(): Promise<string> {
  const app = fastify();
  await app.register(fastifyStatic, { root: folder });
  app.get("/text.m3u8", (_request, reply) => {
    void reply.type("application/vnd.apple.mpegurl").header("cache-control", "no-store").send(text);
  });
  return app.listen({ host: "127.0.0.1", port: 0 });
}

async function startWhole(): Promise<string> {
  const server = await buildServer(readConfig(process.env));
  return (await server.start()).href;
}

process.on("message", (order: Order) => {
  if (order.kind === "text") {
    ({ text } = order);
    writeFileSync(join(folder, "file.m3u8"), text);
    tell({ kind: "done" });
    return;
  }
  if (order.kind === "memory") {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    tell({ kind: "memory", used: heapUsed + external });
    return;
  }
  const { user, system } = process.cpuUsage();
  tell({ kind: "cpu", used: user + system });
});
process.on("disconnect", () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit();
});
tell({ kind: "listening", url: await (process.argv[2] === "static" ? startStatic() : startWhole()) });
