import { afterEach, describe, expect, test, vi } from "vitest";
import { createBeaconTransport } from "../../src/viewing/beacon-transport.ts";

interface Sent {
  readonly fetched: { readonly url: string; readonly init: RequestInit | undefined }[];
  readonly images: { readonly src: string; readonly crossOrigin: string | null }[];
}

/** Nothing leaves the page; `fetch` is settled by hand. */
function watchNetwork(fetching: (url: string) => Promise<Response>): Sent {
  const sent: Sent = { fetched: [], images: [] };
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
    sent.fetched.push({ url, init });
    return fetching(url);
  });
  vi.stubGlobal(
    "Image",
    class {
      crossOrigin: string | null = null;
      set src(src: string) {
        sent.images.push({ src, crossOrigin: this.crossOrigin });
      }
    },
  );
  return sent;
}

afterEach(() => {
  ending.abort();
  ending = new AbortController();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const never = new Promise<never>(() => undefined);
/** Ends what the transports of one test listen to. */
let ending = new AbortController();
const fail = (): Promise<never> => Promise.reject(new TypeError("Failed to fetch"));

/** What the browser tells when a policy forbids a fetch. */
function forbid(blockedURI: string, effectiveDirective = "connect-src"): void {
  const more = { blockedURI, effectiveDirective, documentURI: "", originalPolicy: "", statusCode: 0 } as const;
  const event = new SecurityPolicyViolationEvent("securitypolicyviolation", {
    ...more,
    disposition: "enforce",
    violatedDirective: effectiveDirective,
  });
  document.dispatchEvent(event);
}

describe("createBeaconTransport", () => {
  test("asks by GET, past the end of the page and any cache, with cookies only where they are wanted", () => {
    const sent = watchNetwork(() => never);
    createBeaconTransport("omit", ending.signal)("https://t.example/a");
    createBeaconTransport("include", ending.signal)("https://t.example/b#c");
    const fixed = { mode: "no-cors", keepalive: true, cache: "no-store" };
    expect(sent.fetched).toEqual([
      { url: "https://t.example/a", init: { ...fixed, credentials: "omit" } },
      { url: "https://t.example/b", init: { ...fixed, credentials: "include" } },
    ]);
  });

  test("beyond what a browser lets outlive the page, the rest goes as images", () => {
    const sent = watchNetwork(() => never);
    const send = createBeaconTransport("omit", ending.signal);
    for (let index = 0; index < 130; index++) send(`https://t.example/${index}`);
    expect(sent.fetched).toHaveLength(100);
    expect(sent.images).toHaveLength(30);
    expect(sent.images[0]).toEqual({ src: "https://t.example/100", crossOrigin: "anonymous" });
  });

  test("equal addresses, which a browser would load as one image, wait for a fetch to end: all arrive, none twice", async () => {
    const ends: (() => void)[] = [];
    const sent = watchNetwork(() => new Promise((resolve) => ends.push(() => resolve(new Response()))));
    const send = createBeaconTransport("omit", ending.signal);
    for (let index = 0; index < 500; index++) send("https://t.example/a");
    expect([sent.fetched.length, sent.images.length]).toEqual([100, 1]);
    while (ends.length > 0) {
      ends.shift()?.();
      // the end of one sends the next
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    expect([sent.fetched.length, sent.images.length]).toEqual([499, 1]);
  });

  test("what still waits when the page goes away is sent at once, and not again afterwards", async () => {
    const ends: (() => void)[] = [];
    const sent = watchNetwork(() => new Promise((resolve) => ends.push(() => resolve(new Response()))));
    const send = createBeaconTransport("omit", ending.signal);
    for (let index = 0; index < 130; index++) send("https://t.example/a");
    window.dispatchEvent(new Event("pagehide"));
    expect([sent.fetched.length, sent.images.length]).toEqual([129, 1]);
    for (const end of ends) end();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    expect(sent.fetched).toHaveLength(129);
  });

  test("what waits for an origin that turns out to be forbidden does not wait on", async () => {
    const fails: (() => void)[] = [];
    const sent = watchNetwork(() => new Promise((_resolve, reject) => fails.push(() => reject(new TypeError("no")))));
    const send = createBeaconTransport("omit", ending.signal);
    for (let index = 0; index < 250; index++) send("https://t.example/a");
    forbid("https://t.example/a");
    for (const end of fails) end();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    // the one beyond the limit, the one that the policy told of, and the 149 that waited
    expect([sent.fetched.length, sent.images.length]).toEqual([100, 151]);
  });

  test("what the page's connect-src forbids goes as an image, once, and so does all to that host from then on", async () => {
    const sent = watchNetwork(fail);
    const send = createBeaconTransport("include", ending.signal);
    send("https://t.example/a");
    await Promise.resolve();
    forbid("https://t.example/a");
    forbid("https://t.example/a");
    forbid("https://other.example/");
    send("https://t.example/b");
    expect(sent.images.map(({ src }) => src)).toEqual(["https://t.example/a", "https://t.example/b"]);
    expect(sent.fetched.map(({ url }) => url)).toEqual(["https://t.example/a"]);
  });

  test("a request that fails on its way is not sent again: it may have arrived", async () => {
    const sent = watchNetwork(fail);
    createBeaconTransport("omit", ending.signal)("https://t.example/a");
    await Promise.resolve();
    window.dispatchEvent(new Event("online"));
    expect(sent.fetched).toHaveLength(1);
    expect(sent.images).toEqual([]);
  });

  test("what falls due while the browser is offline goes when it is online again, once", async () => {
    const sent = watchNetwork(fail);
    const onLine = vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
    const send = createBeaconTransport("omit", ending.signal);
    send("https://t.example/a");
    send("https://t.example/b");
    await Promise.resolve();
    await Promise.resolve();
    onLine.mockReturnValue(true);
    window.dispatchEvent(new Event("online"));
    window.dispatchEvent(new Event("online"));
    expect(sent.fetched.map(({ url }) => url)).toEqual([
      "https://t.example/a",
      "https://t.example/b",
      "https://t.example/a",
      "https://t.example/b",
    ]);
  });

  test("an address that is none is nobody's fault", () => {
    const sent = watchNetwork(() => never);
    createBeaconTransport("omit", ending.signal)("https://");
    expect(sent.fetched).toEqual([]);
  });
});
