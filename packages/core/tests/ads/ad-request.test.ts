import {
  AdError,
  type AdFailure,
  type AdRequestOptions,
  buildPod,
  type FetchText,
  resolveVast,
  resolveVastText,
  type VastResult,
} from "@interlude/core";
import { parseXml } from "@interlude/server/xml";
import { describe, expect, test } from "vitest";
import { read } from "./read-fixture.ts";

const TAG = new URL("https://ads.example/tag");

interface AdShape {
  readonly sequence?: number;
  readonly attributes?: string;
  /** More elements of InLine or Wrapper. */
  readonly more?: string;
}

function inline(id: string, { sequence, more = "" }: AdShape = {}): string {
  return `<Ad id="${id}" ${sequence === undefined ? "" : `sequence="${sequence}"`}><InLine><AdSystem>S</AdSystem>
    <Impression>https://track.example/${id}/impression</Impression><Error>https://track.example/${id}/error?[ERRORCODE]</Error>
    <Creatives><Creative><Linear><Duration>00:00:10</Duration>
      <TrackingEvents><Tracking event="start">https://track.example/${id}/start</Tracking></TrackingEvents>
      <VideoClicks><ClickTracking>https://track.example/${id}/click</ClickTracking></VideoClicks>
      <MediaFiles><MediaFile type="video/mp4">https://media.example/${id}.mp4</MediaFile></MediaFiles>
    </Linear></Creative>${more}</Creatives></InLine></Ad>`;
}

function wrapper(id: string, url: string, { sequence, attributes = "", more = "" }: AdShape = {}): string {
  return `<Ad id="${id}" ${sequence === undefined ? "" : `sequence="${sequence}"`}><Wrapper ${attributes}><AdSystem>W</AdSystem>
    <VASTAdTagURI><![CDATA[${url}]]></VASTAdTagURI>
    <Impression>https://track.example/${id}/impression</Impression><Error>https://track.example/${id}/error?[ERRORCODE]</Error>
    <Creatives><Creative><Linear>
      <TrackingEvents><Tracking event="start">https://track.example/${id}/start</Tracking></TrackingEvents>
      <VideoClicks><ClickTracking>https://track.example/${id}/click</ClickTracking></VideoClicks>
    </Linear></Creative>${more}</Creatives></Wrapper></Ad>`;
}

function vast(...ads: readonly string[]): string {
  return `<VAST version="4.2">${ads.join("")}</VAST>`;
}

const EMPTY = '<VAST version="4.2"><Error>https://track.example/empty/error?[ERRORCODE]</Error></VAST>';

