/** The repackaging API as `preload` uses it: ask, and look now and then. */
import { parseZoneDocument, type ZoneDocument } from "@interlude/core";
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { describeNetworkError } from "./open-fetch.ts";

/** As much of a creative's status as is shown. */
export interface PreloadStatus {
  readonly key: string;
  readonly state: string;
  /** 0 to 1. */
  readonly progress: number;
  readonly reason?: string;
  readonly message?: string;
  /** ISO 8601. */
  readonly retryAt?: string;
  readonly packages: readonly {
    readonly packaging: string;
    readonly targetDuration: number;
    readonly cdns: readonly string[];
  }[];
}

/** What became of one item, in the words of the API: one of both. */
export interface ItemAnswer {
  readonly status?: PreloadStatus;
  readonly error?: { readonly code: string; readonly message: string };
}

/** One package of one creative; empty texts are left out. */
export interface PreloadOrder {
  readonly creativeUrl: string;
  readonly adSystem: string;
  readonly adId: string;
  readonly creativeId: string;
  readonly packaging: string;
  readonly targetDuration: number;
}

export interface PreloadClient {
  readonly zone: () => Promise<ZoneDocument>;
  /** At most 300; the answers are in the order of the orders. A full queue is an answer, of each item. */
  readonly ask: (orders: readonly PreloadOrder[]) => Promise<readonly ItemAnswer[]>;
  /** undefined: forgotten meanwhile. */
  readonly look: (key: string) => Promise<PreloadStatus | undefined>;
}

export interface PreloadClientOptions {
  readonly server: URL;
  readonly token: string;
  readonly zone: string;
  readonly id3: boolean;
}

/** The server cannot be used, or will not; the message names it. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** It did not answer, or failed: it may be there again in a moment. */
  readonly isTransient: boolean;

  constructor(message: string, options: { readonly isTransient?: boolean; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.isTransient = options.isTransient ?? false;
  }
}

const Status = Type.Object({
  key: Type.String(),
  state: Type.String(),
  progress: Type.Number(),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  retryAt: Type.Optional(Type.String()),
  packages: Type.Array(
    Type.Object({ packaging: Type.String(), targetDuration: Type.Number(), cdns: Type.Array(Type.String()) }),
  ),
});

const Fault = Type.Object({ code: Type.String(), message: Type.String() });
const Item = Type.Object({ status: Type.Optional(Status), error: Type.Optional(Fault) });
const Items = Type.Object({ items: Type.Array(Item) });
const Failure = Type.Object({ error: Fault });

const TIMEOUT_MS = 60_000;

/** @throws ServerError from every call: no answer, or one that was not expected */
export function createPreloadClient({ server, token, zone, id3 }: PreloadClientOptions): PreloadClient {
  const call = async (path: string, body?: unknown): Promise<Answer> => {
    const url = new URL(path, server);
    const answer = await send(url, token, body);
    if (answer.status !== 401) return answer;
    throw new ServerError(
      `${server.href}: expected the server's API token in INTERLUDE_API_TOKEN or --token-file, got another`,
    );
  };
  return {
    zone: async () => {
      const url = new URL(`v1/zones/${encodeURIComponent(zone)}.json`, server);
      const { status, json } = await send(url, undefined);
      if (status === 200) return parseZoneDocument(json, url);
      throw refusal(url, status, json);
    },
    ask: async (orders) => {
      const items = orders.map((order) => ({ zone, ...withoutEmpty(order), ...(id3 && { id3 }) }));
      const { status, json, url } = await call("v1/repackage", { items });
      if (status === 202) return read(Items, json, url).items;
      const fault = Value.Check(Failure, json) ? json.error : undefined;
      if (fault === undefined || status !== 429) throw refusal(url, status, json);
      return orders.map(() => ({ error: fault }));
    },
    look: async (key) => {
      const { status, json, url } = await call(`v1/creatives/${zone}/${key}`);
      if (status === 404) return undefined;
      if (status !== 200) throw refusal(url, status, json);
      return read(Status, json, url);
    },
  };
}

interface Answer {
  readonly url: URL;
  readonly status: number;
  /** undefined: what came is no JSON. */
  readonly json: unknown;
}

async function send(url: URL, token: string | undefined, body?: unknown): Promise<Answer> {
  try {
    const response = await fetch(url, {
      // A token is for this server, not for where it might point.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { url, status: response.status, json: parseJson(text) };
  } catch (error) {
    const got = describeNetworkError(error);
    throw new ServerError(`${url.origin}: expected a running server (interlude serve, --server), got ${got}`, {
      isTransient: true,
      cause: error,
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(url: URL, status: number, json: unknown): ServerError {
  const said = Value.Check(Failure, json) ? json.error.message : "an answer that is not Interlude's";
  return new ServerError(`${url.href}: ${said} (status ${status})`, { isTransient: status >= 500 });
}

function read<Schema extends TSchema>(schema: Schema, json: unknown, url: URL): Static<Schema> {
  if (Value.Check(schema, json)) return json;
  throw new ServerError(`${url.href}: expected the answer of an Interlude server, got something else`);
}

function withoutEmpty(order: PreloadOrder): Readonly<Record<string, string | number>> {
  return Object.fromEntries(Object.entries(order).filter(([, value]) => value !== ""));
}
