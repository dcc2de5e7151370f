/**
 * Any server that takes PUT and DELETE (nginx with its dav module, Apache's mod_dav) as the origin of a CDN. The operator names
 * its address, private ones included: its requests do not go through the guarded fetch.
 *
 * @see RFC 9110 §9.3.4 (PUT), §9.3.5 (DELETE); RFC 4918 §9.6.1 (DELETE of a collection), §9.9 (MOVE)
 */
import { randomUUID } from "node:crypto";
import type { ReadStream } from "node:fs";
import { Agent, request } from "undici";
import { describeFailure, type ObjectBody, type ObjectOptions, type ObjectStore } from "../object-store.ts";
import { sendBody, splitObjectPath } from "../object-store.ts";
import type { RemoteTimeouts } from "./remote-timeouts.ts";

export interface HttpPutSettings extends RemoteTimeouts {
  readonly type: "http-put";
  /** The name that `ptcdn` gives. */
  readonly name: string;
  /** Objects are below it; ends with a slash. */
  readonly url: URL;
  /** Of every request, such as `authorization`; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * - `put`: the server itself shows the old object until it has the whole new one, as nginx does
   * - `move`: it does not, so each object is put under a hidden name and then moved to its own
   */
  readonly atomic: "put" | "move";
}

interface Message {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | ReadStream;
  readonly signal?: AbortSignal;
}

/** Does one request below the base; resolves with the status. */
type Send = (method: "PUT" | "DELETE" | "MOVE", path: string, message?: Message) => Promise<number>;

/** Needs no end: connections that nobody uses do not keep a process alive. */
export function httpPutTarget(settings: HttpPutSettings): ObjectStore {
  const { name, url, atomic } = settings;
  const send = createSend(settings);
  const removeAt = async (path: string): Promise<void> => {
    const status = await send("DELETE", path);
    if (!isSuccess(status) && status !== 404) throw wrongStatus(name, "DELETE", path, "2xx or 404", status);
  };
  return {
    name,
    put: async (path, body, options) => {
      const parts = splitObjectPath(path);
      if (atomic === "put") return putAt({ name, send }, path, body, options);
      const beside = [...parts.slice(0, -1), `.${randomUUID()}.tmp`].join("/");
      try {
        await putAt({ name, send }, beside, body, options);
        const headers = { destination: new URL(path, url).href, overwrite: "T" };
        const status = await send("MOVE", beside, { headers, ...(options.signal && { signal: options.signal }) });
        if (!isSuccess(status)) throw wrongStatus(name, "MOVE to", path, "2xx", status);
      } catch (error) {
        await removeAt(beside).catch(() => undefined);
        throw error;
      }
    },
    remove: async (path) => removeAt(splitObjectPath(path).join("/")),
    removeFolder: async (path) => removeAt(`${splitObjectPath(path).join("/")}/`),
  };
}

function createSend({ name, url, headers, connectTimeoutMs, idleTimeoutMs }: HttpPutSettings): Send {
  const dispatcher = new Agent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
  });
  return async (method, path, message = {}) => {
    const { signal } = message;
    try {
      const answer = await request(new URL(path, url), {
        dispatcher,
        method,
        headers: { ...headers, ...message.headers },
        ...(message.body !== undefined && { body: message.body }),
        ...(signal && { signal }),
      });
      await answer.body.dump();
      return answer.statusCode;
    } catch (error) {
      signal?.throwIfAborted();
      throw new Error(`CDN ${name}: ${method} ${path}: expected an answer, got ${describeFailure(error)}`, {
        cause: error,
      });
    }
  };
}

async function putAt(
  { name, send }: { readonly name: string; readonly send: Send },
  path: string,
  body: ObjectBody,
  { contentType, cacheControl, signal: given }: ObjectOptions,
): Promise<void> {
  await sendBody(body, given, async (content, bytes, signal) => {
    const headers = { "content-type": contentType, "cache-control": cacheControl, "content-length": String(bytes) };
    const status = await send("PUT", path, { headers, body: content, signal });
    if (!isSuccess(status)) throw wrongStatus(name, "PUT", path, "2xx", status);
  });
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function wrongStatus(name: string, method: string, path: string, expected: string, got: number): Error {
  return new Error(`CDN ${name}: ${method} ${path}: expected status ${expected}, got ${got}`);
}
