/** Playlists of e2e/plugin/world.ts that change with time: the same segments, as many as the world's clock lists. */
import { PARTS, SEGMENT } from "./catalog.ts";

/** The moment of the first segment of a live channel. */
export const EPOCH: Date = new Date("2026-11-01T12:00:00.000Z");

/** The playlist's segments, each as its lines; what stands before the first, and behind the last. */
function readSegments(text: string): { readonly head: string; readonly segments: readonly string[] } {
  const [head = "", ...rest] = text.replace("#EXT-X-ENDLIST\n", "").split(/(?=^#EXTINF:)/m);
  return { head, segments: rest };
}

/** As many segments from the first; the whole programme when no more are there. @see RFC 8216 §4.3.3.5 */
export function formatEvent(text: string, listed: number): string {
  const { head, segments } = readSegments(text);
  const isWhole = listed >= segments.length;
  const event = head.replace("PLAYLIST-TYPE:VOD", "PLAYLIST-TYPE:EVENT");
  return event + segments.slice(0, listed).join("") + (isWhole ? "#EXT-X-ENDLIST\n" : "");
}

/** A window that ends behind as many segments, each with its date. */
export function formatLive(text: string, listed: number, windowLength: number): string {
  const { head, segments } = readSegments(text);
  const first = Math.max(0, listed - windowLength);
  const live = head.replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "").replace(/MEDIA-SEQUENCE:\d+/, `MEDIA-SEQUENCE:${first}`);
  const dated = segments.slice(first, listed).map((segment, index) => {
    const date = new Date(EPOCH.getTime() + (first + index) * SEGMENT * 1000);
    return `#EXT-X-PROGRAM-DATE-TIME:${date.toISOString()}\n${segment}`;
  });
  return live + dated.join("");
}

/**
 * The newest parts of a programme, and the segments before them: `{name}_segment_{n}.m4s` are so many parts.
 *
 * @param text of the programme, in which each part is a segment
 * @see draft-pantos-hls-rfc8216bis §4.4.4.9
 */
export function formatLowLatency(text: string, listed: number): string {
  const all = [...text.matchAll(/^#EXTINF:([\d.]+),\n(\S+)_\d+\.m4s$/gm)].slice(0, listed);
  const map = /^#EXT-X-MAP:.*$/m.exec(text)?.[0] ?? "";
  const head = `#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:${SEGMENT}\n#EXT-X-MEDIA-SEQUENCE:0\n`;
  const control = "#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=1.8\n#EXT-X-PART-INF:PART-TARGET=0.6\n";
  const lines = all.map(([, duration = "", name = ""], index) => {
    const number = String(index).padStart(5, "0");
    const independent = index % PARTS === 0 ? ",INDEPENDENT=YES" : "";
    const part = `#EXT-X-PART:DURATION=${duration},URI="${name}_${number}.m4s"${independent}\n`;
    const isNew = index >= listed - 3 * PARTS;
    if (index % PARTS < PARTS - 1) return isNew ? part : "";
    const parts = all.slice(index - PARTS + 1, index + 1);
    const whole = parts.reduce((sum, one) => sum + Number(one[1]), 0).toFixed(6);
    return `${isNew ? part : ""}#EXTINF:${whole},\n${name}_segment_${(index + 1) / PARTS - 1}.m4s\n`;
  });
  const next = `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="180_${String(all.length).padStart(5, "0")}.m4s"\n`;
  return `${head}${control}${map}\n${lines.join("")}${next}`;
}
