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
  /** What errors name; left out: the path. */
  readonly about?: string;
}

/** One request below the base; a status other than 2xx, and 404 for a removal, is an error. */
type Send = (method: "PUT" | "DELETE" | "MOVE", path: string, message?: Message) => Promise<void>;

/** Needs no end: connections that nobody uses do not keep a process alive. */
export function httpPutTarget(settings: HttpPutSettings): ObjectStore {
  const { name, url, atomic } = settings;
  const send = createSend(settings);
  const putAt = (at: string, path: string, body: ObjectBody, options: ObjectOptions): Promise<void> =>
    sendBody(body, options.signal, (content, bytes, signal) => {
      const headers = {
        "content-type": options.contentType,
        "cache-control": options.cacheControl,
        "content-length": String(bytes),
      };
      return send("PUT", at, { headers, body: content, signal, about: path });
    });
  const putAndMove = async (path: string, body: ObjectBody, options: ObjectOptions): Promise<void> => {
    const folder = splitObjectPath(path).slice(0, -1);
    const beside = [...folder, `.${randomUUID()}.tmp`].join("/");
    try {
      await putAt(beside, path, body, options);
      const headers = { destination: new URL(path, url).href, overwrite: "T" };
      await send("MOVE", beside, { headers, about: path, ...(options.signal && { signal: options.signal }) });
    } catch (error) {
      await send("DELETE", beside).catch(() => undefined);
      throw error;
    }
  };
  return {
    name,
    put: async (path, body, options) =>
      atomic === "move" ? putAndMove(path, body, options) : putAt(splitObjectPath(path).join("/"), path, body, options),
    remove: async (path, signal) => send("DELETE", splitObjectPath(path).join("/"), signal && { signal }),
    removeFolder: async (path, signal) => send("DELETE", `${splitObjectPath(path).join("/")}/`, signal && { signal }),
  };
}

function createSend({ name, url, headers, connectTimeoutMs, idleTimeoutMs }: HttpPutSettings): Send {
  const dispatcher = new Agent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
  });
  return async (method, path, { body, signal, about = path, headers: more } = {}) => {
    const what = `CDN ${name}: ${method} ${about}`;
    const ask = { dispatcher, method, headers: { ...headers, ...more }, ...(signal && { signal }) };
    const answer = await request(new URL(path, url), body === undefined ? ask : { ...ask, body })
      .then(async ({ statusCode, body: text }) => {
        await text.dump();
        return statusCode;
      })
      .catch((error: unknown) => {
        signal?.throwIfAborted();
        throw new Error(`${what}: expected an answer, got ${describeFailure(error)}`, { cause: error });
      });
    if ((answer >= 200 && answer < 300) || (method === "DELETE" && answer === 404)) return;
    throw new Error(`${what}: expected status 2xx, got ${answer}`);
  };
}
