/**
 * What the first encounters of one insertion are done with: the status URL and the CDN for `wait`, the page's own remuxer for `remux`.
 */
import {
  type EncounterPolicy,
  type JitContext,
  masterPath,
  type RepackageRequest,
  type StepOutcome,
} from "@interlude/core";
import type { Emit } from "../events.ts";
import { loadRemux } from "../load-remux.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";
import { fetchRange } from "../remux/fetch-range.ts";
import type { Cdn, SkippedMedia, SplicedMedia } from "./cdn.ts";
import { createDevice } from "./device-facts.ts";
import { type ColdAd, type FirstEncounter, meetCold, playInTime } from "./first-encounter.ts";
import type { FoundMedia } from "./hls-copy.ts";
import type { EncounterHost } from "./encounter-host.ts";
import { createRemuxStep } from "./remux-step.ts";
import type { StatusPolls } from "./status-polls.ts";
import { createVirtualMediaShelf } from "./virtual-media.ts";
import { waitForCopy } from "./wait-for-copy.ts";

export interface EncounterDeps {
  readonly settings: Settings;
  /** Undefined: what is best by what is known. */
  readonly policy: EncounterPolicy | undefined;
  readonly ports: PluginPorts;
  readonly emit: Emit;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
  readonly host: EncounterHost;
  readonly cdn: Cdn;
  readonly polls: StatusPolls;
  readonly loadMedia: (url: URL) => Promise<SplicedMedia | SkippedMedia>;
}

export function createFirstEncounters(deps: EncounterDeps): (cold: ColdAd, context: JitContext) => FirstEncounter {
  const { settings, policy, ports, emit, ended, host } = deps;
  const { bandwidthBps } = host;
  const openRemux = createRemuxStep({
    load: () => loadRemux(settings.remuxUrl),
    shelf: createVirtualMediaShelf(),
    fetchRange,
    maxBytes: settings.remuxMaxBytes,
    now: ports.now,
    createId: ports.createId,
    ended,
  });
  let device: ReturnType<typeof createDevice> | undefined;
  return (cold, context) =>
    meetCold(cold, {
      policy,
      maxBytes: settings.remuxMaxBytes,
      emit,
      now: ports.now,
      ended,
      device: () => (device ??= createDevice(globalThis.navigator))(),
      bandwidthBps,
      canAsk: settings.repackageUrl !== undefined,
      openRemux: () => {
        const { needs } = context;
        if (needs.isAudioOnly) return "expected content with pictures, got sound alone";
        const serve = host.serveVirtual();
        if (!serve) return "the player takes no segments from the page, or not beside this content";
        const { planned, terms } = cold;
        // in a player that asks once all breaks are due at the start
        const timeToBreak = planned.position === "pre" ? () => Number.NEGATIVE_INFINITY : terms.timeToBreak;
        return (file, { creative: { duration } }) =>
          openRemux({ file, duration, needs, timeToBreak, serve, bandwidthBps });
      },
      waitForCopy: (statusUrl, request, left) => takeCopy(statusUrl, request, left, context, deps),
    });
}

/** Waits for the copy and loads it, from where its address is derived to be; where that CDN lags, from where CRS says. */
async function takeCopy(
  statusUrl: URL,
  { zone, key, cut }: RepackageRequest,
  left: () => number,
  { cdnBase, needs }: JitContext,
  { polls, cdn, ended, loadMedia }: EncounterDeps,
): Promise<StepOutcome<FoundMedia>> {
  const found = await waitForCopy(statusUrl, { left }, { watch: polls.watch, ended, takesRemux: !needs.isLive });
  if ("skipped" in found) return found;
  const made = found.isRemux ? { ...cut, targetDuration: 0 } : cut;
  const derived = new URL(masterPath(zone, key, made), cdnBase);
  // that it was not there a moment ago is remembered
  cdn.forget(derived);
  const load = async (): Promise<StepOutcome<FoundMedia>> => {
    try {
      return await loadCopy(derived, loadMedia);
    } catch (cause) {
      if (found.url.href === derived.href) throw cause;
      return loadCopy(found.url, loadMedia);
    }
  };
  return playInTime(load(), left, ended);
}

async function loadCopy(url: URL, loadMedia: EncounterDeps["loadMedia"]): Promise<StepOutcome<FoundMedia>> {
  const media = await loadMedia(url);
  if ("skipped" in media) return media;
  const { misfit = "no-variant-match" } = media;
  if (media.renditions.length === 0) return { skipped: misfit, message: `${url.href}: no rendition fits the content` };
  return { media: { ...media, mediaUrl: url.href } };
}
