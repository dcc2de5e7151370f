/** The server's API, as the console asks it: with the token, and never from a cache. */
import { createTurns } from "./turns.ts";
import { readEvents } from "./events.ts";
import type { Creative } from "./creatives.ts";
import { keepRecent } from "./recent.ts";
import type { Report } from "./report.ts";

/** What the server, or the way to it, said instead of an answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** 0: there was no answer. */
  readonly status: number;

  constructor(status: number, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.status = status;
  }
}

export interface Api {
  /** JSON of a path below the server's root. The server that answers is of the same release as this page. */
  readonly get: <T>(path: string, signal?: AbortSignal) => Promise<T>;
  /** At most 20 seconds old: pages share their reports, and the server lets one client have five of them in five seconds. */
  readonly report: (path: string) => Promise<Report>;
  readonly send: (method: "POST" | "DELETE", path: string) => Promise<void>;
  /** At most three at a time: the browser has few connections to one server, and the server makes pictures one by one. */
  readonly picture: (path: string, signal: AbortSignal) => Promise<Blob>;
  /**
   * Resolves when the stream ends.
   *
   * @param onOpen told once it has begun: what happens from then on is told
   */
  readonly follow: (onOpen: () => void, onCreative: (creative: Creative) => void, signal: AbortSignal) => Promise<void>;
  /** The address of a path below the server's root. */
  readonly address: (path: string) => string;
}

export interface ApiOptions {
  readonly token: string;
  /** The server's root. */
  readonly root: URL;
  /** Told when the token is not, or no longer, taken. */
  readonly onRefused: () => void;
}

/** Every function rejects with {@link ApiError}, or AbortError by its signal. */
export function createApi({ token, root, onRefused }: ApiOptions): Api {
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(new URL(path, root), { ...init, headers, cache: "no-store" }).catch(
      (cause: unknown) => {
        if (init.signal?.aborted) throw cause;
        throw new ApiError(0, "The server cannot be reached.", { cause });
      },
    );
    if (response.ok) return response;
    if (response.status === 401) onRefused();
    throw new ApiError(response.status, await readComplaint(response));
  };
  const get: Api["get"] = async (path, signal) => (await ask(path, signal ? { signal } : {})).json();
  const turns = createTurns(3);
  return {
    get,
    report: keepRecent((path) => get<Report>(path), RECENT_MS, Date.now),
    send: async (method, path) => {
      await ask(path, { method });
    },
    picture: (path, signal) =>
      turns(async () => {
        signal.throwIfAborted();
        return (await ask(path, { signal })).blob();
      }),
    follow: async (onOpen, onCreative, signal) => {
      const { body } = await ask("v1/events", { signal });
      onOpen();
      if (!body) return;
      await readEvents(body, (name, json) => {
        if (name === "creative") onCreative(JSON.parse(json));
      });
    },
    address: (path) => new URL(path, root).href,
  };
}

const RECENT_MS = 20_000;

/** The sentence of the server's own errors, else the status. */
async function readComplaint(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const message: unknown = JSON.parse(text).error?.message;
    if (typeof message === "string") return message;
  } catch {
    // Not the server's own answer: a proxy's page says nothing that fits here.
  }
  return `The server answered ${response.status} ${response.statusText}`.trim();
}