interface Asked {
  readonly url: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** An ad server that answers by path; a number is a status, an error is thrown. Each answer takes `ms` of a clock of its own. */
function adServer(answers: Readonly<Record<string, string | number | Error>>, ms = 0) {
  const asked: Asked[] = [];
  let clock = 0;
  const fetchText: FetchText = (url, options) => {
    asked.push({ url: url.href, ...options });
    clock += ms;
    const answer = answers[url.pathname] ?? 404;
    if (answer instanceof Error) return Promise.reject(answer);
    const [status, text] = typeof answer === "number" ? [answer, ""] : [200, answer];
    return Promise.resolve({ status, text, url });
  };
  return { asked, ports: { fetchText, readXml: parseXml, now: () => clock } };
}

function resolve(
  answers: Readonly<Record<string, string | number | Error>>,
  options: Partial<AdRequestOptions> = {},
): Promise<VastResult> {
  return resolveVast(TAG, adServer(answers).ports, { timeoutMs: 1000, ...options });
}

function ids({ ads }: VastResult): readonly unknown[] {
  return ads.map(({ id, sequence }) => (sequence === undefined ? id : `${id}@${sequence}`));
}

function faults({ failures }: VastResult): readonly unknown[] {
  return failures.map(({ reason, vastError, adId }) => [adId, reason, vastError]);
}

describe("resolveVast", () => {
  test("gives the ads of an answer, the pod before the stand-alone ads", async () => {
    const result = await resolve({ "/tag": vast(inline("a"), inline("b", { sequence: 1 })) });
    expect([ids(result), result.failures]).toEqual([["b@1", "a"], []]);
  });

  test("follows wrappers and merges their trackers, outermost first", async () => {
    const { ads, failures } = await resolve({
      "/tag": vast(wrapper("outer", "https://b.example/1")),
      "/1": vast(wrapper("inner", "https://c.example/2")),
      "/2": vast(inline("a")),
    });
    expect(failures).toEqual([]);
    const [ad] = ads;
    const of = (what: string): readonly string[] =>
      ["outer", "inner", "a"].map((id) => `https://track.example/${id}/${what}`);
    expect(ad).toMatchObject({ id: "a", wrapperAdIds: ["outer", "inner"], impressions: of("impression") });
    expect(ad?.errors).toEqual(of("error?[ERRORCODE]"));
    expect(ad?.creatives[0]?.trackers.map(({ url }) => url)).toEqual(of("start"));
    expect(ad?.creatives[0]?.clickTrackers).toEqual(of("click"));
  });

  test("an icon of a wrapper is added unless one nearer to the ad has its program", async () => {
    const icon = (program: string, name: string): string =>
      `<Creative><Linear><Icons><Icon program="${program}"><IconViewTracking>https://i.example/${name}</IconViewTracking></Icon></Icons></Linear></Creative>`;
    const { ads } = await resolve({
      "/tag": vast(wrapper("o", "https://b.example/1", { more: icon("x", "outer-x") + icon("y", "outer-y") })),
      "/1": vast(wrapper("i", "https://b.example/2", { more: icon("x", "inner-x") })),
      "/2": vast(inline("a")),
    });
    expect(ads[0]?.creatives[0]?.icons.flatMap(({ viewTrackers }) => viewTrackers)).toEqual([
      "https://i.example/inner-x",
      "https://i.example/outer-y",
    ]);
  });

  test("a companion of a wrapper is shown where the ad has none of its size; one that shows nothing only tracks", async () => {
    const companion = (width: number, name: string, resource: string): string =>
      `<Creative><CompanionAds><Companion id="${name}" width="${width}" height="50">${resource}
        <TrackingEvents><Tracking event="creativeView">https://c.example/${name}</Tracking></TrackingEvents></Companion></CompanionAds></Creative>`;
    const shown = "<IFrameResource>https://c.example/frame</IFrameResource>";
    const { ads } = await resolve({
      "/tag": vast(
        wrapper("w", "https://b.example/1", {
          more: companion(300, "same", shown) + companion(728, "other", shown) + companion(300, "track", ""),
        }),
      ),
      "/1": vast(inline("a", { more: companion(300, "own", shown) })),
    });
    expect(ads[0]?.companions.map(({ id, trackers }) => [id, trackers.map(({ url }) => url)])).toEqual([
      ["own", ["https://c.example/track", "https://c.example/own"]],
      ["other", ["https://c.example/other"]],
    ]);
  });

  test("asks all wrappers of an answer at once", async () => {
    const waiting: string[] = [];
    let release = (): void => undefined;
    const all = new Promise<void>((done) => {
      release = done;
    });
    const fetchText: FetchText = async (url) => {
      if (url.pathname === "/tag")
        return {
          status: 200,
          text: vast(wrapper("a", "https://b.example/1"), wrapper("b", "https://b.example/2")),
          url,
        };
      waiting.push(url.pathname);
      if (waiting.length === 2) release();
      await all;
      return { status: 200, text: vast(inline(url.pathname)), url };
    };
    const result = await resolveVast(TAG, { fetchText, readXml: parseXml }, { timeoutMs: 1000 });
    expect(ids(result)).toEqual(["/1", "/2"]);
  });

  test("expands macros in wrapper addresses and resolves relative ones", async () => {
    const server = adServer({
      "/tag": vast(wrapper("w", "/next?cb=[CACHEBUSTING]&x=[IFA]")),
      "/next": vast(inline("a")),
    });
    await resolveVast(TAG, server.ports, { timeoutMs: 1000, macros: { CACHEBUSTING: 42 } });
    expect(server.asked.map(({ url }) => url)).toEqual([TAG.href, "https://ads.example/next?cb=00000042&x=-1"]);
  });

  test("a wrapper's address is asked when its macros are filled, however long that takes", async () => {
    const server = adServer({
      "/tag": vast(wrapper("w", "https://b.example/next?consent=[GDPRCONSENT]")),
      "/next": vast(inline("a")),
    });
    const expandAddress = async (template: string): Promise<string> => {
      await Promise.resolve();
      return template.replace("[GDPRCONSENT]", "CPx");
    };
    await resolveVast(TAG, server.ports, { timeoutMs: 1000, expandAddress });
    expect(server.asked.map(({ url }) => url)).toEqual([TAG.href, "https://b.example/next?consent=CPx"]);
  });

  test("one ad failing costs no other", async () => {
    const result = await resolve({
      "/tag": vast(wrapper("dead", "https://b.example/dead"), inline("a"), wrapper("html", "https://b.example/html")),
      "/html": "<html></html>",
    });
    expect(ids(result)).toEqual(["a"]);
    expect(faults(result)).toEqual([
      ["dead", "ads-timeout", 301],
      ["html", "vast-malformed", 101],
    ]);
  });
});

describe("a pod with wrappers", () => {
  test("gives what a wrapper led to the wrapper's place, a whole inner pod too", async () => {
    const result = await resolve({
      "/tag": vast(
        inline("third", { sequence: 3 }),
        wrapper("w", "https://b.example/1", { sequence: 2, attributes: 'allowMultipleAds="true"' }),
        inline("first", { sequence: 1 }),
      ),
      "/1": vast(inline("y", { sequence: 2 }), inline("x", { sequence: 1 }), inline("spare")),
    });
    const { pod, standIns } = buildPod(result.ads);
    expect(pod.map(({ id }) => id)).toEqual(["first", "x", "y", "third"]);
    expect(standIns.map(({ id }) => id)).toEqual(["spare"]);
  });

  test("keeps the inner pod where the wrapper stands alone", async () => {
    const result = await resolve({
      "/tag": vast(
        wrapper("w", "https://b.example/1", { attributes: 'allowMultipleAds="true"' }),
        wrapper("v", "https://b.example/1", { attributes: 'allowMultipleAds="true"' }),
      ),
      "/1": vast(inline("y", { sequence: 2 }), inline("x", { sequence: 1 })),
    });
    expect(buildPod(result.ads).pod.map(({ id, wrapperAdIds }) => [id, wrapperAdIds])).toEqual([
      ["x", ["w"]],
      ["y", ["w"]],
    ]);
  });

  test("takes the first stand-alone ad of an answer unless the wrapper allows several", async () => {
    const answer = vast(inline("x", { sequence: 1 }), inline("alone"), inline("alone-2"));
    const ask = async (attributes: string): Promise<readonly unknown[]> =>
      ids(await resolve({ "/tag": vast(wrapper("w", "https://b.example/1", { attributes })), "/1": answer }));
    expect(await ask("")).toEqual(["alone"]);
    expect(await ask('allowMultipleAds="false"')).toEqual(["alone"]);
    expect(await ask('allowMultipleAds="true"')).toEqual(["x@1", "alone", "alone-2"]);
  });

  test("takes the first ad of a pod where one ad is allowed and none stands alone", async () => {
    const pod = vast(inline("y", { sequence: 2 }), inline("x", { sequence: 1 }));
    expect(ids(await resolve({ "/tag": vast(wrapper("w", "https://b.example/1")), "/1": pod }))).toEqual(["x@1"]);
    expect(ids(await resolve({ "/tag": pod }, { allowMultipleAds: false }))).toEqual(["x@1"]);
  });

  test("takes one ad where the break allows one, whatever a wrapper allows", async () => {
    const answers = {
      "/tag": vast(wrapper("w", "/in", { attributes: 'allowMultipleAds="true"' })),
      "/in": vast(inline("a", { sequence: 1 }), inline("b", { sequence: 2 })),
    };
    expect((await resolve(answers)).ads.length).toBe(2);
    expect((await resolve(answers, { allowMultipleAds: false })).ads.map(({ id }) => id)).toEqual(["a"]);
  });

  test("a stand-alone ad takes the place of a wrapper that led to nothing, unless fallbackOnNoAd is false", async () => {
    const ask = async (attributes: string): Promise<readonly unknown[]> =>
      ids(
        await resolve({
          "/tag": vast(
            inline("first", { sequence: 1 }),
            inline("spare"),
            wrapper("w", "https://b.example/1", { sequence: 2, attributes }),
          ),
          "/1": EMPTY,
        }),
      );
    expect(await ask("")).toEqual(["first@1", "spare@2"]);
    expect(await ask('fallbackOnNoAd="true"')).toEqual(["first@1", "spare@2"]);
    expect(await ask('fallbackOnNoAd="false"')).toEqual(["first@1", "spare"]);
  });
});

describe("a failure", () => {
  const failureOf = async (
    answers: Readonly<Record<string, string | number | Error>>,
    options: Partial<AdRequestOptions> = {},
  ): Promise<AdFailure> => {
    const { ads, failures } = await resolve(answers, options);
    const [failure] = failures;
    if (ads.length > 0 || failures.length !== 1 || !failure)
      throw new Error(`${ads.length} ads, ${failures.length} failures`);
    return failure;
  };
  const W_ERROR = "https://track.example/w/error?[ERRORCODE]";
  const throughWrapper = { "/tag": vast(wrapper("w", "https://b.example/1")) };

  test("303: no ads, with the error URLs of the empty document and of its wrappers", async () => {
    const empty = { reason: "no-ads", vastError: 303 };
    const EMPTY_ERROR = "https://track.example/empty/error?[ERRORCODE]";
    expect(await failureOf({ "/tag": EMPTY })).toMatchObject({ ...empty, errorUrls: [EMPTY_ERROR] });
    expect(await failureOf({ ...throughWrapper, "/1": EMPTY })).toMatchObject({
      ...empty,
      errorUrls: [W_ERROR, EMPTY_ERROR],
      adId: "w",
    });
    expect(await failureOf({ "/tag": " \n" })).toMatchObject(empty);
    expect(await failureOf({ ...throughWrapper, "/1": "" })).toMatchObject({ ...empty, errorUrls: [W_ERROR] });
    const inner = { "/1": vast(wrapper("v", "https://b.example/2")), "/2": EMPTY };
    expect((await failureOf({ ...throughWrapper, ...inner })).errorUrls).toEqual([
      W_ERROR,
      "https://track.example/v/error?[ERRORCODE]",
      EMPTY_ERROR,
    ]);
  });

  test.each([
    ["100", "no XML at all", "Service unavailable", "vast-malformed", 100],
    ["100", "truncated XML", vast(inline("a")).slice(0, 200), "vast-malformed", 100],
    ["100", "HTML with a DOCTYPE", "<!DOCTYPE html><html></html>", "vast-malformed", 100],
    ["100", "more than 2 MB", `<VAST>${" ".repeat(10_000_000)}</VAST>`, "vast-malformed", 100],
    ["101", "HTML that is XML", "<html><body/></html>", "vast-malformed", 101],
    ["102", "VAST 1", "<VideoAdServingTemplate/>", "vast-malformed", 102],
    ["301", "a status that is an error", 500, "ads-timeout", 301],
    ["301", "a timeout", new AdError("upstream-timeout", "slow"), "ads-timeout", 301],
    ["301", "a dead host", new AdError("upstream-unreachable", "dead"), "ads-timeout", 301],
    ["100", "a body cut off by the port", new AdError("response-too-large", "large"), "vast-malformed", 100],
  ] as const)("%s: %s, at the tag or behind a wrapper", async (_number, _what, answer, reason, vastError) => {
    expect(await failureOf({ "/tag": answer })).toMatchObject({ reason, vastError, errorUrls: [] });
    const behind = await failureOf({ ...throughWrapper, "/1": answer });
    expect(behind).toMatchObject({ reason, vastError, errorUrls: [W_ERROR], adId: "w" });
    expect(behind.message.length).toBeLessThanOrEqual(500);
  });

  test("a port that breaks its contract is a failure too", async () => {
    expect((await resolve({ "/tag": new TypeError("fetch failed") })).failures.length).toBe(1);
  });

  test("302: five wrappers within each other are followed, a sixth is not", async () => {
    const chain = (length: number): Record<string, string> => ({
      "/tag": vast(wrapper("w1", "https://b.example/1")),
      ...Object.fromEntries(
        Array.from({ length: length - 1 }, (_, i) => [
          `/${i + 1}`,
          vast(wrapper(`w${i + 2}`, `https://b.example/${i + 2}`)),
        ]),
      ),
      [`/${length}`]: vast(inline("a")),
    });
    expect(ids(await resolve(chain(5)))).toEqual(["a"]);
    expect(await failureOf(chain(6))).toMatchObject({ reason: "wrapper-limit", vastError: 302, adId: "w6" });
    expect(await failureOf(chain(2), { wrapperLimit: 1 })).toMatchObject({ vastError: 302 });
  });

  test("302: a wrapper that leads back", async () => {
    const loop = { "/1": vast(wrapper("v", "https://ads.example/tag#again")) };
    expect(await failureOf({ ...throughWrapper, ...loop })).toMatchObject({ vastError: 302, adId: "v" });
  });

  test("302: a wrapper behind one that follows none, or in a break that follows none", async () => {
    const stop = vast(wrapper("w", "https://b.example/1", { attributes: 'followAdditionalWrappers="false"' }));
    const more = { "/1": vast(wrapper("v", "https://b.example/2")), "/2": vast(inline("a")) };
    expect(await failureOf({ "/tag": stop, ...more })).toMatchObject({ vastError: 302, adId: "v" });
    expect(ids(await resolve({ "/tag": stop, "/1": vast(inline("a")) }))).toEqual(["a"]);
    expect(await failureOf({ ...throughWrapper, ...more }, { followRedirects: false })).toMatchObject({ adId: "w" });
  });

  test.each(["", "javascript:alert(1)", "ftp://b.example/", "https://", "https://[IFA].example:x/"])(
    "101: a wrapper whose address is no http(s) URL (%j), which nobody asks",
    async (url) => {
      const server = adServer({ "/tag": vast(wrapper("w", url)) });
      const result = await resolveVast(TAG, server.ports, { timeoutMs: 1000 });
      expect(faults(result)).toEqual([["w", "vast-malformed", 101]]);
      expect(server.asked.length).toBe(1);
    },
  );

  test("an ad or a wrapper without an id is none the less one that failed, and no request", async () => {
    const unnamed = wrapper("w", "https://b.example/1").replace('id="w"', "");
    expect(await failureOf({ "/tag": vast(unnamed), "/1": 500 })).toMatchObject({ adId: "", errorUrls: [W_ERROR] });
    expect(await failureOf({ "/tag": vast("<Ad><InLine><Creatives/></InLine></Ad>") })).toMatchObject({ adId: "" });
    expect(await failureOf({ "/tag": 500 })).toMatchObject({ adId: undefined });
  });

  test("201: an ad without a linear creative", async () => {
    const text = vast('<Ad id="n"><InLine><Error>https://track.example/n</Error><Creatives/></InLine></Ad>');
    expect(await failureOf({ "/tag": text })).toMatchObject({
      reason: "no-media-file",
      vastError: 201,
      adId: "n",
      errorUrls: ["https://track.example/n"],
    });
  });
});

describe("the limits of a chain", () => {
  test("one deadline holds for all its requests", async () => {
    const answers = {
      "/tag": vast(wrapper("w", "https://b.example/1")),
      "/1": vast(wrapper("v", "https://b.example/2")),
      "/2": vast(wrapper("u", "https://b.example/3")),
    };
    const server = adServer(answers, 400);
    const result = await resolveVast(TAG, server.ports, { timeoutMs: 1000 });
    expect(server.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 600, 200]);
    expect(faults(result)).toEqual([["u", "ads-timeout", 301]]);
  });

  test("one byte budget holds for all its documents", async () => {
    const padding = `<!-- ${" ".repeat(600)} -->`;
    const answers = {
      "/tag": vast(wrapper("w", "https://b.example/1")) + padding,
      "/1": vast(wrapper("v", "https://b.example/2")) + padding,
      "/2": vast(inline("a")) + padding,
    };
    const server = adServer(answers);
    const result = await resolveVast(TAG, server.ports, { timeoutMs: 1000, maxTotalBytes: 3000, maxBytes: 2000 });
    expect(server.asked[0]?.maxBytes).toBe(2000);
    expect(server.asked[2]?.maxBytes).toBeLessThan(1000);
    expect(faults(result)).toEqual([["v", "vast-malformed", 100]]);
  });

  test("a tree of wrappers stops at the request limit and keeps what it found", async () => {
    const branches = Array.from({ length: 30 }, (_, i) =>
      wrapper(`w${i}`, `https://b.example/again?${i}`, { attributes: 'allowMultipleAds="true"' }),
    );
    const server = adServer({ "/tag": vast(inline("a"), ...branches), "/again": vast(...branches) });
    const result = await resolveVast(TAG, server.ports, { timeoutMs: 1000 });
    expect(server.asked.length).toBe(30);
    expect(ids(result)).toEqual(["a"]);
  });

  test("a document gives at most thirty ads", async () => {
    const result = await resolve({ "/tag": vast(...Array.from({ length: 100 }, (_, i) => inline(`a${i}`))) });
    expect(result.ads.length).toBe(30);
  });
});

