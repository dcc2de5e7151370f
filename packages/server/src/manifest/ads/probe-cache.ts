/**
 * Which creatives are on the CDN: asked by GET of their master playlist, so that a hit brings it along.
 *
 *   hit         → stays one for 30 minutes; the playlist behind it may be replaced by a better one, so once its max-age is over
 *                 it is fetched anew, and nobody waits for that
 *   miss, error → two seconds
 *
 * One request is under way per address, however many viewers ask.
 *
 * @see DESIGN §5 (the master is replaced, a hit means complete); primetime.md §3.2 steps 2 and 3
 */
import type { ProbeResult } from "@interlude/core";
import type { ManifestFetch, ManifestResponse } from "../manifest-fetch.ts";
import { timeAdManifest } from "./manifest-timing.ts";
import type { RequestTrace } from "../trace.ts";
import { createWeightedLru } from "../weighted-lru.ts";

/** `playlist` stands with a hit alone; its `url` is the address after redirects. */
export interface Probe {
  readonly result: ProbeResult;
  /** undefined: no answer came. */
  readonly status: number | undefined;
  readonly playlist: { readonly text: string; readonly url: URL } | undefined;
  /** What went wrong, where the result is `error`. */
  readonly cause: unknown;
}

export interface ProbeCache {
  /** Whether a repackaged creative is there. Never rejects. */
  probe(url: URL, trace: RequestTrace): Promise<Probe>;
  /** The same for a playlist that is known to be somewhere, HLS that an ad server named say: no probe in the metrics. */
  load(url: URL, trace: RequestTrace): Promise<Probe>;
  /** Somebody knows that it is there now: what says otherwise counts no more. */
  askAnew(url: URL): void;
}

export interface ProbeCacheDeps {
  readonly fetch: ManifestFetch;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Of one request; default 3 s. */
  readonly timeoutMs?: number;
  /** Of all that is kept, about; default 32 MB. */
  readonly maxBytes?: number;
  /** Told of each probe that asked the CDN, for metrics. */
  readonly onProbe?: (result: ProbeResult) => void;
  /** Told of each probe whose answer was known already, or asked for by another one. */
  readonly onReuse?: (result: ProbeResult) => void;
}

const HIT_MS = 30 * 60_000;
const MISS_MS = 2000;
/** Where an answer has no max-age; less than a second is not believed. */
const DEFAULT_MAX_AGE_MS = 60_000;
const MIN_MAX_AGE_MS = 1000;
const MAX_BYTES = 1_000_000;
/** What an entry takes beside its text. */
const ENTRY_BYTES = 500;
const MISSES: readonly number[] = [404, 410];
const HEADERS = { "user-agent": "Interlude" } as const;

interface Entry {
  readonly probe: Probe;
  readonly staleAt: number;
  readonly goneAt: number;
}

export function createProbeCache(deps: ProbeCacheDeps): ProbeCache {
  const { now, timeoutMs = 3000, maxBytes = 32_000_000 } = deps;
  const entries = createWeightedLru<Entry>(maxBytes);
  const probing = new Map<string, { readonly asked: Promise<Probe>; readonly isAnew: boolean }>();

  const keep = (key: string, probe: Probe, maxAgeMs: number): void => {
    const known = entries.get(key);
    const isHit = probe.result === "hit";
    const at = now();
    // A hit stays a hit: what fails when it is fetched anew is tried again later.
    const kept = !isHit && known?.probe.result === "hit" && at < known.goneAt ? known.probe : probe;
    const goneAt = isHit ? at + HIT_MS : kept === probe ? at + MISS_MS : (known?.goneAt ?? at);
    const weight = (kept.playlist?.text.length ?? 0) * 2 + key.length * 2 + ENTRY_BYTES;
    entries.set(key, { probe: kept, staleAt: at + (isHit ? maxAgeMs : MISS_MS), goneAt }, weight);
  };
  const ask = (key: string, url: URL, isAnew = false): Promise<Probe> => {
    const running = probing.get(key);
    if (running && (running.isAnew || !isAnew)) return running.asked;
    const asked = fetchProbe(url, timeoutMs, deps.fetch).then(({ probe, maxAgeMs }) => {
      if (probing.get(key)?.asked === asked) probing.delete(key);
      keep(key, probe, maxAgeMs);
      return probe;
    });
    probing.set(key, { asked, isAnew });
    return asked;
  };

  const load: ProbeCache["load"] = (url, trace) => {
    const key = url.href;
    const known = entries.get(key);
    const at = now();
    if (!known || at >= known.goneAt) {
      trace.adManifestMisses++;
      return timeAdManifest(trace, ask(key, url));
    }
    if (at >= known.staleAt) void ask(key, url);
    trace.adManifestHits++;
    return Promise.resolve(known.probe);
  };

  return {
    load,
    askAnew: (url) => {
      if (entries.get(url.href)?.probe.result === "hit") return;
      entries.delete(url.href);
      void ask(url.href, url, true);
    },
    probe: async (url, trace) => {
      const known = entries.get(url.href);
      const isReused = probing.has(url.href) || (known !== undefined && now() < known.goneAt);
      const probe = await load(url, trace);
      if (isReused) deps.onReuse?.(probe.result);
      else deps.onProbe?.(probe.result);
      return probe;
    },
  };
}

async function fetchProbe(
  url: URL,
  timeoutMs: number,
  fetch: ManifestFetch,
): Promise<{ readonly probe: Probe; readonly maxAgeMs: number }> {
  try {
    const response = await fetch(url, { headers: HEADERS, timeoutMs, maxBytes: MAX_BYTES });
    const { status } = response;
    const isHit = status === 200 && response.text.startsWith("#EXTM3U");
    const result = isHit ? "hit" : MISSES.includes(status) ? "miss" : "error";
    const playlist = isHit ? { text: response.text, url: response.url } : undefined;
    const cause = result === "error" ? `${url.href}: expected a playlist, got status ${status}` : undefined;
    return { probe: { result, status, playlist, cause }, maxAgeMs: readMaxAge(response) };
  } catch (cause) {
    const probe = { result: "error", status: undefined, playlist: undefined, cause } as const;
    return { probe, maxAgeMs: MISS_MS };
  }
}

function readMaxAge({ headers }: ManifestResponse): number {
  const control = headers.get("cache-control") ?? "";
  const seconds = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(control)?.[1];
  if (seconds === undefined) return /no-(?:store|cache)/i.test(control) ? MIN_MAX_AGE_MS : DEFAULT_MAX_AGE_MS;
  return Math.max(MIN_MAX_AGE_MS, Number(seconds) * 1000);
}
