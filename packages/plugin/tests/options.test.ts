import { describe, expect, test } from "vitest";
import { createInsertionBase } from "../src/ad-insertion.ts";
import { type AdInsertionOptions, parseOptions } from "../src/options.ts";
import { createFakeWeb, ZONE } from "./fake-web.ts";

const parse = (options: AdInsertionOptions): ReturnType<typeof parseOptions> =>
  parseOptions(options, "https://site.example/page/", () => "viewer-1");

describe("parseOptions", () => {
  test("reads addresses relative to the page, and looks for repackage requests beside the ad tag", () => {
    const settings = parse({ zoneUrl: "/v1/zones/1.json", adTagUrl: "../ads/vmap?zone=1" });
    expect([settings.zoneUrl?.href, settings.adTagUrl?.href, settings.repackageUrl?.href]).toEqual([
      "https://site.example/v1/zones/1.json",
      "https://site.example/ads/vmap?zone=1",
      "https://site.example/ads/repackage",
    ]);
  });

  test("sends no cookies unless the publisher asks for it", () => {
    expect(parse({ zoneUrl: "/z" }).credentials).toBe("omit");
  });

  test.each([
    [{ zoneUrl: "javascript:alert(1)" }, "zoneUrl"],
    [{ zoneUrl: "https://" }, "zoneUrl"],
    [{ zoneUrl: "/z", adTagUrl: "data:text/xml,<VAST/>" }, "adTagUrl"],
    [{ zoneUrl: "/z", breaks: [{ time: -1, adTagUrl: "/ads" }] }, "breaks[0].time"],
    [{ zoneUrl: "/z", breaks: [{ time: Number.NaN, adTagUrl: "/ads" }] }, "breaks[0].time"],
    [{ zoneUrl: "/z", startBudgetMs: -1 }, "startBudgetMs"],
  ] as const)("%j is refused by name", (options, name) => {
    expect(() => parse(options)).toThrow(
      expect.objectContaining({ code: "option-invalid", message: expect.stringContaining(name) }),
    );
  });
});

