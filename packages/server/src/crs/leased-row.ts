/** The row of a creative that a worker has in hand: it writes only under its lease, and tells every change. */
import type { Database } from "../database/database.ts";
import type { GuardedFetch } from "../guarded-fetch.ts";
import type { CreativeId, CreativeRecord } from "./creative-record.ts";
import * as store from "./creative-store.ts";
import { type CreativeEvent, type CreativeLife, transition } from "./creative-state.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import type { MediaTools } from "./media-tools.ts";
import type { SourceFacts } from "./fetch-source.ts";
import type { JobQueue } from "./job-queue.ts";
import { outdatePackages } from "./package-store.ts";
import type { PublishTarget } from "./publish-target.ts";
import type { Webhooks } from "./webhooks.ts";

export interface TurnDeps {
  readonly database: Database;
  readonly queue: JobQueue;
  readonly fetch: GuardedFetch;
  readonly targets: readonly PublishTarget[];
  /** undefined: nobody is told. */
  readonly webhooks: Webhooks | undefined;
  readonly tools: MediaTools;
  readonly config: CrsConfig;
  readonly log: CrsLog;
  /** Tells the listeners of a change; `progress` where it is newer than the row's. */
  readonly announce: (record: CreativeRecord, progress?: number) => void;
}

/** The creative is another worker's now, or nobody's: nothing more may be written about it. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** This process is about to end. */
export class Stopping extends Error {
  override readonly name = "Stopping";
}

/** How far a turn is, 0 to 1. */
export interface Report {
  progress: number;
}

export interface LeasedRow {
  /** As this worker wrote it last; its packages as they were when a CDN took one last. */
  readonly current: CreativeRecord;
  /** @throws LeaseLost */
  change(event: CreativeEvent): Promise<void>;
  /** @throws LeaseLost */
  write(extra: store.CreativeChange): Promise<void>;
  /**
   * Notes what was fetched. Where that is not what everything was made from, the packages are to be made anew, and the stored
   * encoding is forgotten.
   *
   * @returns whether it is another source than before
   * @throws LeaseLost
   */
  noteSource(facts: SourceFacts): Promise<boolean>;
  /** As the database has it, told to the listeners. */
  announceWhole(): Promise<void>;
  /** Tells and saves progress, not too often. */
  onProgress(progress: number): void;
  /** The turn is settled: how far a slow CDN is, is no progress of the creative any more. */
  end(): void;
}

/** `1/<key>`, for logs and maps. */
export function nameOf({ zone, key }: CreativeId): string {
  return `${zone}/${key}`;
}

/** What a leased row needs. */
export type RowDeps = Pick<TurnDeps, "database" | "config" | "announce" | "log">;

/**
 * @param begun as it was taken up, under the new lease
 * @param onLost tells that progress could not be saved for another worker has the creative, or nobody
 */
export function leaseRow(
  begun: CreativeRecord,
  report: Report,
  deps: RowDeps,
  onLost: (error: LeaseLost) => void,
): LeasedRow {
  const { database, config } = deps;
  let current = begun;
  let isOver = false;
  const tellProgress = reportProgress(report, () => current, deps, onLost);
  const save = async (life: CreativeLife, extra: store.CreativeChange): Promise<void> => {
    if (!(await store.save(database, current, life, { progress: report.progress, ...extra }))) throw lost(begun);
    current = { ...current, life, ...(extra.encoding !== undefined && { encoding: extra.encoding ?? undefined }) };
    deps.announce(current, report.progress);
  };
  return {
    get current() {
      return current;
    },
    change: (event) => save(transition(current.life, event, config.retry), {}),
    write: (extra) => save(current.life, extra),
    noteSource: async (facts) => {
      const isOther = current.source !== undefined && current.source.sha256 !== facts.sha256;
      await database.transaction(async (tx) => {
        const change = { source: facts, progress: report.progress, ...(isOther && { encoding: null }) };
        if (!(await store.save(tx, current, current.life, change))) throw lost(begun);
        if (isOther) await outdatePackages(tx, current);
      });
      current = { ...current, source: facts, ...(isOther && { encoding: undefined }) };
      return isOther;
    },
    announceWhole: async () => {
      const whole = await store.find(database, begun);
      if (whole === undefined) return;
      current = { ...current, packages: whole.packages };
      deps.announce(whole, Math.max(whole.progress, report.progress));
    },
    onProgress: (progress) => {
      if (!isOver) tellProgress(progress);
    },
    end: () => {
      isOver = true;
    },
  };
}

function lost(id: CreativeId): LeaseLost {
  return new LeaseLost(`creative ${nameOf(id)}: no longer ours`);
}

const ANNOUNCE_MS = 250;
const SAVE_MS = 1000;

function reportProgress(
  report: Report,
  current: () => CreativeRecord,
  deps: RowDeps,
  onLost: (error: LeaseLost) => void,
): (progress: number) => void {
  let announcedAt = 0;
  let savedAt = 0;
  return (progress) => {
    report.progress = Math.max(report.progress, progress);
    const now = Date.now();
    if (now - announcedAt < ANNOUNCE_MS) return;
    announcedAt = now;
    const record = current();
    deps.announce(record, report.progress);
    if (now - savedAt < SAVE_MS) return;
    savedAt = now;
    const onError = (error: unknown): void => deps.log.warn({ err: error }, "progress was not saved");
    const onSaved = (isOurs: boolean): void => {
      if (!isOurs) onLost(lost(record));
    };
    store.saveProgress(deps.database, record, report.progress).then(onSaved, onError);
  };
}
