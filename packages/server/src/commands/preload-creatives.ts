/**
 * Which creatives an ad response names, as a player would find them: breaks, wrappers, pods, stand-ins, and of each creative the
 * media file that core ranks first.
 *
 * @see primetime.md §3.4 (priorities)
 */
import {
  type Ad,
  AdError,
  type AdFailure,
  type AdRequestPorts,
  type Creative,
  creativeKey,
  expandMacros,
  isHls,
  isNamed,
  normaliseCreativeUrl,
  parseVmap,
  rankMediaFiles,
  readXml,
  resolveVast,
  resolveVastText,
  type VastResult,
  type ZoneDocument,
} from "@interlude/core";

/** A document, and the address that its relative URLs are relative to. */
export interface AdResponse {
  readonly text: string;
  readonly base: URL;
}

/** One media file that is to be repackaged; the names are those of the first ad that has it. */
export interface PreloadCreative {
  readonly key: string;
  readonly creativeUrl: string;
  readonly adSystem: string;
  readonly adId: string;
  readonly creativeId: string;
}

/** `notes`: what there is nothing to do about; `failures`: what a viewer would miss. Sentences. */
export interface Collection {
  readonly creatives: readonly PreloadCreative[];
  readonly notes: readonly string[];
  readonly failures: readonly string[];
  /** Whether the response named an ad at all. */
  readonly isAdFound: boolean;
}

export interface CollectOptions {
  readonly zone: ZoneDocument;
  /** Whether creatives that are HLS already are cut anew. */
  readonly includeHls: boolean;
}

/** Of one break, all its wrappers included. */
const TIMEOUT_MS = 30_000;
/** Breaks that are asked for at a time. */
const PARALLEL_BREAKS = 4;
const MAX_URL_LENGTH = 8192;

/**
 * @throws AdError `xml-malformed`, `vast-malformed`, `vast-version`, `vmap-malformed` for a response that cannot be read at all
 */
export async function collectCreatives(
  response: AdResponse,
  ports: AdRequestPorts,
  options: CollectOptions,
): Promise<Collection> {
  const results = await resolveResponse(response, ports);
  const found = new Map<string, PreloadCreative>();
  const notes: string[] = [];
  const failures: string[] = [];
  for (const { ads, failures: failed } of results) {
    for (const failure of failed) (failure.vastError === 303 ? notes : failures).push(describeFailure(failure));
    for (const ad of ads) {
      for (const creative of ad.creatives) {
        const chosen = chooseFile(ad, creative, options);
        if ("note" in chosen) notes.push(chosen.note);
        else if ("failure" in chosen) failures.push(chosen.failure);
        else if (!found.has(chosen.key)) found.set(chosen.key, chosen);
      }
    }
  }
  return { creatives: [...found.values()], notes, failures, isAdFound: results.some(({ ads }) => ads.length > 0) };
}

/** The address of an ad tag as it is asked: the macros that a server can fill are filled. */
export function expandTag(url: string): string {
  return expandMacros(url, macros());
}

function macros() {
  return { TIMESTAMP: new Date(), CACHEBUSTING: Math.floor(Math.random() * 1e8) };
}

async function resolveResponse({ text, base }: AdResponse, ports: AdRequestPorts): Promise<readonly VastResult[]> {
  const root = readXml(text, ports.readXml);
  if (!isNamed(root, "VMAP")) {
    // What is no VAST at all is the operator's mistake, not an ad server's answer.
    if (!isNamed(root, "VAST"))
      throw new AdError("vast-malformed", `expected VAST or VMAP, got <${root.name.slice(0, 40)}>`);
    return [await resolveVastText(root, base, ports, { timeoutMs: TIMEOUT_MS, macros: macros() })];
  }
  const breaks = parseVmap(root, base).breaks.filter(({ breakTypes }) => breakTypes.includes("linear"));
  const results: VastResult[] = [];
  for (let i = 0; i < breaks.length; i += PARALLEL_BREAKS) {
    const some = breaks.slice(i, i + PARALLEL_BREAKS);
    results.push(...(await Promise.all(some.map((one) => resolveBreak(one, base, ports)))));
  }
  return results;
}

type AdBreak = ReturnType<typeof parseVmap>["breaks"][number];

async function resolveBreak({ breakId, source }: AdBreak, base: URL, ports: AdRequestPorts): Promise<VastResult> {
  const { allowMultipleAds, followRedirects } = source;
  const options = { timeoutMs: TIMEOUT_MS, allowMultipleAds, followRedirects, macros: macros() };
  const locate = (result: VastResult): VastResult => ({
    ...result,
    failures: result.failures.map((one) => ({ ...one, message: `break ${breakId}: ${one.message}` })),
  });
  if (source.kind === "vast") return locate(await resolveVastText(source.vast, base, ports, options));
  const url = source.kind === "tag" ? expandTag(source.url) : "";
  if (URL.canParse(url)) return locate(await resolveVast(new URL(url), ports, options));
  const message = `break ${breakId}: expected VASTAdData or AdTagURI, got ${source.kind}`;
  return { ads: [], failures: [{ reason: "no-ads", message, errorUrls: [], vastError: 900, adId: undefined }] };
}

type Choice = PreloadCreative | { readonly note: string } | { readonly failure: string };

function chooseFile(ad: Ad, creative: Creative, { zone, includeHls }: CollectOptions): Choice {
  const name = `ad ${plain(ad.id ?? "") || "without id"}`;
  const [file] = rankMediaFiles(creative, zone.mediaTypes);
  if (file === undefined) {
    if (creative.interactiveOnly) return { note: `${name}: is interactive, players leave it out` };
    const types = [...new Set(creative.mediaFiles.map(({ type }) => plain(type)))].join(", ") || "none";
    return { failure: `${name}: expected a media file of a known type, got ${types}` };
  }
  if (isHls(file) && !includeHls)
    return { note: `${name}: is HLS already and played as it is (--hls has it cut anew)` };
  const creativeUrl = file.url.trim();
  if (creativeUrl.length > MAX_URL_LENGTH || /\p{Cc}/u.test(creativeUrl)) {
    return { failure: `${name}: expected a URL of at most ${MAX_URL_LENGTH} characters, got ${plain(creativeUrl)}` };
  }
  try {
    const key = creativeKey(zone.zone, normaliseCreativeUrl(creativeUrl, zone.normalise));
    const names = { adSystem: plain(ad.adSystem), adId: plain(ad.id ?? ""), creativeId: plain(creative.id ?? "") };
    return { key, creativeUrl, ...names };
  } catch (error) {
    if (!(error instanceof AdError)) throw error;
    return { failure: `${name}: ${error.message}` };
  }
}

/** Text of others on one line, for the API and for a terminal. */
function plain(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, " ")
    .trim()
    .slice(0, 200);
}

function describeFailure({ adId, message }: AdFailure): string {
  const sentence = message.replaceAll("AdError: ", "");
  return plain(adId === undefined || adId === "" ? sentence : `ad ${adId}: ${sentence}`);
}
