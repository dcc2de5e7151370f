/** A whole CRS on loopback: a real database, guarded downloads from a server of ours, folders as CDNs. */
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/database/database.ts";
import type { Database } from "../../src/database/database.ts";
import { createCrs, type CreativeStatus, type Crs, type CrsDeps } from "../../src/crs/crs.ts";
import { type CrsConfig, defaultCrsConfig } from "../../src/crs/crs-config.ts";
import type { PublishTarget } from "../../src/crs/publish-target.ts";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { directoryStore } from "../../src/origin/store.ts";
import { placeDatabase } from "../database/new-database.ts";

export interface MediaServer {
  readonly base: URL;
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Answers every request by `answer`. */
export function startServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<MediaServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    answer(request, response);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      const close = () =>
        new Promise<void>((done) => {
          server.closeAllConnections();
          server.close(() => done());
        });
      resolve({ base: new URL(`http://127.0.0.1:${port}/`), requests, close });
    });
  });
}

/** Serves the files whose names stand in the path: `/{anything}/{name}`; `find` says where a name is. */
export function startMediaServer(find: (name: string) => string): Promise<MediaServer> {
  return startServer((request, response) => {
    const path = find((request.url ?? "").split("?")[0]?.split("/").at(-1) ?? "");
    response.writeHead(200, { "content-length": statSync(path).size, "content-type": "video/mp4" });
    createReadStream(path).pipe(response);
  });
}

export interface TestCrs {
  readonly crs: Crs;
  readonly database: Database;
  readonly folder: string;
  readonly config: CrsConfig;
  /** Of a CDN: the text or bytes of an object. */
  read(cdn: string, path: string): Buffer;
  /** Submits and waits until nothing more happens by itself. */
  repackage(creativeUrl: URL, targetDuration?: number): Promise<CreativeStatus>;
  waitFor(key: string, isReached: (status: CreativeStatus) => boolean): Promise<CreativeStatus>;
  close(): Promise<void>;
}

export interface TestCrsOptions {
  readonly folder?: string;
  /** Default: a database of its own, embedded. */
  readonly databaseUrl?: string | undefined;
  /** Open, and nobody else's for the time: it is emptied first, and stays open. */
  readonly database?: Database;
  readonly config?: Partial<CrsConfig>;
  readonly targets?: (folder: string) => readonly PublishTarget[];
  readonly allow: readonly MediaServer[];
  readonly log?: CrsDeps["log"];
}

const ended = (status: CreativeStatus): boolean => ["ready", "failed", "blocked"].includes(status.state);
const noLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** An embedded database for one CRS after the other: to open one each takes a processor as long as most tests. */
export async function openTestDatabase(): Promise<Database> {
  const directory = mkdtempSync(join(tmpdir(), "interlude-crs-database-"));
  await placeDatabase(join(directory, "database"));
  const database = await openDatabase({ directory: join(directory, "database") });
  const close = async (): Promise<void> => {
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { ...database, close };
}

/** As it was before the first CRS on it. */
async function empty({ query }: Database): Promise<void> {
  for (const table of ["creative", "blocked", "pgboss.job"]) await query(`delete from ${table}`);
  await query("alter sequence creative_lease restart");
}

async function openFor({ database, databaseUrl }: TestCrsOptions, directory: string): Promise<Database> {
  if (database === undefined) {
    if (databaseUrl === undefined) await placeDatabase(directory);
    return openDatabase({ databaseUrl, directory });
  }
  await empty(database);
  // What the CRS before has taken from the queues has ended when it is closed.
  const close = async (): Promise<void> => {
    for (const queue of ["repackage", "webhook"]) await database.boss.offWork(queue);
  };
  return { ...database, close };
}

/** Started; `close` removes its folder unless that was given. */
export async function startCrs(options: TestCrsOptions): Promise<TestCrs> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "interlude-crs-"));
  const database = await openFor(options, join(folder, "database"));
  const config = { ...defaultCrsConfig(folder), ...options.config };
  const targets =
    options.targets?.(folder) ?? ["a", "b"].map((name) => directoryStore(name, join(folder, "cdn", name)));
  const fetch = createGuardedFetch({ allowPrivate: options.allow.map((server) => server.base.host) });
  const crs = createCrs({ database, fetch, targets, normaliseRules: () => [], config, log: options.log ?? noLog });
  await crs.start();
  const waitFor: TestCrs["waitFor"] = (key, isReached) =>
    new Promise((resolve, reject) => {
      const look = (status: CreativeStatus | undefined): void => {
        if (status?.key !== key || !isReached(status)) return;
        stop();
        resolve(status);
      };
      const stop = crs.subscribe(look);
      crs.status("1", key).then(look, reject);
    });
  return {
    crs,
    database,
    folder,
    config,
    waitFor,
    read: (cdn, path) => readFileSync(join(folder, "cdn", cdn, path)),
    repackage: async (creativeUrl, targetDuration = 6) => {
      const input = { zone: "1", creativeUrl: creativeUrl.href, packaging: "hls", targetDuration } as const;
      const { key } = await crs.submit(input);
      return waitFor(key, ended);
    },
    close: async () => {
      await crs.stop();
      await database.close();
      await fetch.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
