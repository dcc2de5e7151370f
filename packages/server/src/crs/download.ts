/** Brings a creative's file to the work folder. It is the only step that reads from the network. */
import { open } from "node:fs/promises";
import { AdError } from "@interlude/core";
import type { GuardedFetch } from "../guarded-fetch.ts";
import type { SourceLimits } from "./crs-config.ts";
import type { FailureReason } from "./creative-state.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** Statuses that say that the file is not there for us, and will not be by itself. */
const MISSING: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 406, 410, 451]);

/**
 * Writes the file to `path`.
 *
 * @param onProgress 0 to 1; not called where the length is not announced
 * @throws RepackageFailure `source-missing`, `source-unavailable`, `too-large`, `address-refused`; the signal's reason
 */
export async function download(
  creativeUrl: string,
  path: string,
  deps: { readonly fetch: GuardedFetch; readonly limits: SourceLimits },
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<void> {
  const { maxBytes, fetchTimeoutMs } = deps.limits;
  const end = new AbortController();
  try {
    const both = AbortSignal.any([signal, end.signal]);
    const options = { timeoutMs: fetchTimeoutMs, maxBytes, signal: both, headers: { "accept-encoding": "identity" } };
    const response = await deps.fetch(new URL(creativeUrl), options);
    if (response.status !== 200) {
      const reason = MISSING.has(response.status) ? "source-missing" : "source-unavailable";
      throw new RepackageFailure(
        reason,
        `creative at ${hostOf(creativeUrl)}: expected status 200, got ${response.status}`,
      );
    }
    await writeBody(response.body, path, Number(response.headers.get("content-length") ?? Number.NaN), onProgress);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof AdError ? new RepackageFailure(reasonOf(error), error.message, error) : error;
  } finally {
    // A body that nobody reads would keep its connection until the time is up.
    end.abort();
  }
}

async function writeBody(
  body: AsyncIterable<Uint8Array>,
  path: string,
  length: number,
  onProgress: (share: number) => void,
): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    let bytes = 0;
    for await (const chunk of body) {
      await file.writeFile(chunk);
      bytes += chunk.length;
      if (length > 0) onProgress(Math.min(1, bytes / length));
    }
  } finally {
    await file.close();
  }
}

function reasonOf(error: AdError): FailureReason {
  if (error.code === "address-refused") return "address-refused";
  return error.code === "response-too-large" ? "too-large" : "source-unavailable";
}

function hostOf(url: string): string {
  return new URL(url).host;
}
