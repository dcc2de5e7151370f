/** What the specs do on the publisher's page, and what they ask the server behind it. */
import { expect, type Page } from "@playwright/test";
import catalog from "../demo/catalog.json" with { type: "json" };
import type { InterludeServer } from "./server.ts";

export interface Choice {
  /** The tab; default: the player's. */
  readonly workflow?: "player" | "server";
  readonly content?: "vod" | "live";
  readonly creative: "mp4" | "hls" | "flv" | "webm" | "broken";
  readonly cdn?: string;
}

export type Step = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** The number in the strip of a film's frames. */
export const CONTENT_SOURCE = 1;

/** The number in the strip of a creative's frames, or of a film's. */
export function sourceOf(id: string): number {
  const film = [...catalog.creatives, ...catalog.contents].find((one) => one.id === id);
  if (!film) throw new Error(`catalog.json: expected ${id}, got none`);
  return film.source;
}

/** The address under which the ad server serves a creative. */
export function creativeUrl(server: InterludeServer, id: string): string {
  const creative = catalog.creatives.find((one) => one.id === id);
  return new URL(creative?.url ?? "", server.url).href;
}

/** Opens the page with a choice made; nothing plays yet. */
export async function openDemo(page: Page, base: URL, choice: Choice): Promise<void> {
  const { content = "vod", creative, cdn = "a", workflow = "player" } = choice;
  const query = new URLSearchParams({ content, creative, cdn, workflow });
  await page.goto(new URL(`/?${query}`, base).href);
  await page.locator("#watch").waitFor();
}

/** Presses Play, or Watch as the next viewer, with the sound off. */
export async function watch(page: Page): Promise<void> {
  await page.locator("video").evaluate((video: HTMLVideoElement) => (video.muted = true));
  await page.locator("#watch").click();
}

/** Waits until a step of the list has come to a state. */
export async function expectStep(
  page: Page,
  step: Step,
  state: string,
  attributes: Record<string, string> = {},
): Promise<void> {
  const item = page.locator(`#steps > [data-step="${step}"]`);
  await expect(item).toHaveAttribute("data-state", state, { timeout: 120_000 });
  for (const [name, value] of Object.entries(attributes)) await expect(item).toHaveAttribute(`data-${name}`, value);
}

/** The real address that a step asked. */
export async function stepUrl(page: Page, step: Step): Promise<URL> {
  return new URL((await page.locator(`#steps > [data-step="${step}"]`).getAttribute("data-url")) ?? "");
}

/** Waits until the element has played past a second of its timeline. */
export async function playPast(page: Page, seconds: number): Promise<void> {
  await page.waitForFunction((until) => (document.querySelector("video")?.currentTime ?? 0) >= until, seconds, {
    timeout: 60_000,
  });
}

/** Moves the playhead; resolves when the frame there is shown. */
export async function seek(page: Page, seconds: number): Promise<void> {
  await page.locator("video").evaluate(async (video: HTMLVideoElement, to) => {
    const seeked = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = to;
    await seeked;
  }, seconds);
}

/** One row of the tracking receiver. */
export interface Beacon {
  readonly receivedAt: string;
  readonly event: string;
  readonly break: string;
  readonly ad: string;
  readonly playhead: string | number | null;
  /** Absent where there is none. */
  readonly error?: number;
  /** Empty: counts. */
  readonly mark: string;
  /** `own`: the server's own note. */
  readonly signature: string;
}

/** What is reported of a page's session, in order of arrival, with what the server noted itself. */
export async function reportedBeacons(page: Page, server: InterludeServer): Promise<readonly Beacon[]> {
  const session = await page.locator("html").getAttribute("data-session");
  const body = await callApi(server, "GET", `/report/beacons?session=${encodeURIComponent(session ?? "")}&format=json`);
  return JSON.parse(body).beacons;
}

/** What the receiver has of a page's session, in order of arrival; what the server noted itself is no beacon. */
export async function receivedBeacons(page: Page, server: InterludeServer): Promise<readonly Beacon[]> {
  return (await reportedBeacons(page, server)).filter(({ signature }) => signature !== "own");
}

/** What CRS says of a creative; undefined where it has never heard of it. */
export async function creativeStatus(server: InterludeServer): Promise<
  readonly {
    readonly creativeUrl: string;
    readonly state: string;
    readonly attempts: number;
    readonly reason?: string;
  }[]
> {
  return JSON.parse(await callApi(server, "GET", "/v1/creatives")).creatives;
}

/** @throws Error with the answer for any status above 299 */
export async function callApi(server: InterludeServer, method: string, path: string, body?: object): Promise<string> {
  const headers = { authorization: `Bearer ${server.token}`, ...(body && { "content-type": "application/json" }) };
  const init = body ? { method, headers, body: JSON.stringify(body) } : { method, headers };
  const response = await fetch(new URL(path, server.url), init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text;
}

/**
 * Listens to CRS from now on. `states()` are the states that creatives went through, each once per stay, `url state`.
 */
export async function followCrs(
  server: InterludeServer,
): Promise<{ readonly states: () => readonly string[]; readonly end: () => void }> {
  const controller = new AbortController();
  const headers = { authorization: `Bearer ${server.token}` };
  const response = await fetch(new URL("/v1/events", server.url), { headers, signal: controller.signal });
  let text = "";
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  };
  void read().catch(() => undefined);
  const states = (): readonly string[] => {
    const all = [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json = ""]) => JSON.parse(json));
    const named = all.map((status) => `${new URL(status.creativeUrl).pathname} ${status.state}`);
    return named.filter((name, i) => name !== named[i - 1]);
  };
  return { states, end: () => controller.abort() };
}