test("what a hostile wrapper adds to hostile ads stays small", async () => {
  const many = (count: number, text: string): string => Array.from({ length: count }, () => text).join("");
  const tracking = many(20_000, '<Tracking event="start">https://t.example/</Tracking>');
  const linear = `<Creative><Linear><TrackingEvents>${tracking}</TrackingEvents></Linear></Creative>`;
  const { ports } = adServer({
    "/tag": vast(`<Ad><Wrapper><VASTAdTagURI>/in</VASTAdTagURI><Creatives>${linear}</Creatives></Wrapper></Ad>`),
    "/in": vast(`<Ad><InLine><Creatives>${many(20_000, "<Creative><Linear/></Creative>")}</Creatives></InLine></Ad>`),
  });
  const { ads } = await resolveVast(TAG, ports, { timeoutMs: 1000 });
  expect(ads[0]?.creatives.length).toBe(10);
  expect(ads[0]?.creatives[0]?.trackers.length).toBe(500);
});

describe("resolveVastText", () => {
  const server = adServer({ "/1": vast(inline("a")) });
  const text = vast(wrapper("w", "/1"), inline("b"));

  test("takes a text or an element and follows its wrappers from its own address", async () => {
    const options = { timeoutMs: 1000 };
    expect(ids(await resolveVastText(text, TAG, server.ports, options))).toEqual(["a", "b"]);
    expect(ids(await resolveVastText(read(text), TAG, server.ports, options))).toEqual(["a", "b"]);
  });

  test("gives a failure for what is no VAST", async () => {
    expect(faults(await resolveVastText("<html>", TAG, server.ports, { timeoutMs: 1000 }))).toEqual([
      [undefined, "vast-malformed", 100],
    ]);
  });
});
