/**
 * Pictures of creatives: each is made once, of the stored encoding, when somebody first wants to see it, and is kept in the
 * database. The process that is asked may not have the encoding on its disk; then the others are asked.
 */
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "../database/database.ts";
import type { CreativeId, CreativeRecord } from "./creative-record.ts";
import * as store from "./creative-store.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import type { RunFfmpeg } from "./ffmpeg.ts";
import { nameOf } from "./leased-row.ts";
import { previewCommand } from "./preview-args.ts";
import { findStored } from "./stored-encoding.ts";

export interface Preview {
  /** JPEG. */
  readonly image: Uint8Array;
  /** Another one when the picture is another one: letters, digits, - */
  readonly version: string;
}

export interface Previews {
  /**
   * undefined: no such creative, it is not encoded yet, or its encoding is on no machine any more.
   *
   * @throws PreviewsBusy; the driver's error
   */
  find(id: CreativeId): Promise<Preview | undefined>;
  /** Begins to hear other processes. */
  open(): Promise<void>;
  /** Ends what is being made. */
  close(): Promise<void>;
}

/** Too many pictures wait to be made: somebody pages through a long list. */
export class PreviewsBusy extends Error {
  override readonly name = "PreviewsBusy";
  readonly code = "overload";
  readonly retryAfterSeconds = 5;
}

export interface PreviewsDeps {
  readonly database: Database;
  readonly config: CrsConfig;
  readonly runFfmpeg: RunFfmpeg;
  readonly log: CrsLog;
}

const CHANNEL = "interlude_preview";
/** For other processes to make one; who asks again finds it. */
const OTHERS_MS = 3_000;
const RUN_MS = 20_000;
const MAX_WAITING = 100;

export function createPreviews(deps: PreviewsDeps): Previews {
  const { database } = deps;
  const maker = createMaker(deps);
  const others = createOthers(deps, maker.make);
  return {
    find: async (id) => {
      const record = await store.find(database, id);
      if (record?.encoding === undefined) return undefined;
      const version = record.encoding.folder.replaceAll(/[^\w-]/g, "-");
      const image = (await findKept(database, record)) ?? (await maker.make(record)) ?? (await others.ask(record));
      return image && { image, version };
    },
    open: others.open,
    close: async () => {
      await others.close();
      await maker.close();
    },
  };
}

type Make = (record: CreativeRecord) => Promise<Uint8Array | undefined>;

/** One at a time in this process, and each once, however many want it: encoding creatives is what the machine is for. */
function createMaker(deps: PreviewsDeps): { readonly make: Make; close(): Promise<void> } {
  const running = new Map<string, Promise<Uint8Array | undefined>>();
  const stop = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  return {
    make: (record) => {
      const name = `${nameOf(record)} ${record.encoding?.folder}`;
      const known = running.get(name);
      if (known) return known;
      if (running.size >= MAX_WAITING) {
        const message = `previews: expected at most ${MAX_WAITING} that wait to be made, got one more`;
        return Promise.reject(new PreviewsBusy(message));
      }
      const made = last.then(() => makePreview(record, deps, stop.signal)).finally(() => running.delete(name));
      running.set(name, made);
      last = made.catch(() => undefined);
      return made;
    },
    close: async () => {
      stop.abort(new Error("previews: stopping"));
      await last;
    },
  };
}

/** undefined: the encoding is not on this machine, or cannot be read. */
async function makePreview(
  record: CreativeRecord,
  { database, config, runFfmpeg, log }: PreviewsDeps,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  signal.throwIfAborted();
  // The one before in line may have made it.
  const kept = await findKept(database, record);
  if (kept !== undefined) return kept;
  const encoding = await findStored(record, config);
  if (encoding === undefined) return undefined;
  await mkdir(config.workDir, { recursive: true });
  const folder = await mkdtemp(join(config.workDir, "preview-"));
  try {
    const path = join(folder, "preview.jpg");
    const command = previewCommand(encoding, path);
    if (command === undefined) return undefined;
    await runFfmpeg(command, { timeoutMs: RUN_MS, signal });
    const image = await readFile(path);
    await keep(database, record, image);
    return image;
  } catch (error) {
    if (!signal.aborted) log.warn({ creative: nameOf(record), err: error }, "no picture could be made of a creative");
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What was forgotten or encoded anew meanwhile has no use for it. */
async function keep(database: Database, { zone, key, encoding }: CreativeRecord, image: Uint8Array): Promise<void> {
  const sql = `
    insert into creative_preview (zone, key, encoding, image)
    select zone, key, $3, $4 from creative where zone = $1 and key = $2 and encoding->>'folder' = $3
    on conflict (zone, key) do update set encoding = excluded.encoding, image = excluded.image`;
  await database.query(sql, [zone, key, encoding?.folder, image]);
}

async function findKept(database: Database, { zone, key, encoding }: CreativeRecord): Promise<Uint8Array | undefined> {
  const sql = "select image from creative_preview where zone = $1 and key = $2 and encoding = $3";
  const [row] = await database.query<{ readonly image: Uint8Array }>(sql, [zone, key, encoding?.folder]);
  return row?.image;
}

interface Others {
  /** undefined: none of them made it in time. */
  ask(record: CreativeRecord): Promise<Uint8Array | undefined>;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** What processes tell one another: which picture is wanted, and that it is there. */
interface News extends CreativeId {
  readonly from: string;
  readonly isMade: boolean;
}

function createOthers({ database, log }: PreviewsDeps, make: Make): Others {
  const own = randomUUID();
  const waiting = new Map<string, Set<() => void>>();
  const warn = (error: unknown): void => log.warn({ err: error }, "a picture was not told of between processes");
  const tell = async ({ zone, key }: CreativeId, isMade: boolean): Promise<void> => {
    const news: News = { from: own, zone, key, isMade };
    await database.query("select pg_notify($1, $2)", [CHANNEL, JSON.stringify(news)]);
  };
  const hear = async (payload: string): Promise<void> => {
    const news: News = JSON.parse(payload);
    if (news.from === own) return;
    if (news.isMade) {
      for (const wake of waiting.get(nameOf(news)) ?? []) wake();
      return;
    }
    const record = await store.find(database, news);
    if (record?.encoding !== undefined && (await make(record)) !== undefined) await tell(news, true);
  };
  let end: (() => Promise<void>) | undefined;
  return {
    ask: async (record) => {
      if (database.isEmbedded) return undefined;
      const news = waitForNews(waiting, nameOf(record));
      await tell(record, false);
      await news;
      return findKept(database, record);
    },
    open: async () => {
      end = await database.listen(CHANNEL, (payload) => void hear(payload).catch(warn));
    },
    close: async () => {
      for (const wakes of waiting.values()) for (const wake of wakes) wake();
      await end?.();
    },
  };
}

/** Until it is told, or long enough. */
function waitForNews(waiting: Map<string, Set<() => void>>, name: string): Promise<void> {
  const wakes = waiting.get(name) ?? new Set();
  waiting.set(name, wakes);
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      wakes.delete(wake);
      if (wakes.size === 0) waiting.delete(name);
      resolve();
    };
    const timer = setTimeout(wake, OTHERS_MS).unref();
    wakes.add(wake);
  });
}
