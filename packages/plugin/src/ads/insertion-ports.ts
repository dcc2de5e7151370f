/**
 * What the flow of one break asks for between the ad server's answer and the splice: set-up, content, CDN and repackaging.
 */
import { type EncounterPolicy, isHls } from "@interlude/core";
import type { ContentPackaging } from "../content/packaging.ts";
import type { Emit } from "../events.ts";
import type { InsertionPorts } from "../insertion.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";
import { createCdn, type SkippedMedia, type SplicedMedia } from "./cdn.ts";
import type { EncounterHost } from "./encounter-host.ts";
import { createEncounterLoader, isSkipOnly, type MeetCold, meetToSkip } from "./first-encounter-loader.ts";
import { followRepackaging, type RepackageExchange, requestRepackage } from "./repackage.ts";
import { guessAddresses, type SetUp } from "./set-up.ts";
import { createStatusPolls } from "./status-polls.ts";

export interface InsertionDeps {
  readonly settings: Settings;
  readonly ports: PluginPorts;
  readonly emit: Emit;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
  readonly encounterHost: EncounterHost;
}

/** What the flow of one break asks of the session. */
export function createInsertionPorts(
  deps: InsertionDeps,
  setUp: Promise<SetUp>,
  content: Promise<ContentPackaging>,
): Omit<InsertionPorts, "requestAds" | "report"> {
  const { settings, ports, emit, ended } = deps;
  const cdn = createCdn(settings, ports);
  const polls = createStatusPolls(ports, ended);
  const loadMedia = async (url: URL): Promise<SplicedMedia | SkippedMedia> => cdn.loadMedia(url, await content);
  const requests = new Map<string, Promise<RepackageExchange>>();
  const followed = new Set<string>();
  const selectPolicy = ({ zone }: SetUp): EncounterPolicy | undefined => settings.firstEncounter ?? zone.firstEncounter;
  const load = async (): Promise<MeetCold> => {
    const policy = selectPolicy(await setUp);
    if (isSkipOnly(policy)) return meetToSkip;
    const { createFirstEncounters } = await import("./encounter-ports.ts");
    return createFirstEncounters({ ...deps, policy, host: deps.encounterHost, cdn, polls, loadMedia });
  };
  const encounters = createEncounterLoader(isSkipOnly(settings.firstEncounter) ? undefined : load, ended);
  let isContentKnown = false;
  void content.then(() => {
    isContentKnown = true;
  });
  return {
    prefetch: (ads) => {
      if (ads.some(({ creatives: [creative] }) => creative?.mediaFiles.some((file) => !isHls(file))))
        encounters.warmUp();
      if (isContentKnown) return;
      const guess = async (): Promise<void> => {
        const known = await setUp;
        const isUrgent = !isSkipOnly(selectPolicy(known));
        for (const url of ads.flatMap((ad) => guessAddresses(ad, known, isUrgent))) void cdn.probe(url);
      };
      // a set-up that fails is told once, by `ready`
      guess().catch(() => undefined);
    },
    context: async (planned) => {
      const [known, { splice, isMuxedFragments, hasSoundApart, isSilent }] = await Promise.all([setUp, content]);
      if (splice.isLive !== (planned.isLive ?? false))
        return { skipped: "policy", message: "live content has no breaks but its avails" };
      if (isSilent && hasSoundApart)
        return {
          skipped: "no-variant-match",
          message:
            "player: expected one that plays sound apart from the pictures, got one that plays the pictures alone",
        };
      if (isMuxedFragments)
        return {
          skipped: "no-variant-match",
          message: "content: expected sound apart from the pictures, got muxed fMP4",
        };
      return { ...known, needs: splice };
    },
    probe: cdn.probe,
    loadMedia,
    meetCold: encounters.meetCold,
    requestRepackage: (request, ad) => {
      const name = JSON.stringify([request.key, request.cut]);
      const exchange = requests.get(name) ?? requestRepackage(request, ad, settings, ports);
      requests.set(name, exchange);
      void exchange.then(() => requests.delete(name));
      return exchange;
    },
    maxAds: settings.maxAds,
    followRepackaging: (statusUrl, about) => {
      if (!settings.followRepackaging || followed.has(statusUrl.href)) return;
      followed.add(statusUrl.href);
      const title = "CRS creates an HLS version and uploads it to the CDN";
      const step = { ...about, step: 6, title, method: "GET", url: statusUrl.href } as const;
      followRepackaging(statusUrl, polls, ({ state, progress, status, ms }) =>
        emit("workflowstep", { ...step, state, progress, status, ms }),
      );
    },
  };
}
