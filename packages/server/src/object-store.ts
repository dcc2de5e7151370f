/** What all places have in common that finished media is published to, whatever protocol they speak. */
import { createReadStream, type ReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/** Has the shape of CRS's PublishTarget, which says what each member must do. */
export interface ObjectStore {
  readonly name: string;
  put(path: string, body: ObjectBody, options: ObjectOptions): Promise<void>;
  remove(path: string, signal?: AbortSignal): Promise<void>;
  removeFolder(path: string, signal?: AbortSignal): Promise<void>;
}

/** Text, or a file's path; files are streamed. */
export type ObjectBody = string | { readonly file: string };

export interface ObjectOptions {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly signal?: AbortSignal;
}

/** Parts of a path that an object may have: no `..`, nothing hidden, nothing empty, nothing that a URL would have to escape. */
const PART = /^[\w-][\w.-]*$/;

/**
 * The parts of an object's path, of which there is at least one.
 *
 * @throws when it has characters or parts that no object may have
 */
export function splitObjectPath(path: string): readonly string[] {
  const parts = path.split("/");
  if (parts.every((part) => PART.test(part))) return parts;
  throw new Error(`path ${JSON.stringify(path)}: expected parts of letters, digits, _, - and ., got another`);
}

/**
 * Sends a text or a file; the file is closed afterwards, and a file that cannot be read ends the sending.
 *
 * @param send ends early by the signal that it gets
 * @throws the reason of `signal`, the file's error, or what `send` throws
 */
export async function sendBody(
  body: ObjectBody,
  signal: AbortSignal | undefined,
  send: (content: string | ReadStream, bytes: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  signal?.throwIfAborted();
  if (typeof body === "string") {
    await sendUntil(signal ?? new AbortController().signal, (until) => send(body, Buffer.byteLength(body), until));
    return;
  }
  const { size } = await stat(body.file);
  const fault = new AbortController();
  const stream = createReadStream(body.file).once("error", (error) => fault.abort(error));
  try {
    const until = signal ? AbortSignal.any([signal, fault.signal]) : fault.signal;
    await sendUntil(until, () => send(stream, size, until));
  } finally {
    stream.destroy();
  }
}

/** Clients have errors of their own for what they were told to end: the reason says more. */
async function sendUntil(until: AbortSignal, send: (until: AbortSignal) => Promise<void>): Promise<void> {
  try {
    await send(until);
  } catch (error) {
    until.throwIfAborted();
    throw error;
  }
}

/** The first words about a failed request that are worth reading; a refused connection has many, one per address, and no message. */
export function describeFailure(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeFailure(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? `${error.code} ` : "";
  return `${error.name === "Error" ? "" : `${error.name} `}${code}${error.message}`.trim().slice(0, 300);
}
