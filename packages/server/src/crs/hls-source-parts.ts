/** The media of a playlist, fetched a few at a time and written in order: one file for each run without a discontinuity. */
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { createDigester, type MediaDigest } from "./download.ts";
import type { FetchedResource, ResourceFetcher } from "./hls-source-fetch.ts";
import type { PlannedResource } from "./hls-source-playlist.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import { type IdentifiedFile, identifySource } from "./source-format.ts";

export interface MediaPart extends IdentifiedFile {
  /** Of packed audio, which has no clock inside: when it begins, seconds. */
  readonly startTime?: number;
}

export interface FetchedParts {
  /** One or more. */
  readonly parts: readonly MediaPart[];
  readonly digest: MediaDigest;
}

/** Segments that are fetched at a time. */
const WIDTH = 4;

/**
 * Fetches planned resources into `<folder>/<name>-<part>`.
 *
 * @param planned one or more
 * @param onDuration seconds of media that came since it was last called
 * @throws RepackageFailure as a fetcher does; `unsupported` where a part changes its format
 */
export async function fetchParts(
  planned: readonly PlannedResource[],
  name: string,
  folder: string,
  fetcher: ResourceFetcher,
  onDuration: (duration: number) => void,
): Promise<FetchedParts> {
  const writer = createPartWriter(name, folder);
  const fetchOne = async (resource: PlannedResource, index: number) => {
    const fetched = await fetcher.fetch(resource, join(folder, `${name}-${index}.segment`));
    return { ...resource, ...fetched };
  };
  try {
    for await (const fetched of mapInOrder(planned, WIDTH, fetchOne, fetcher.close)) {
      await writer.append(fetched);
      onDuration(fetched.duration);
    }
  } finally {
    await writer.close();
  }
  const { parts } = writer;
  for (const part of parts) if (part.format === "mov") await identifySource(part.path);
  return { parts, digest: writer.digest() };
}

interface PartWriter {
  readonly parts: readonly MediaPart[];
  append(resource: PlannedResource & FetchedResource): Promise<void>;
  close(): Promise<void>;
  /** To be asked once, at the end. */
  digest(): MediaDigest;
}

function createPartWriter(name: string, folder: string): PartWriter {
  const parts: MediaPart[] = [];
  const digester = createDigester();
  let file: FileHandle | undefined;
  const close = async (): Promise<void> => {
    await file?.close();
    file = undefined;
  };
  const openPart = async ({ format, startTime }: FetchedResource): Promise<FileHandle> => {
    await close();
    const path = join(folder, `${name}-${parts.length}`);
    parts.push({ path, format, ...(startTime !== undefined && { startTime }) });
    return open(path, "wx", 0o600);
  };
  return {
    parts,
    append: async (resource) => {
      file = file === undefined || resource.startsPart ? await openPart(resource) : file;
      const format = parts.at(-1)?.format;
      if (format !== resource.format) {
        const message = `creative: expected one format between discontinuities, got ${format} and ${resource.format}`;
        throw new RepackageFailure("unsupported", message);
      }
      for await (const chunk of createReadStream(resource.path, { start: resource.skip, highWaterMark: 1 << 17 })) {
        if (!(chunk instanceof Uint8Array)) continue;
        await file.writeFile(chunk);
        digester.add(chunk);
      }
      await rm(resource.path);
    },
    close,
    digest: digester.end,
  };
}

/**
 * The results of `work` in the order of the items, at most `width` at a time.
 *
 * @param abandon ends what is under way when nobody wants it any more; its end is waited for
 */
async function* mapInOrder<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item, index: number) => Promise<Result>,
  abandon: () => void,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  let next = 0;
  const startMore = (): void => {
    for (; underWay.length < width && next < items.length; next++) {
      const item = items[next];
      if (item === undefined) continue;
      const started = work(item, next);
      // It is awaited later, unless one before it fails.
      started.catch(() => undefined);
      underWay.push(started);
    }
  };
  try {
    startMore();
    for (let first = underWay[0]; first; first = underWay[0]) {
      const result = await first;
      underWay.shift();
      startMore();
      yield result;
    }
  } finally {
    if (underWay.length > 0) {
      abandon();
      await Promise.allSettled(underWay);
    }
  }
}
