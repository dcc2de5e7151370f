/**
 * The way into a session that a manifest server stitches: the bootstrap URL, and what the server answers.
 *
 * @see primetime.md §1.2-1.4; docs/manifest-server.md (parameters)
 */
import { AdError, type FetchText } from "@interlude/core";
import { parseJson, readMember } from "./json.ts";
import { createBrowserPorts } from "./ports.ts";

/** Addresses, and the parameters of primetime.md §1.4 that a client sets; what is left out is left to the server. */
export interface BootstrapOptions {
  /** The manifest server; scheme, host and port count. Relative to the page. */
  readonly server: string | URL;
  /** The publisher's name of the content, 1 to 200 characters. */
  readonly asset: string;
  /** The content's master playlist, absolute, at most 2,048 characters. */
  readonly contentUrl: string | URL;
  /** `z`: the customer account. */
  readonly zone: string | number;
  /** `u`: MD5 of the ad request id, in hexadecimal; for the ad server. */
  readonly adRequestHash?: string;
  /** `_sid_`: names the viewing for the ad server; the session itself gets another name. */
  readonly session?: string;
  /** `g`: device type, for the ad server. */
  readonly device?: string | number;
  /** `k`: targeting, for the ad server. Neither names nor values can hold `;` or `=`. */
  readonly targeting?: Readonly<Record<string, string>>;
  /** `live`. Left out: the server looks. */
  readonly live?: boolean;
  /** `enableC3`: which avails of VOD content give way to ads. Left out: none, ads are inserted. */
  readonly replace?: "local" | "all";
  /** `pabimode`: who comes during a live break gets it from its beginning. */
  readonly partialBreak?: boolean;
  /** `ptadtimeout`, milliseconds: all ad requests of a break. */
  readonly adTimeoutMs?: number;
  /** `ptadwindow`, seconds, 0 to 1800: how far back cues count when a viewer comes. */
  readonly adWindow?: number;
  /** `ptassetid`: the publisher's content id, for Akamai's edge. */
  readonly assetId?: string;
  /** `ptcdn`: which CDN ads come from; of several the first that the zone has. */
  readonly cdn?: string | readonly string[];
  /** `ptcueformat`: dialect of the cues. */
  readonly cueFormat?: string;
  /** `ptdebug`: debug headers; for tests. */
  readonly debug?: boolean | "AdCall" | "Header";
  /** `ptfailover`: primary and backup renditions are two sessions. */
  readonly failover?: boolean;
  /** `ptmulticall`: one ad request per avail of VOD content. */
  readonly multiCall?: boolean;
  /** `ptparallelstream`: the same ads in sound and picture. */
  readonly parallelStream?: boolean;
  /** `ptplayer`: no pre-roll, ID3, and a bootstrap in JSON. */
  readonly player?: "ios-mobileweb";
  /** `ptprotoswitch`: names of the zone's rewrite rules. */
  readonly rewriteRules?: readonly string[];
  /** `pttagds`: EXT-X-DISCONTINUITY-SEQUENCE in every playlist. */
  readonly discontinuitySequence?: boolean;
  /** `pttimeline`: pods and chapters of VOD content, as primetime.md §1.6 writes them. */
  readonly timeline?: string;
  /** `pttoken`: a token on every segment. */
  readonly token?: "akamai" | "limelight" | "centurylink";
  /**
   * `pttrackingmode` and `pttrackingversion`: who requests tracking URLs, and how the client is told. `marker`, the default, is the
   * mode without a name. The version is `vmap` where it is left out. The option `server.tracking` of the insertion has to say the same.
   */
  readonly tracking?:
    "marker" | { readonly mode: "simple" | "sstm" | "simplesstm"; readonly version?: "v1" | "v2" | "v3" | "vmap" };
  /** `scteTracking`: cues in the v2 sidecar. */
  readonly scteTracking?: boolean;
  /** `vetargetmultiplier`: so many target durations before the edge is the live pre-roll. */
  readonly preRollTargetDurations?: number;
  /** `vebufferLength`, seconds: added to that. */
  readonly preRollOffset?: number;
  /** `vttdisc`: discontinuities around ads in live subtitle playlists. */
  readonly subtitleDiscontinuities?: boolean;
  /** More, for the ad server. A parameter that an option above names is not among them. */
  readonly parameters?: Readonly<Record<string, string>>;
}

type Value = string | number | boolean | undefined;

const MAX_CONTENT_URL = 2048;
const MAX_QUERY = 8192;

/**
 * Asks nobody.
 *
 * @param base for a relative `server`; absent: the page's address
 * @throws AdError `option-invalid` naming the option
 */
export function bootstrapUrl(options: BootstrapOptions, base: string | undefined = globalThis.location?.href): URL {
  const server = parseUrl("server", options.server, base);
  const content = parseUrl("contentUrl", options.contentUrl, undefined);
  const { asset } = options;
  demand(/^[^\p{Cc}]{1,200}$/u.test(asset) && !/^\.\.?$/.test(asset), "asset", "a name of 1 to 200 characters", asset);
  demand(content.href.length <= MAX_CONTENT_URL, "contentUrl", `at most ${MAX_CONTENT_URL} characters`, content.href);
  demand(String(options.zone) !== "", "zone", "the zone's name", options.zone);
  const url = new URL(`/auditude/variant/${encodeURIComponent(asset)}/${toBase64Url(content.href)}.m3u8`, server);
  const parameters = listParameters(options);
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, String(value));
  for (const [name, value] of Object.entries(options.parameters ?? {})) {
    demand(!(name in parameters), `parameters.${name}`, "the option of its own", value);
    url.searchParams.set(name, value);
  }
  demand(url.search.length <= MAX_QUERY, "parameters", `at most ${MAX_QUERY} characters in all`, url.search.length);
  return url;
}