describe("options of a page without types", () => {
  /** What the page is told. */
  const open = async (options: unknown): Promise<readonly string[]> => {
    const web = createFakeWeb({ "/v1/zones/1.json": ZONE });
    const base: ReturnType<typeof createInsertionBase> = Reflect.apply(createInsertionBase, undefined, [
      options,
      { canBindLate: true },
      web.createPorts,
    ]);
    const told: string[] = [];
    base.insertion.on("error", ({ code, fatal, message }) => told.push(`${code} ${fatal ? "fatal " : ""}${message}`));
    await base.insertion.ready.catch(() => undefined);
    base.insertion.destroy();
    return told;
  };
  const zoneUrl = "/v1/zones/1.json";

  test.each([
    [undefined, "options: expected an object, got undefined"],
    [null, "options: expected an object, got null"],
    ["/zone", 'options: expected an object, got "/zone"'],
    [{ zoneUrl: null }, "zoneUrl: expected an http(s) URL, got null"],
    [{ zoneUrl: 7 }, "zoneUrl: expected an http(s) URL, got 7"],
    [{ zoneUrl, startBudgetMs: "1" }, 'startBudgetMs: expected a number, got "1"'],
    [{ zoneUrl, startBudgetMs: Number.NaN }, "startBudgetMs: expected milliseconds from 0, got NaN"],
    [{ zoneUrl, live: "yes" }, 'live: expected true or false, got "yes"'],
    [{ zoneUrl, snapBack: 0 }, "snapBack: expected true or false, got 0"],
    [{ zoneUrl, session: 5 }, "session: expected a string, got 5"],
    [{ zoneUrl, credentials: "all" }, 'credentials: expected omit or include, got "all"'],
    [{ zoneUrl, lookAhead: true }, "lookAhead: expected a number or false, got true"],
    [{ zoneUrl, breaks: {} }, "breaks: expected a list of objects, got an object"],
    [{ zoneUrl, breaks: [null] }, "breaks: expected a list of objects, got a list"],
    [{ zoneUrl, breaks: [{ id: 3, time: 0 }] }, "breaks[0].id: expected a string, got 3"],
    [{ zoneUrl, breaks: [{ time: 0, hlsUrls: "/a" }] }, 'breaks[0].hlsUrls: expected a list, got "/a"'],
    [{ zoneUrl, breaks: [{ time: 0, adTagUrl: 5 }] }, "breaks[0].adTagUrl: expected an http(s) URL, got 5"],
    [{ zoneUrl, livePreroll: "x" }, 'livePreroll: expected an object, true or false, got "x"'],
    [{ zoneUrl, resolvers: [{}] }, "resolvers[0].canResolve: expected a function, got undefined"],
    [{ zoneUrl, timeRanges: { type: "mark" } }, "timeRanges.ranges: expected a list of objects, got undefined"],
    [{ zoneUrl, policy: () => true }, "policy: expected an object, got a function"],
    [{ zoneUrl, policy: { selectAdBreaksToPlay: 1 } }, "policy.selectAdBreaksToPlay: expected a function, got 1"],
    [{ server: "v1" }, 'server: expected an object, got "v1"'],
    [{ zoneUrl, macros: [] }, "macros: expected an object, got a list"],
    [{ zoneUrl, firstEncounter: "wait" }, 'firstEncounter: expected a list or a function, got "wait"'],
    [{ zoneUrl, firstEncounter: ["play"] }, 'firstEncounter: expected remux, wait or skip, got "play"'],
    [{ zoneUrl, waitBudgetMs: -1 }, "waitBudgetMs: expected milliseconds from 0, got -1"],
    [{ zoneUrl, remuxMaxBytes: Infinity }, "remuxMaxBytes: expected bytes from 0, got Infinity"],
    [{ zoneUrl, remuxUrl: "//" }, 'remuxUrl: expected an http(s) URL, got "//"'],
  ])("%j: %s", async (options, message) => {
    expect(await open(options)).toEqual([`option-invalid fatal ${message}`]);
  });

  test("a name that is no option's is told and costs nothing; a slip of capitals is pointed out", async () => {
    expect(await open({ zoneUrl, adTagURL: "/ads", toString: 1 })).toEqual([
      "option-invalid adTagURL: expected the name of an option, got one that is none; adTagUrl is one",
      "option-invalid toString: expected the name of an option, got one that is none",
    ]);
  });

  test("undefined stands for what is not set, and URL objects for addresses", async () => {
    const base = new URL("https://site.example/v1/zones/1.json");
    expect(await open({ zoneUrl: base, adTagUrl: undefined, live: undefined, breaks: undefined })).toEqual([]);
  });
});

describe("a page that carries the zone document", () => {
  const open = async (zone: object): Promise<{ readonly requests: readonly string[]; readonly end: string }> => {
    const web = createFakeWeb({});
    const options = { zone, zoneUrl: "/v1/zones/1.json" };
    const { insertion } = createInsertionBase(options, { canBindLate: true }, web.createPorts);
    const end = await insertion.ready.then(
      () => "ready",
      (cause: unknown) => String(cause),
    );
    insertion.destroy();
    return { requests: web.requests, end };
  };

  test("is ready without asking for it", async () => {
    expect(await open(JSON.parse(ZONE.text ?? ""))).toEqual({ requests: [], end: "ready" });
  });

  test("is told what is wrong with it", async () => {
    const { end } = await open({ zone: "1", cdns: { a: "/a/" }, defaultCdn: "b" });
    expect(end).toContain(
      'zone document at https://site.example/v1/zones/1.json: defaultCdn: expected a name in cdns, got "b"',
    );
  });

  test("need not say where it would be", () => {
    expect(parse({ zone: {} }).zoneUrl?.href).toBe("https://site.example/page/");
  });
});
