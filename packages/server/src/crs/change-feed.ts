/**
 * Tells listeners of this process what changes about creatives, whichever process on the database changes it. Another process is
 * told only which creative: it reads the row.
 */
import { randomUUID } from "node:crypto";
import type { CreativeState } from "@interlude/core";
import type { Database } from "../database/database.ts";
import type { CreativeId, CreativeRecord } from "./creative-record.ts";
import { type CreativeStatus, describeCreative, describeForgotten } from "./creative-status.ts";
import * as store from "./creative-store.ts";
import type { CrsLog } from "./crs-log.ts";

export interface ChangeFeed {
  subscribe(listener: (status: CreativeStatus) => void): () => void;
  /** After the change is committed; `progress` where it is newer than the row's. */
  announce(record: CreativeRecord, progress?: number): void;
  /** Tells that a creative's row is gone. */
  announceForgotten(record: CreativeRecord): void;
  /** Begins to hear other processes. */
  open(): Promise<void>;
  close(): Promise<void>;
}

const CHANNEL = "interlude_creative";
/** Other processes hear of one creative at most this often, beside its changes of state. */
const NEWS_MS = 500;

export function createChangeFeed(database: Database, log: CrsLog): ChangeFeed {
  const { tell, subscribe, hasListeners } = createListeners(log);
  const origin = randomUUID();
  const warn = (error: unknown): void => log.warn({ err: error }, "a change was not told between processes");
  const news = createNews((id) => {
    const payload = JSON.stringify({ origin, zone: id.zone, key: id.key });
    database.query("select pg_notify($1, $2)", [CHANNEL, payload]).catch(warn);
  });
  const hear = async (payload: string): Promise<void> => {
    const { origin: from, zone, key } = JSON.parse(payload);
    if (from === origin || !hasListeners()) return;
    const record = await store.find(database, { zone, key });
    tell(record ? describeCreative(record) : describeUnknown({ zone, key }));
  };
  let end: (() => Promise<void>) | undefined;
  return {
    subscribe,
    announce: (record, progress) => {
      tell(describeCreative(record, progress));
      if (!database.isEmbedded) news.add(record, record.life.state);
    },
    announceForgotten: (record) => {
      tell(describeForgotten(record, new Date()));
      if (!database.isEmbedded) news.add(record, "absent");
    },
    open: async () => {
      end = await database.listen(CHANNEL, (payload) => void hear(payload).catch(warn));
    },
    close: async () => {
      news.close();
      await end?.();
    },
  };
}

interface Listeners {
  readonly subscribe: ChangeFeed["subscribe"];
  readonly tell: (status: CreativeStatus) => void;
  readonly hasListeners: () => boolean;
}

function createListeners(log: CrsLog): Listeners {
  const listeners = new Set<(status: CreativeStatus) => void>();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell: (status) => {
      for (const listener of listeners) {
        try {
          listener(status);
        } catch (error) {
          log.error({ err: error }, "a listener failed");
        }
      }
    },
    hasListeners: () => listeners.size > 0,
  };
}

interface News {
  add(id: CreativeId, state: CreativeState): void;
  /** Sends what waits. */
  close(): void;
}

/** A change of state is sent at once; anything else waits a little for more of its kind. */
function createNews(send: (id: CreativeId) => void): News {
  const waiting = new Map<
    string,
    { readonly id: CreativeId; readonly state: CreativeState; timer: NodeJS.Timeout; isNew: boolean }
  >();
  const open = (name: string, id: CreativeId, state: CreativeState): void => {
    const timer = setTimeout(() => {
      const one = waiting.get(name);
      waiting.delete(name);
      if (one?.isNew === true) {
        send(id);
        open(name, id, state);
      }
    }, NEWS_MS).unref();
    waiting.set(name, { id, state, timer, isNew: false });
  };
  return {
    add: (id, state) => {
      const name = `${id.zone}/${id.key}`;
      const before = waiting.get(name);
      if (before?.state === state) {
        before.isNew = true;
        return;
      }
      clearTimeout(before?.timer);
      send(id);
      open(name, { zone: id.zone, key: id.key }, state);
    },
    close: () => {
      for (const { id, timer, isNew } of waiting.values()) {
        clearTimeout(timer);
        if (isNew) send(id);
      }
      waiting.clear();
    },
  };
}

/** Of a creative that another process forgot, no more is known. */
function describeUnknown({ zone, key }: CreativeId): CreativeStatus {
  const now = new Date().toISOString();
  return {
    zone,
    key,
    creativeUrl: "",
    state: "absent",
    progress: 0,
    attempts: 0,
    packages: [],
    refused: [],
    renditions: [],
    createdAt: now,
    updatedAt: now,
  };
}
