/** Polls all renditions of a stitched master playlist, and the content's edge, as clients that want each refresh would. */
import { setTimeout as wait } from "node:timers/promises";
import type { RecordedRendition, Refresh } from "./playlist-checker.ts";

export interface PlaylistRecorder {
  /** What was recorded so far; masters name their renditions by height. */
  readonly renditions: () => readonly RecordedRendition[];
  /** Answers without a playlist. */
  readonly failures: readonly string[];
  readonly stop: () => Promise<void>;
}

/** More often than clients, less often than a session may ask (primetime.md §1.5: ten per second). */
const INTERVAL_MS = 500;

/**
 * Starts to record; redirects are followed.
 *
 * @param contentEdge media sequence number behind the content's last segment; VOD: undefined
 * @throws Error when the master is no master playlist with two or more renditions
 */
export async function recordPlaylists(master: URL, contentEdge?: () => Promise<number>): Promise<PlaylistRecorder> {
  const response = await fetch(master);
  const text = await response.text();
  const places = [...text.matchAll(/^#EXT-X-STREAM-INF:.*RESOLUTION=\d+x(\d+).*\n(\S+)/gm)].map(
    ([, name = "", uri = ""]) => ({ name, url: new URL(uri, response.url), refreshes: new Array<Refresh>() }),
  );
  if (places.length < 2) throw new Error(`${master.href}: expected a master playlist, got ${response.status} ${text}`);
  const failures: string[] = [];
  const ended = new AbortController();
  let before: number | undefined;

  const pollOnce = async (): Promise<void> => {
    const earlier = before;
    before = await contentEdge?.();
    await Promise.all(
      places.map(async ({ name, url, refreshes }) => {
        const answer = await fetch(url);
        const playlist = await answer.text();
        const after = await contentEdge?.();
        const edges = earlier === undefined || after === undefined ? {} : { contentEdge: [earlier, after] as const };
        if (answer.ok) refreshes.push({ text: playlist, ...edges });
        else failures.push(`${name}: ${answer.status} ${playlist}`);
      }),
    );
  };
  const pollAll = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await pollOnce().catch((error: unknown) => failures.push(String(error)));
      await wait(INTERVAL_MS);
    }
  };
  const done = pollAll();
  return {
    renditions: () => places,
    failures,
    stop: () => {
      ended.abort();
      return done;
    },
  };
}
