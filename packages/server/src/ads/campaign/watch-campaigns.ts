/**
 * The campaign file as it is now. It is looked at every two seconds, by its path: editors that write a new file and rename it,
 * links that are turned to another file, and network folders all change what is found there, and none of them tells.
 * A file that cannot be used leaves the campaigns before in force.
 */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Campaigns } from "./campaign.ts";
import { parseCampaigns } from "./campaign-file.ts";
import type { ZoneCheck } from "./read-line-item.ts";

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
  /** Those that there are. */
  readonly zones: readonly string[];
  /** ms since the epoch */
  readonly now: () => number;
  readonly log: Readonly<Record<"info" | "warn" | "error", (message: string) => void>>;
  /** Default 2000. */
  readonly intervalMs?: number;
  /** Told after each look at a file that is not as it was, good or not; the first look is one. */
  readonly onRead?: () => void;
}

export function watchCampaigns(options: WatchOptions): CampaignSource {
  const { file, initial, now, log, intervalMs = 2000, onRead } = options;
  let campaigns = initial;
  let status: CampaignStatus = { state: "current", loadedAt: new Date(now()), complaint: undefined };
  let seen: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const read = async (path: string): Promise<void> => {
    try {
      const read = parseCampaigns(await readFile(path, "utf8"), path, checkZones(options));
      campaigns = read;
      status = { state: "current", loadedAt: new Date(now()), complaint: undefined };
      log.info(`campaigns: ${basename(path)} was read: ${read.lineItems.size} line items`);
    } catch (error) {
      const complaint = error instanceof Error ? error.message : String(error);
      status = { ...status, state: "outdated", complaint };
      log.error(`campaigns: the ones before stay in force: ${complaint}`);
    }
    onRead?.();
  };

  /** The file is looked at before it is read: what changes in between is seen the next time. */
  const look = async (path: string): Promise<void> => {
    const found = await describeFile(path);
    if (found !== seen && !isClosed) {
      seen = found;
      await read(path);
    }
    wait(path);
  };

  const wait = (path: string): void => {
    if (isClosed) return;
    timer = setTimeout(() => void look(path), intervalMs);
    timer.unref();
  };

  if (file !== undefined) void look(file);
  return {
    current: () => campaigns,
    status: () => status,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

function checkZones({ zones, log }: WatchOptions): ZoneCheck {
  const text = "campaigns: a line item is for a zone that this server does not have";
  return { zones, onUnknown: (complaint) => log.warn(`${text}: ${complaint}`) };
}

/** The same as long as nobody has written the file or put another in its place. */
async function describeFile(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch {
    return "nothing";
  }
}