function listParameters(options: BootstrapOptions): Readonly<Record<string, Value>> {
  const { tracking = "marker", replace, cdn } = options;
  return {
    u: options.adRequestHash,
    z: options.zone,
    _sid_: options.session,
    g: options.device,
    k: formatTargeting(options.targeting),
    live: options.live,
    enableC3: replace && replace === "local",
    pabimode: options.partialBreak,
    ptadtimeout: requireNumber("adTimeoutMs", options.adTimeoutMs),
    ptadwindow: requireNumber("adWindow", options.adWindow, 1800),
    ptassetid: options.assetId,
    ptcdn: typeof cdn === "object" ? cdn.join(",") : cdn,
    ptcueformat: options.cueFormat,
    ptdebug: options.debug === false ? undefined : options.debug,
    ptfailover: options.failover,
    ptmulticall: options.multiCall,
    ptparallelstream: options.parallelStream,
    ptplayer: options.player,
    ptprotoswitch: options.rewriteRules?.join(","),
    pttagds: options.discontinuitySequence,
    pttimeline: options.timeline,
    pttoken: options.token,
    pttrackingmode: tracking === "marker" ? undefined : tracking.mode,
    pttrackingversion: tracking === "marker" ? undefined : (tracking.version ?? "vmap"),
    scteTracking: options.scteTracking,
    vetargetmultiplier: requireNumber("preRollTargetDurations", options.preRollTargetDurations),
    vebufferLength: requireNumber("preRollOffset", options.preRollOffset),
    vttdisc: options.subtitleDiscontinuities,
  };
}

function formatTargeting(targeting: Readonly<Record<string, string>> = {}): string | undefined {
  const pairs = Object.entries(targeting);
  for (const [name, value] of pairs) demand(!/[;=]/.test(name + value), `targeting.${name}`, "no ; or =", value);
  return pairs.length === 0 ? undefined : pairs.map((pair) => pair.join("=")).join(";");
}

function requireNumber(name: string, value: number | undefined, max = Number.POSITIVE_INFINITY): number | undefined {
  if (value !== undefined)
    demand(Number.isFinite(value) && value >= 0 && value <= max, name, `a number from 0 to ${max}`, value);
  return value;
}

function parseUrl(name: string, value: string | URL, base: string | undefined): URL {
  const url = URL.canParse(value, base) ? new URL(value, base) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw wrong(name, "an http(s) URL", String(value));
}

function demand(isRight: boolean, name: string, expected: string, got: unknown): void {
  if (!isRight) throw wrong(name, expected, got);
}

function wrong(name: string, expected: string, got: unknown): AdError {
  return new AdError("option-invalid", `bootstrap ${name}: expected ${expected}, got ${JSON.stringify(got)}`);
}

/** Without padding, as in Primetime's examples. */
function toBase64Url(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What a session begins with. */
export interface Bootstrapped {
  /** The session's master playlist: what the player is given. */
  readonly masterUrl: URL;
}

export interface BootstrapRequest {
  /** `include` sends cookies, which Primetime's servers keep sessions by. Default `omit`. */
  readonly credentials?: "omit" | "include";
  /** Default 5000. */
  readonly timeoutMs?: number;
  /** For tests; absent: the browser's own. */
  readonly fetchText?: FetchText;
}

const MAX_BYTES = 5_000_000;

/**
 * Opens a session, whether the server answers with JSON (`pttrackingmode=simple`, `ptplayer=ios-mobileweb`) or with a redirect. A
 * player can be given the bootstrap URL itself only where the answer is a redirect.
 *
 * @throws AdError `upstream-status` with the server's own code and sentence, `upstream-timeout`, `upstream-unreachable`,
 * `response-too-large`; `playlist-malformed` for an answer that is neither, `url-malformed` for a master that is not http(s)
 */
export async function bootstrap(url: string | URL, request: BootstrapRequest = {}): Promise<Bootstrapped> {
  const { credentials = "omit", timeoutMs = 5000 } = request;
  const fetchText = request.fetchText ?? createBrowserPorts(new AbortController().signal, credentials).fetchAds;
  const answer = await fetchText(parseUrl("url", url, globalThis.location?.href), { timeoutMs, maxBytes: MAX_BYTES });
  const at = answer.url.href;
  if (answer.status !== 200) {
    const said = readMember(readMember(parseJson(answer.text), "error"), "message");
    const message = `bootstrap at ${at}: expected status 200, got ${answer.status}${typeof said === "string" ? ` (${said.slice(0, 200)})` : ""}`;
    throw new AdError("upstream-status", message, { url: at });
  }
  if (
    answer.text
      .trimStart()
      .replace(/^\uFEFF/, "")
      .startsWith("#EXTM3U")
  )
    return { masterUrl: answer.url };
  const master = readMember(parseJson(answer.text), "Master-M3U8");
  if (typeof master !== "string") {
    const got = JSON.stringify(answer.text.slice(0, 40));
    const message = `bootstrap at ${at}: expected a master playlist or {"Master-M3U8": …}, got ${got}`;
    throw new AdError("playlist-malformed", message, { url: at });
  }
  const masterUrl = URL.canParse(master, answer.url) ? new URL(master, answer.url) : undefined;
  if (masterUrl?.protocol === "http:" || masterUrl?.protocol === "https:") return { masterUrl };
  const message = `bootstrap at ${at}: expected an http(s) Master-M3U8, got ${JSON.stringify(master.slice(0, 80))}`;
  throw new AdError("url-malformed", message, { url: at });
}
