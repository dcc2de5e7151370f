/** What the page of e2e/server-session.spec.ts asks for and sends, beside the frames that were on screen. */
import { expect, type Page } from "@playwright/test";
import { callApi } from "./demo-page.ts";
import type { Run, ShownFrame } from "./frames.ts";
import { LONG_AD, SHORT_AD } from "./manifest-server.ts";
import { events } from "./plugin/page.ts";
import type { InterludeServer } from "./server.ts";
import { FRAME_RATE } from "./strip-media.ts";

/** What is due by playing, with its share of the ad. */
export const AD_SHARES: Readonly<Record<string, number>> = {
  impression: 0,
  creativeView: 0,
  start: 0,
  firstQuartile: 0.25,
  midpoint: 0.5,
  thirdQuartile: 0.75,
  complete: 1,
};
/** Seconds. The page hears of a frame before it is on screen, on a loaded machine several frames before; what is late is its load. */
const [EARLY, LATE] = [0.4, 1];

/** As the receiver of tracking reports it; `own`: the server's own note. */
export interface Reported {
  readonly signature: string;
  readonly event: string;
  readonly ad: string;
  readonly break: string;
  readonly receivedAt: string;
}

/** What the receiver of tracking got in the page's session, in order; what the server noted itself is no beacon. */
export async function report(page: Page, server: InterludeServer): Promise<readonly Reported[]> {
  const session = sessions.get(page)?.();
  const body = await callApi(server, "GET", `/report/beacons?format=json&session=${session}`);
  const beacons: readonly Reported[] = JSON.parse(body).beacons;
  return beacons.filter(({ signature }) => signature !== "own");
}

const sessions = new WeakMap<Page, () => string>();
const asked = new WeakMap<Page, string[]>();

/** The session is told by the playlists that the player asks for. */
export function watchRequests(page: Page): void {
  let session = "";
  const paths: string[] = [];
  sessions.set(page, () => session);
  asked.set(page, paths);
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    paths.push(pathname + search);
    session = /^\/auditude\/(?:vod|live)\/e2e\/[^/]+\/([^/]+)\//.exec(pathname)?.[1] ?? session;
  });
}

/** One beacon, when it was sent or received. */
interface Moment {
  readonly event: string;
  readonly ad: string;
  /** Unix time, milliseconds. */
  readonly at: number;
}

/** Seconds from the frame that each beacon tells of to the frame that was on screen at its moment. */
function measureLate(
  frames: readonly ShownFrame[],
  ads: readonly Run[],
  moments: readonly Moment[],
): readonly (readonly [name: string, late: number])[] {
  const counts = new Map<string, number>();
  return moments.flatMap(({ event, ad, at }) => {
    const share = AD_SHARES[event];
    if (share === undefined) return [];
    const { source, duration } = ad === LONG_AD.id ? LONG_AD : SHORT_AD;
    const name = `${ad} ${event}`;
    const nth = counts.get(name) ?? 0;
    counts.set(name, nth + 1);
    const first = ads.filter((run) => run.source === source)[nth]?.frames[0];
    const shown = frames.findLast(({ shownAt }) => shownAt <= at);
    if (!first || !shown) throw new Error(`${name}: expected frames of the ad, got none`);
    const due = first.mediaTime - first.frame / FRAME_RATE + share * duration;
    return [[name, shown.mediaTime - due] as const];
  });
}

/** Each beacon of each ad that was on screen is sent with its frame, and received no earlier. */
export async function expectInTime(
  page: Page,
  frames: readonly ShownFrame[],
  ads: readonly Run[],
  beacons: readonly Reported[],
): Promise<void> {
  const timeOrigin = await page.evaluate(() => performance.timeOrigin);
  const sent = (await events(page))
    .filter(({ name }) => name === "beacon")
    .map(({ at, event }): Moment => {
      const { pathname, searchParams } = new URL(String(event["url"]));
      return { event: pathname.split("/").at(-1) ?? "", ad: searchParams.get("ad") ?? "", at: timeOrigin + at };
    });
  expect(sent.map(({ event }) => event).toSorted()).toEqual(beacons.map(({ event }) => event).toSorted());
  for (const [name, late] of measureLate(frames, ads, sent)) {
    expect.soft(late, `${name} was sent ${late} s late`).toBeGreaterThan(-EARLY);
    expect.soft(late, `${name} was sent ${late} s late`).toBeLessThan(LATE);
  }
  const received = beacons.map(({ event, ad, receivedAt }) => ({ event, ad, at: Date.parse(receivedAt) }));
  for (const [name, late] of measureLate(frames, ads, received))
    expect.soft(late, `${name} came ${late} s late`).toBeGreaterThan(-EARLY);
}

/** Paths and queries that the page has asked for since {@link watchRequests}. */
export function requestsOf(page: Page): readonly string[] {
  return asked.get(page) ?? [];
}
