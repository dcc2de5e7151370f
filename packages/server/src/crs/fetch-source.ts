/** Brings a creative's media to the work folder, tells what it is, and remembers by what a change of it would be seen. */
import { join } from "node:path";
import { type DownloadDeps, expectFound, openRequests, writeBody } from "./download.ts";
import type { RunFfmpeg } from "./ffmpeg.ts";
import type { RunFfprobe } from "./ffprobe.ts";
import { type IdentifiedFile, identifySource } from "./source-format.ts";

/** What is known of a source after it was fetched; kept with the creative. */
export interface SourceFacts {
  /** As the server spelt it, `W/` and quotes included. */
  readonly etag?: string;
  readonly lastModified?: string;
  /** Of everything that was fetched. */
  readonly bytes: number;
  /** Of all media in order, hexadecimal. */
  readonly sha256: string;
}

export interface FetchedSource {
  readonly video: IdentifiedFile;
  /** Where sound is in a file of its own; left out: it is in the video's, or there is none. */
  readonly audio?: IdentifiedFile;
  readonly facts: SourceFacts;
}

export interface FetchSourceDeps extends DownloadDeps {
  /** They put together what comes in several parts. */
  readonly tools: { readonly runFfmpeg: RunFfmpeg; readonly runFfprobe: RunFfprobe };
}

/**
 * Fetches a creative into `folder`, which must be empty.
 *
 * @param onProgress 0 to 1; not called where the length is not announced
 * @throws RepackageFailure `source-missing`, `source-unavailable`, `too-large`, `address-refused`, `unsupported`, `truncated`;
 * the signal's reason
 */
export async function fetchSource(
  creativeUrl: string,
  folder: string,
  deps: FetchSourceDeps,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<FetchedSource> {
  const requests = openRequests(deps, signal);
  try {
    const response = await requests.ask(new URL(creativeUrl));
    expectFound(response);
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const path = join(folder, "source");
    const written = await writeBody(response.body, path, (bytes) => {
      if (length > 0) onProgress(Math.min(1, bytes / length));
    });
    const format = await identifySource(path);
    return { video: { path, format }, facts: { ...readValidators(response.headers), ...written } };
  } finally {
    requests.close();
  }
}

function readValidators(headers: Headers): Pick<SourceFacts, "etag" | "lastModified"> {
  const etag = headers.get("etag");
  const lastModified = headers.get("last-modified");
  return { ...(etag !== null && { etag }), ...(lastModified !== null && { lastModified }) };
}
