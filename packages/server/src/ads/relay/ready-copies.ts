/**
 * The repackaged copies of creatives that ad servers name: where one is, and that it is made where there is none.
 *
 * No page asks for it then, so the relay does: within the quota of the zone, and once in a while for each creative.
 */
import { creativeKey, normaliseCreativeUrl } from "@interlude/core";
import type { ZoneConfig } from "../../zones.ts";
import { type CreativeProgress, type RepackagePort, startRepackage } from "../admission.ts";
import { locateCopy, type PackageName } from "../locate-copy.ts";
import type { Quota } from "../quota.ts";
import type { TicketedNames } from "../repackage-ticket.ts";

/** A media file that is not HLS. */
export interface CopySource {
  readonly creativeUrl: string;
  readonly names: TicketedNames;
}

export interface ReadyCopies {
  /**
   * The master playlist of the copy: absolute, or a path of this server. undefined: none plays yet, and it is asked for, unless it
   * is a file of this server under a name that a stranger may have made up. Never rejects, and takes no longer than a moment.
   *
   * @param base where the client came in
   */
  find(source: CopySource, zone: ZoneConfig, base: URL): Promise<string | undefined>;
}

export interface ReadyCopiesDeps {
  readonly crs: RepackagePort;
  readonly zoneQuota: Quota;
  readonly isMadeUp: (creativeUrl: string, base: URL) => boolean;
  /** ms of a clock that never goes back */
  readonly now: () => number;
  readonly onError: (error: unknown, message: string) => void;
}

/** How long it is known what CRS said; a change that it tells of counts at once. */
const FRESH_MS = 5_000;
/** For which an answer goes by it all the same, and CRS is asked behind: the next answer has what it says. */
const GOOD_MS = 60_000;
/** Between two orders for one creative. */
const ORDER_MS = 30_000;
/** Of a creative that is not known yet, or no more: an ad answer does not wait longer for a database. */
const PATIENCE_MS = 500;
const MAX_KNOWN = 10_000;

interface Known {
  readonly progress: Promise<CreativeProgress | undefined>;
  readonly atMs: number;
  /** When CRS was asked behind it. */
  lookedMs: number;
  /** Of the creative: what is known of it afterwards has the same one. */
  readonly order: { atMs: number };
}

/** `end` stops listening to CRS. */
export function createReadyCopies(deps: ReadyCopiesDeps): ReadyCopies & { readonly end: () => void } {
  const { crs, now } = deps;
  const known = new Map<string, Known>();
  const remember = (id: string, progress: Known["progress"]): Known => {
    const order = known.get(id)?.order ?? { atMs: Number.NEGATIVE_INFINITY };
    const entry = { progress, atMs: now(), lookedMs: now(), order };
    known.delete(id);
    known.set(id, entry);
    const [oldest] = known.keys();
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    return entry;
  };
  const end = crs.subscribe((progress) => {
    const id = `${progress.zone}/${progress.key}`;
    if (known.has(id)) remember(id, Promise.resolve(progress));
  });
  const look = (zone: string, key: string): Known => {
    const id = `${zone}/${key}`;
    const entry = known.get(id);
    const isGood = entry !== undefined && now() - entry.atMs < GOOD_MS;
    if (isGood && now() - entry.lookedMs < FRESH_MS) return entry;
    const tell = (error: unknown): undefined => void deps.onError(error, "CRS did not say how far a creative is");
    const progress = crs.status(zone, key);
    if (!isGood) return remember(id, progress.catch(tell));
    entry.lookedMs = now();
    // what is known stands until there is something newer
    const replace = (newer: CreativeProgress | undefined): void => {
      if (known.get(id) === entry) remember(id, Promise.resolve(newer));
    };
    void progress.then(replace, tell);
    return entry;
  };
  const order = (source: CopySource, zone: ZoneConfig, last: Known["order"]): void => {
    if (now() - last.atMs < ORDER_MS) return;
    last.atMs = now();
    void orderCopy(source, zone, deps);
  };
  return {
    end,
    find: async (source, zone, base) => {
      if (deps.isMadeUp(source.creativeUrl, base)) return undefined;
      const url = normalise(source.creativeUrl, zone);
      if (url === undefined) return undefined;
      const entry = look(zone.zone, creativeKey(zone.zone, url));
      const looked = await awaitOrLate(entry.progress, PATIENCE_MS);
      if (looked === "late") return undefined;
      const copy = looked && looked.state !== "blocked" ? locateAny(looked, zone) : undefined;
      if (copy === undefined && isMissing(looked)) order(source, zone, entry.order);
      return copy;
    },
  };
}

function normalise(creativeUrl: string, zone: ZoneConfig): string | undefined {
  try {
    return normaliseCreativeUrl(creativeUrl, zone.normalise);
  } catch {
    return undefined;
  }
}

/** Nobody works on it. CRS itself knows when a failure may be tried again. */
function isMissing(progress: CreativeProgress | undefined): boolean {
  return progress === undefined || ["absent", "failed", "ready"].includes(progress.state);
}

/** Any that plays everywhere: muxed before fragmented, cut for the zone before a remux with the source's own GOPs. */
function locateAny(progress: CreativeProgress, zone: ZoneConfig): string | undefined {
  const durations = [...zone.targetDurations, 6, 4, 2, 0];
  const wanted: readonly PackageName[] = (["hls", "cmaf"] as const).flatMap((packaging) =>
    durations.map((targetDuration) => ({ packaging, targetDuration })),
  );
  for (const one of wanted) {
    const url = locateCopy(one, progress, zone);
    if (url !== undefined) return url;
  }
  return undefined;
}

async function orderCopy({ creativeUrl, names }: CopySource, zone: ZoneConfig, deps: ReadyCopiesDeps): Promise<void> {
  const { adSystem, adId, creativeId } = names;
  const order = {
    zone: zone.zone,
    creativeUrl,
    packaging: "hls",
    targetDuration: zone.targetDurations[0] ?? 6,
    isFromPage: false,
    ...(adSystem !== "" && { adSystem }),
    ...(adId !== "" && { adId }),
    ...(creativeId !== "" && { creativeId }),
  } as const;
  const counted = { quota: deps.zoneQuota, name: zone.zone, whose: `zone ${zone.zone}` };
  try {
    await startRepackage(order, [counted], deps.crs);
  } catch (error) {
    deps.onError(error, "CRS did not take a creative that an ad server named");
  }
}

async function awaitOrLate<Value>(value: Promise<Value>, timeoutMs: number): Promise<Value | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), timeoutMs);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}
