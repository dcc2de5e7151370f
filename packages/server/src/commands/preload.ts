/** `interlude preload`: the creatives of an ad response, repackaged before any viewer comes. */
import { readFile, stat } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { MAX_XML_BYTES, TARGET_DURATIONS } from "@interlude/core";
import { readSecret, readText } from "../environment.ts";
import { parseXml } from "../xml.ts";
import { type Command, readArguments, UsageError } from "./command.ts";
import { fetchOpenText } from "./open-fetch.ts";
import { createPreloadClient } from "./preload-client.ts";
import { type AdResponse, collectCreatives, expandTag } from "./preload-creatives.ts";
import { createDisplay, formatTable } from "./preload-display.ts";
import { followCreatives, formatCut, type PreloadResult, type WantedCut } from "./preload-follow.ts";

const NAME = "interlude preload";

const HELP = `Usage: interlude preload <url|file> [options]

Asks an ad server for its VAST or VMAP (or reads one from a file), finds every creative in it as a player would, wrappers, pods and
stand-ins included, and has a running server repackage what is not HLS. No tracker is fired.

  --server <url>             the server (INTERLUDE_URL, else http://127.0.0.1:8080)
  --token-file <file>        its API token (else INTERLUDE_API_TOKEN)
  --zone <zone>              the zone (1)
  --target-duration <s>      6, 4 or 2; several by commas (those of the zone)
  --packaging <name>         hls or cmaf; both by a comma (hls)
  --id3                      with timed metadata in the segments
  --hls                      creatives that are HLS already are cut anew, too
  --base <url>               what relative addresses in a file are relative to
  --timeout <s>              what is not ready by then has failed (no end)
  --no-wait                  ask, and do not wait for the end

Exit code: 0 all are ready (with --no-wait: accepted), 1 one is not, or the server or the ad response could not be read, 2 typed wrongly.
`;

const OPTIONS = {
  server: { type: "string" },
  "token-file": { type: "string" },
  zone: { type: "string", default: "1" },
  "target-duration": { type: "string", multiple: true },
  packaging: { type: "string", multiple: true },
  id3: { type: "boolean", default: false },
  hls: { type: "boolean", default: false },
  base: { type: "string" },
  timeout: { type: "string", default: "" },
  "no-wait": { type: "boolean", default: false },
} as const;

