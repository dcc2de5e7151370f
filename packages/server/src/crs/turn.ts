/** One turn of a creative: a worker has it under a lease and brings it as far as it goes. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CreativeRecord } from "./creative-record.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { Encoding } from "./encoding.ts";
import { checkSource, type FetchedSource, fetchSource } from "./fetch-source.ts";
import { type LeasedRow, leaseRow, nameOf, type Report, type TurnDeps } from "./leased-row.ts";
import { createPublisher, isWhole, type Publisher } from "./publisher.ts";
import { repackage, type RepackagePorts } from "./repackage.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import { findStored, nameTurn, removeEncoding, resolveEncoding, storeEncoding } from "./stored-encoding.ts";
import { finish, keep, settle } from "./turn-end.ts";

/** What a turn is waited for. */
export interface Turn {
  /** When the creative is ready, failed or another's. Rejects only to have the queue run the job again. */
  readonly settled: Promise<void>;
  /** When nothing of it runs any more: slow CDNs have theirs, its folder is gone. Never rejects. */
  readonly over: Promise<void>;
}

/**
 * @param begun as it was taken up, under the new lease
 * @param outside ends it: `LeaseLost` where nothing more may be written, `Stopping` where it goes back to the queue
 */
export function startTurn(begun: CreativeRecord, report: Report, outside: AbortSignal, deps: TurnDeps): Turn {
  const loss = new AbortController();
  const signal = AbortSignal.any([outside, loss.signal]);
  const folder = join(deps.config.workDir, nameTurn(begun));
  const row = leaseRow(begun, report, deps, (error) => loss.abort(error));
  const publisher = createPublisher({ ...deps, onPublished: row.announceWhole }, begun, signal);
  const settled = runTurn(row, publisher, folder, signal, deps);
  const close = async (): Promise<void> => {
    await publisher.ended();
    await rm(folder, { recursive: true, force: true });
  };
  const onError = (error: unknown): void =>
    deps.log.error({ creative: nameOf(begun), err: error }, "a turn did not end cleanly");
  const over = settled
    .catch(() => undefined)
    .then(close)
    .catch(onError);
  return { settled, over };
}

async function runTurn(
  row: LeasedRow,
  publisher: Publisher,
  folder: string,
  signal: AbortSignal,
  deps: TurnDeps,
): Promise<void> {
  const startedAt = Date.now();
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const ports = buildPorts(row, publisher, folder, signal, deps);
    let found = await findMedia(row, ports, signal, deps);
    if (await keep(row.current, deps)) return;
    do {
      signal.throwIfAborted();
      await repackage(folder, found, ports, signal);
      found = { stored: await findStored(row.current, deps.config), fetched: undefined };
    } while (!(await finish(row.current, publisher.wasTried, deps)));
    deps.log.info({ creative: nameOf(row.current), ms: Date.now() - startedAt }, "creative is ready");
  } catch (error) {
    await settle(error, row.current, deps);
  } finally {
    row.end();
  }
}

function buildPorts(
  row: LeasedRow,
  publisher: Publisher,
  folder: string,
  signal: AbortSignal,
  deps: TurnDeps,
): RepackagePorts {
  const { config, fetch, log, tools } = deps;
  const { current: begun } = row;
  return {
    tools,
    creativeKey: begun.key,
    fetchSource: async (onProgress) => {
      const into = join(folder, "source");
      await rm(into, { recursive: true, force: true });
      await mkdir(into);
      const source = { fetch, limits: config.limits, tools };
      const fetched = await fetchSource(begun.creativeUrl, into, source, signal, onProgress);
      const before = row.current.encoding;
      if (await row.noteSource(fetched.facts)) await removeEncoding(before, config);
      return fetched;
    },
    enter: (type) => row.change({ type }),
    onProgress: row.onProgress,
    keepEncoding: async (encoding) => {
      const before = row.current.encoding;
      const kept = await storeEncoding(encoding, begun, config);
      await row.write({ encoding: kept }).catch(async (error: unknown) => {
        await removeEncoding(kept, config);
        throw error;
      });
      if (before?.folder !== kept.folder) await removeEncoding(before, config);
      return resolveEncoding(kept, config);
    },
    nextPackage: publisher.nextPackage,
    openRemux: publisher.openRemux,
    publish: publisher.publish,
    withdrawRemux: publisher.withdrawRemux,
    onFirstLayerFailure: (error) => log.warn({ creative: nameOf(begun), err: error }, "first layer could not be made"),
  };
}

/** What there is to cut from: the stored ladder, unless its source has changed, or the new source. */
async function findMedia(
  row: LeasedRow,
  ports: RepackagePorts,
  signal: AbortSignal,
  deps: TurnDeps,
): Promise<{ readonly stored: Encoding | undefined; readonly fetched: FetchedSource | undefined }> {
  const { config, fetch, log, targets } = deps;
  const begun = row.current;
  const stored = await findStored(begun, config);
  if (begun.source === undefined || !isStale(begun, config, new Date())) return { stored, fetched: undefined };
  try {
    const state = await checkSource(begun.creativeUrl, begun.source, { fetch, limits: config.limits }, signal);
    if (state === "same") {
      await row.write({ isChecked: true });
      return { stored, fetched: undefined };
    }
    const fetched = await ports.fetchSource(() => undefined);
    return { stored: row.current.encoding && stored, fetched };
  } catch (error) {
    if (!(error instanceof RepackageFailure) || (stored === undefined && !isWhole(begun, targets))) throw error;
    // What the CDNs have, and what is stored, stays right as long as nobody shows that it is not.
    log.warn({ creative: nameOf(begun), reason: error.reason, err: error }, "source could not be looked at");
    await row.write({ isChecked: true });
    return { stored: row.current.encoding && stored, fetched: undefined };
  }
}

/** Whether it is time to look whether the source is still what the packages were made from. */
export function isStale({ source, checkedAt }: CreativeRecord, { revalidateMs }: CrsConfig, now: Date): boolean {
  if (source === undefined || revalidateMs === 0) return false;
  return (checkedAt?.getTime() ?? 0) < now.getTime() - revalidateMs;
}
