/**
 * One stitch of a 300-segment playlist, parse included, against hls-parser's parse and stringify of the same text, which inserts
 * nothing, and against @eyevinn/hls-splice, which inserts the same ad. The sides alternate in one run; the numbers are medians.
 *
 * Budgets (DESIGN §11): at least 3 times faster than hls-parser on a plain list, at least 20 times with a date on each segment and
 * a key every ten.
 */
import { Readable } from "node:stream";
import HlsSpliceVod from "@eyevinn/hls-splice";
import { emptyTimeline, parseMediaPlaylist, stitchLive, stitchVod } from "@interlude/core";
import * as HlsParser from "hls-parser";

/** Microseconds per stitch; `ratio` is theirs to ours, `required` what the budget asks of it. */
export interface StitchResult {
  readonly name: string;
  readonly against: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly required: number | undefined;
}

const SEGMENTS = 300;
const TEXTS = 20;
const WARM_UP = 300;
const ROUNDS = 400;
const BANDWIDTH = 2_000_000;
const CONTENT_URL = new URL("https://content.example/v/master.m3u8");
const AD_URL = new URL("https://ads.example/x/master.m3u8");
const CONTENT = { url: CONTENT_URL, bandwidthBps: BANDWIDTH, kind: "main" as const };

/** `variant` makes texts of one shape differ, so that no engine answers from a cache of strings. */
function writeContent(variant: number, isRich: boolean, isLive: boolean): string {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:6", `#EXT-X-MEDIA-SEQUENCE:${variant}`];
  for (let index = 0; index < SEGMENTS; index++) {
    if (isRich && index % 10 === 0) lines.push(`#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/${index}"`);
    if (isRich) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Date.UTC(2026, 0, 1) + index * 6000).toISOString()}`);
    if (isLive && index === 290) lines.push("#EXT-X-CUE-OUT:ID=1,DURATION=24");
    lines.push("#EXTINF:6.000,", `segment-${variant}-${index}.ts`);
  }
  return [...lines, ...(isLive ? [] : ["#EXT-X-ENDLIST"]), ""].join("\n");
}

function writeAd(): string {
  const segments = [0, 1, 2, 3].map((index) => `#EXTINF:6.000,\nad-${index}.ts\n`).join("");
  return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n${segments}#EXT-X-ENDLIST\n`;
}

function stitchOnce(text: string, isLive: boolean): string {
  const rendition = { bandwidthBps: 1_000_000, url: AD_URL, playlist: parseMediaPlaylist(writeAd()) };
  const pod = { breakId: "1", ads: [{ adId: "x", renditions: [rendition] }] };
  if (!isLive) return stitchVod(text, CONTENT, [{ ...pod, time: 300 }]).text;
  const decisions = new Map([["1", { kind: "pod" as const, pod, availDuration: 24 }]]);
  return stitchLive(text, CONTENT, emptyTimeline(), decisions).text;
}

async function spliceOnce(text: string): Promise<string> {
  const master = `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=${BANDWIDTH}\nmedia.m3u8\n`;
  const open = (content: string) => (): Readable => Readable.from([content]);
  const vod = new HlsSpliceVod(CONTENT_URL.href);
  await vod.load(open(master), open(text));
  await vod.insertAdAt(300_000, AD_URL.href, open(master), open(writeAd()));
  return vod.getMediaManifest(BANDWIDTH);
}

async function timed(run: () => string | Promise<string>): Promise<number> {
  const start = process.hrtime.bigint();
  const result = run();
  const text = typeof result === "string" ? result : await result;
  const elapsed = Number(process.hrtime.bigint() - start) / 1000;
  if (text.length === 0) throw new Error("expected a playlist, got an empty text");
  return elapsed;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

interface Case {
  readonly name: string;
  readonly against: string;
  readonly isRich: boolean;
  readonly isLive: boolean;
  readonly required: number | undefined;
  readonly theirs: (text: string) => string | Promise<string>;
}

async function measure({ name, against, isRich, isLive, required, theirs }: Case): Promise<StitchResult> {
  const texts = Array.from({ length: TEXTS }, (_, variant) => writeContent(variant, isRich, isLive));
  const [ourTimes, theirTimes]: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const text = texts[(round + WARM_UP) % TEXTS] ?? "";
    const ours = await timed(() => stitchOnce(text, isLive));
    const their = await timed(() => theirs(text));
    if (round < 0) continue;
    ourTimes.push(ours);
    theirTimes.push(their);
  }
  const [ours, other] = [median(ourTimes), median(theirTimes)];
  return { name, against, ours, theirs: other, ratio: other / ours, required };
}

/** Measures every case, some seconds in all. */
export async function benchStitch(): Promise<readonly StitchResult[]> {
  const printParsed = (text: string): string => HlsParser.stringify(HlsParser.parse(text));
  const parser = { against: "hls-parser, parse and stringify", theirs: printParsed };
  const splicer = { against: "@eyevinn/hls-splice", required: undefined, theirs: spliceOnce };
  const rich = "300 segments, a date on each, a key every ten";
  const cases: readonly Case[] = [
    { name: "300 plain segments", isRich: false, isLive: false, required: 3, ...parser },
    { name: rich, isRich: true, isLive: false, required: 20, ...parser },
    { name: "300 plain segments, live", isRich: false, isLive: true, required: undefined, ...parser },
    { name: "300 plain segments", isRich: false, isLive: false, ...splicer },
    { name: rich, isRich: true, isLive: false, ...splicer },
  ];
  const results: StitchResult[] = [];
  for (const entry of cases) results.push(await measure(entry));
  return results;
}

if (import.meta.main) {
  for (const { name, against, ours, theirs, ratio, required } of await benchStitch()) {
    const budget = required === undefined ? "" : ` (budget ${required}x: ${ratio >= required ? "met" : "MISSED"})`;
    console.log(`${name}: ${ours.toFixed(0)} µs; ${against}: ${theirs.toFixed(0)} µs; ${ratio.toFixed(1)}x${budget}`);
  }
}