async function preload(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(NAME, { args: [...args], options: OPTIONS, allowPositionals: true });
  const [source, ...others] = positionals;
  if (source === undefined || others.length > 0) {
    throw new UsageError(`expected one URL or file, got ${positionals.length}`, NAME);
  }
  const { zone: zoneName, id3 } = values;
  if (!/^[\w-]{1,64}$/.test(zoneName)) throw wrongOption("zone", "letters, digits, _ or -", zoneName);
  const targetDurations = readDurations(values["target-duration"] ?? []);
  const packagings = readList(values.packaging ?? [], ["hls", "cmaf"], "packaging");
  const server = readServer(values.server ?? readText(process.env, "INTERLUDE_URL") ?? "http://127.0.0.1:8080");
  const base = values.base === undefined ? undefined : readUrl("base", values.base);
  const patience = readPatience(values.timeout);
  const token = await readToken(values["token-file"]);

  const client = createPreloadClient({ server, token, zone: zoneName, id3 });
  const zone = await client.zone();
  const display = createDisplay(process.stdout);
  const ports = { fetchText: fetchOpenText, readXml: parseXml };
  const response = await readResponse(source, base);
  const found = await collectCreatives(response, ports, { zone, includeHls: values.hls }).catch((cause: unknown) => {
    throw new Error(`${source}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  for (const note of found.notes) display.print(`note: ${note}`);
  for (const failure of found.failures) process.stderr.write(`${failure}\n`);
  if (found.creatives.length === 0) {
    // All of it is left alone for a reason that was said; an answer without an ad is another matter.
    if (found.failures.length === 0 && found.isAdFound) return 0;
    process.stderr.write(`${source}: expected a creative to repackage, got none\n`);
    return 1;
  }
  const cuts = (packagings.length > 0 ? packagings : ["hls"]).flatMap((packaging) =>
    (targetDurations.length > 0 ? targetDurations : zone.targetDurations).map((targetDuration) => ({
      packaging,
      targetDuration,
    })),
  );
  const isWaiting = !values["no-wait"];
  const results = await followCreatives(found.creatives, client, display, { cuts, isWaiting, patience });
  display.end(formatSummary(results, cuts));
  const isFailed = ({ failure, state }: PreloadResult): boolean => failure !== undefined || state === "queue full";
  return found.failures.length > 0 || results.some(isFailed) ? 1 : 0;
}

function wrongOption(name: string, expected: string, got: string): UsageError {
  return new UsageError(`--${name}: expected ${expected}, got ${JSON.stringify(got.slice(0, 200))}`, NAME);
}

/** Entries between commas, of any number of options; each once. */
function readList(given: readonly string[], choices: readonly string[], name: string): readonly string[] {
  const entries = given.flatMap((text) => text.split(",")).map((entry) => entry.trim());
  for (const entry of entries) {
    if (!choices.includes(entry)) throw wrongOption(name, `one of ${choices.join(", ")}`, entry);
  }
  return [...new Set(entries)];
}

function readDurations(given: readonly string[]): readonly number[] {
  return readList(given, TARGET_DURATIONS.map(String), "target-duration").map(Number);
}

function readPatience(text: string): number {
  if (text === "") return Number.POSITIVE_INFINITY;
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw wrongOption("timeout", "whole seconds", text);
}

function readUrl(name: string, text: string): URL {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  throw wrongOption(name, "an http or https URL", text);
}

/** The server's address with a slash at its end, since it may live below a path. */
function readServer(text: string): URL {
  const url = readUrl("server", text);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  url.search = "";
  url.hash = "";
  return url;
}

async function readToken(file: string | undefined): Promise<string> {
  const text = file === undefined ? undefined : await readWhole(file, "--token-file");
  const token =
    text === undefined
      ? readSecret(process.env, "INTERLUDE_API_TOKEN")
      : readSecret({ [file ?? ""]: text }, file ?? "");
  if (token !== undefined) return token;
  throw new UsageError("expected the server's API token in INTERLUDE_API_TOKEN or --token-file, got none", NAME);
}

async function readWhole(file: string, what: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_XML_BYTES) throw new Error(`${size} bytes, where at most ${MAX_XML_BYTES} are read`);
    return await readFile(file, "utf8");
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${what}: expected a file that can be read, got ${got}`, { cause });
  }
}

/** An ad response over HTTP, or from a file: of that, relative addresses are dropped unless a base is given. */
async function readResponse(source: string, base: URL | undefined): Promise<AdResponse> {
  if (!/^https?:\/\//i.test(source)) {
    const text = await readWhole(source, source);
    return { text, base: base ?? pathToFileURL(source) };
  }
  const expanded = expandTag(source);
  if (!URL.canParse(expanded)) throw new UsageError(`expected a URL or a file, got ${JSON.stringify(source)}`, NAME);
  const { status, text, url } = await fetchOpenText(new URL(expanded), { timeoutMs: 30_000, maxBytes: MAX_XML_BYTES });
  if (status < 200 || status > 299) throw new Error(`${url.href}: expected an ad response, got status ${status}`);
  return { text, base: base ?? url };
}

function formatSummary(results: readonly PreloadResult[], cuts: readonly WantedCut[]): string {
  const rows = results.map(({ name, state, failure, seconds }) => [
    name,
    state,
    seconds > 0 ? `${seconds.toFixed(1)} s` : "",
    failure ?? (state === "ready" ? cuts.map(formatCut).join(", ") : ""),
  ]);
  const ready = results.filter(({ state, failure }) => state === "ready" && failure === undefined).length;
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  const others = results.length - ready - failed;
  const counts = [`${ready} ready`, `${failed} failed`, ...(others > 0 ? [`${others} under way`] : [])].join(", ");
  const total = `${results.length} ${results.length === 1 ? "creative" : "creatives"}: ${counts}`;
  return `${formatTable([["creative", "state", "time", "packages or reason"], ...rows])}\n\n${total}`;
}

export const preloadCommand: Command = { help: HELP, run: preload };
