/**
 * What stands between the options and the first playlist: the requests that take longest are sent, and everything else is loaded while
 * they are answered.
 */
import type { TextResponse } from "@interlude/core";
import { askEarly, createAdRequests } from "./ads/ad-requests.ts";
import { createMacroFiller } from "./ads/macro-values.ts";
import type { Emit } from "./events.ts";
import type { HostLink } from "./host-link.ts";
import type { AdInsertionOptions, Settings } from "./options.ts";
import type { HostAbilities, LoadedParts } from "./parts.ts";
import type { PagePorts } from "./ports.ts";
import type { Session, SessionDeps } from "./session.ts";
import { describeError } from "./tap.ts";

export interface LoadDeps {
  readonly options: AdInsertionOptions;
  readonly abilities: HostAbilities;
  readonly ports: PagePorts;
  readonly emit: Emit;
  readonly link: HostLink;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

/**
 * @param settings the options, parsed; or why they could not be
 * @throws AdError `option-invalid`, and whatever `import()` throws
 */
export async function loadParts(
  settings: Settings | { readonly cause: unknown },
  deps: LoadDeps,
): Promise<LoadedParts> {
  const checked = reportOptions(deps);
  if ("cause" in settings) {
    await checked;
    throw settings.cause;
  }
  const { abilities, ports, emit, link, ended } = deps;
  const filler = createFiller(settings, deps);
  const requests = createAdRequests(settings, ports, emit, filler);
  const zone = fetchZone(settings, ports);
  if (!settings.server) askEarly(settings, requests);
  const [{ buildParts }, createSession] = await Promise.all([
    import("./build-parts.ts"),
    loadSession(settings),
    checked,
  ]);
  // nothing is begun that nobody could end
  ended.throwIfAborted();
  const { host } = link;
  const parts = buildParts({
    settings,
    ports,
    emit,
    requests,
    filler,
    zone,
    abilities,
    createSession,
    host,
    ended,
  });
  await link.setParts(parts);
  return parts;
}

async function reportOptions({ options, emit }: LoadDeps): Promise<void> {
  const { checkOptions } = await import("./option-types.ts");
  for (const cause of checkOptions(options)) emit("error", describeError(cause, false));
}

function createFiller(settings: Settings, { abilities, link, ended }: LoadDeps): ReturnType<typeof createMacroFiller> {
  const filler = createMacroFiller({
    ...settings,
    player: () => abilities.player,
    media: () => link.host()?.media(),
    contentUrl: () => link.host()?.contentUrl?.(),
    start: () => link.parts()?.viewing.start(),
  });
  ended.addEventListener("abort", filler.release);
  return filler;
}

/** Pages whose ads a server puts in load nothing of what puts them in here, and the reverse. */
async function loadSession({ server }: Settings): Promise<(deps: SessionDeps) => Session> {
  if (server) return (await import("./sessions/server-session.ts")).createServerSession;
  return (await import("./session.ts")).createSession;
}

const MAX_ZONE_BYTES = 262_144;

function fetchZone({ zoneUrl, zone: known, zoneTimeoutMs }: Settings, ports: PagePorts): Promise<TextResponse> {
  if (!zoneUrl || known) return new Promise(() => undefined);
  const zone = ports.fetchText(zoneUrl, { timeoutMs: zoneTimeoutMs, maxBytes: MAX_ZONE_BYTES });
  // whoever reads it is told
  zone.catch(() => undefined);
  return zone;
}
