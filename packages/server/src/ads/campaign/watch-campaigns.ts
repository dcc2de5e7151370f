/**
 * The campaign file as it is now. It is looked at every two seconds, by its path: editors that write a new file and rename it,
 * links that are turned to another file, and network folders all change what is found there, and none of them tells.
 * A file that cannot be used leaves the campaigns before in force.
 */
import { type Stats, unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Campaigns } from "./campaign.ts";
import { parseCampaigns } from "./campaign-file.ts";

/** `outdated`: the file has changed and could not be used. */
export interface CampaignStatus {
  readonly state: "current" | "outdated";
  /** When the campaigns in force were read. */
  readonly loadedAt: Date;
  /** Why the file as it is now is not in force; for operators, since it quotes the file. */
  readonly complaint: string | undefined;
}

export interface CampaignSource {
  current(): Campaigns;
  status(): CampaignStatus;
  /** Ends the watching. */
  close(): void;
}

export interface WatchOptions {
  /** undefined: `initial` for ever. */
  readonly file: string | undefined;
  readonly initial: Campaigns;
  /** ms since the epoch */
  readonly now: () => number;
  readonly log: { readonly info: (message: string) => void; readonly error: (message: string) => void };
  /** Default 2000. */
  readonly intervalMs?: number;
  /** Told after each time that the file was read again, good or not. */
  readonly onRead?: () => void;
}

const MAX_BYTES = 20_000_000;

export function watchCampaigns({ file, initial, now, log, intervalMs = 2000, onRead }: WatchOptions): CampaignSource {
  let campaigns = initial;
  let status: CampaignStatus = { state: "current", loadedAt: new Date(now()), complaint: undefined };
  /** The newest reading counts, whichever ends last. */
  let reading = 0;

  const read = async (path: string, stats: Stats): Promise<void> => {
    const number = ++reading;
    try {
      const read = await readCampaigns(path, stats);
      if (number !== reading) return;
      campaigns = read;
      status = { state: "current", loadedAt: new Date(now()), complaint: undefined };
      log.info(`campaigns: ${basename(path)} read again: ${read.lineItems.size} line items`);
    } catch (error) {
      if (number !== reading) return;
      const complaint = error instanceof Error ? error.message : String(error);
      status = { ...status, state: "outdated", complaint };
      log.error(`campaigns: the ones before stay in force: ${complaint}`);
    }
    onRead?.();
  };

  const listener = (stats: Stats): void => {
    if (file !== undefined) void read(file, stats);
  };
  if (file !== undefined) watchFile(file, { interval: intervalMs, persistent: false }, listener);
  return {
    current: () => campaigns,
    status: () => status,
    close: () => {
      reading++;
      if (file !== undefined) unwatchFile(file, listener);
    },
  };
}

async function readCampaigns(path: string, stats: Stats): Promise<Campaigns> {
  if (stats.nlink === 0) throw new Error(`${path}: expected a file, got nothing`);
  if (stats.size > MAX_BYTES) throw new Error(`${path}: expected at most ${MAX_BYTES} bytes, got ${stats.size}`);
  return parseCampaigns(await readFile(path, "utf8"), path);
}
