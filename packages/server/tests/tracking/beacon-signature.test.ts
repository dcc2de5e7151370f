import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { checkBeacon, deriveBeaconSecret, judgeBeacon, signBeacon } from "../../src/beacon-signature.ts";
import { formatZoneDocument, parseZones } from "../../src/zones.ts";
import { openTestDatabase, testApp, testConfig, testTracking } from "../http/test-app.ts";
import { BROWSER } from "./browser.ts";
import { signQuery } from "./sign-query.ts";

const SECRET = deriveBeaconSecret("a-secret-for-tickets");
const URL_OF = { zone: "1", session: "s", break: "b", position: "1", ad: "a", creative: "c", li: "l", up: "u" };
const SIGNED = { ...URL_OF, sig: signBeacon("start", URL_OF, SECRET) };

/** As the release before did: over `n`, and not over `v`. */
function signAsBefore(event: string, { n = "", ...parameters }: Readonly<Record<string, string>>): string {
  const { v: _unsealed, ...sealed } = parameters;
  const texts = [event, ...Object.values(sealed), n].map((text) => `${text.length}:${text}`);
  const seal = createHmac("sha256", SECRET)
    .update(`interlude beacon 1\n${texts.join("")}`)
    .digest();
  return seal.subarray(0, 16).toString("base64url");
}

describe("checkBeacon", () => {
  test("what the player fills in, which time it is, and what comes beside, changes no seal", () => {
    const filled = {
      n: "2",
      t: "2026-11-21T10:00:00Z",
      playhead: "5",
      content: "9",
      error: "407",
      reason: "policy",
      cb: "1",
    };
    expect(checkBeacon("start", { ...SIGNED, ...filled, utm: "x" }, SECRET)).toBe("signed");
    expect(SIGNED.sig).toMatch(/^[\w-]{22}$/);
  });

  test.each(Object.keys(URL_OF))("a seal is not good for another %s", (name) => {
    expect(checkBeacon("start", { ...SIGNED, [name]: "other" }, SECRET)).toBe("forged");
    expect(checkBeacon("start", { ...SIGNED, [name]: undefined }, SECRET)).toBe("forged");
  });

  test("nor for another event, another secret, or with a character moved to the next value", () => {
    expect(checkBeacon("complete", SIGNED, SECRET)).toBe("forged");
    expect(checkBeacon("start", SIGNED, deriveBeaconSecret("another"))).toBe("forged");
    const moved = { ...URL_OF, zone: "", session: "1s" };
    expect(checkBeacon("start", { ...moved, sig: SIGNED.sig }, SECRET)).toBe("forged");
  });

  test.each(["x", "A".repeat(22), "A".repeat(23), `${SIGNED.sig}=`, "é".repeat(22)])("%s is no seal", (sig) => {
    expect(checkBeacon("start", { ...URL_OF, sig }, SECRET)).toBe("forged");
  });

  test("the viewer of a URL that names one can neither be taken out nor changed for another", () => {
    const named = { ...URL_OF, v: "viewer" };
    const sig = signBeacon("start", named, SECRET);
    expect(checkBeacon("start", { ...named, sig }, SECRET)).toBe("signed");
    expect(checkBeacon("start", { ...URL_OF, sig }, SECRET)).toBe("forged");
    expect(checkBeacon("start", { ...named, v: "other", sig }, SECRET)).toBe("forged");
    expect(judgeBeacon("start", { ...named, sig }, SECRET)).toEqual({ signature: "signed", isViewerSealed: true });
  });

  test("a viewer that was put into a URL without one is nobody's word, and costs the beacon nothing", () => {
    const added = judgeBeacon("start", { ...SIGNED, v: "viewer" }, SECRET);
    expect(added).toEqual({ signature: "signed", isViewerSealed: false });
  });

  test.each([
    ["as most are", URL_OF, "AZvWpZ1Tg0FGEFNWg0JNzw"],
    ["with a viewer", { ...URL_OF, v: "viewer" }, undefined],
    ["of a companion, which says which it is", { ...URL_OF, n: "2" }, undefined],
    ["of a companion for a viewer", { ...URL_OF, n: "2", v: "viewer" }, undefined],
  ])("URLs of the release before stay good: %s", (_kind, url, known) => {
    const sig = signAsBefore("start", url);
    expect(sig).toBe(known ?? sig);
    expect(checkBeacon("start", { ...url, sig }, SECRET)).toBe("signed");
    expect(checkBeacon("start", { ...url, ad: "other", sig }, SECRET)).toBe("forged");
  });

  test("URLs that name no viewer are good at instances of the release before", () => {
    expect(signBeacon("start", URL_OF, SECRET)).toBe(signAsBefore("start", URL_OF));
  });

  test("of a parameter that is given twice the first is sealed, as it is the first that is read", () => {
    expect(checkBeacon("start", { ...SIGNED, ad: ["a", "other"] }, SECRET)).toBe("signed");
    expect(checkBeacon("start", { ...SIGNED, ad: ["other", "a"] }, SECRET)).toBe("forged");
  });

  test("without a seal a beacon is unsigned", () => {
    expect([checkBeacon("start", URL_OF, SECRET), checkBeacon("start", { sig: "" }, SECRET)]).toEqual([
      "unsigned",
      "unsigned",
    ]);
  });
});

describe("tracking of a zone", () => {
  const parse = (tracking: string) =>
    parseZones(
      `{ "version": 1, "zones": [{ "zone": "1", "tracking": ${tracking} }] }`,
      "zones.json",
      testConfig().targets,
    );

  test("is the operator's: the document that pages read does not have it", () => {
    const [zone] = parse('{ "signed": "marked" }');
    expect(zone?.tracking).toEqual({ signed: "marked" });
    expect(parse('{ "signed": "optional" }')[0]?.tracking).toEqual({ signed: "optional" });
    expect(zone && formatZoneDocument(zone)).not.toHaveProperty("tracking");
  });

  test.each(['{ "signed": "maybe" }', '{ "signed": true }', "{}", '"required"', '{ "signed": "marked", "more": 1 }'])(
    "%s is refused with file, line and field",
    (tracking) => {
      expect(() => parse(tracking)).toThrow(/^zones\.json, line 1: zones\[0\]\.tracking.*: expected /);
    },
  );

  test("what is kept for how long comes from the environment", () => {
    const env = { INTERLUDE_TRACKING_DAYS: "7", INTERLUDE_REPORT_MONTHS: "3" };
    expect(testConfig(env).tracking).toEqual({ acknowledge: "disk", retention: { days: 7, months: 3 } });
    expect(() => testConfig({ INTERLUDE_TRACKING_DAYS: "1" })).toThrow("INTERLUDE_TRACKING_DAYS: expected");
    expect(() => testConfig({ INTERLUDE_TRACKING_ACKNOWLEDGE: "never" })).toThrow("expected one of disk, database");
  });
});

describe("/track/{event}", async () => {
  const database = await openTestDatabase();

  test("a URL that was changed is kept and marked; where the zone wants seals only sealed ones are taken", async () => {
    const config = testConfig();
    const file = '{ "version": 1, "zones": [{ "zone": "1", "tracking": { "signed": "required" } }] }';
    const strict = { ...config, zones: parseZones(file, "zones.json", config.targets) };
    const sig = signBeacon("start", { zone: "1", session: "sealed" }, deriveBeaconSecret(config.ticketSecret));
    const queries = [`session=sealed&sig=${sig}`, `session=changed&sig=${sig}`, "session=bare"];
    const statuses = async (of: typeof config): Promise<readonly number[]> => {
      const app = await testApp({ query: database.query, config: of });
      const answers = await Promise.all(
        queries.map((query) => app.inject({ url: `/track/start?zone=1&${query}`, headers: BROWSER })),
      );
      return answers.map(({ statusCode }) => statusCode);
    };
    expect(await statuses(strict)).toEqual([204, 403, 403]);
    expect(await statuses(config)).toEqual([204, 204, 204]);
  });

  test("a zone may take beacons that are written by hand: those count, changed ones do not", async () => {
    const config = testConfig();
    const file = '{ "version": 1, "zones": [{ "zone": "by-hand", "tracking": { "signed": "optional" } }] }';
    const tracking = testTracking(database);
    const zones = parseZones(file, "zones.json", config.targets);
    const app = await testApp({ query: database.query, config: { ...config, zones }, tracking });
    for (const query of ["creative=c", "creative=d&sig=changed"]) {
      await app.inject({ url: `/track/start?zone=by-hand&${query}`, headers: BROWSER });
    }
    await tracking.settle();
    const hours = "select creative, mark from tracking_hour where zone = 'by-hand' order by mark";
    expect(await database.query(hours)).toEqual([
      { creative: "c", mark: "" },
      { creative: "", mark: "forged" },
    ]);
  });

  test("in such a zone what nobody signed takes nothing from the sealed impression that a goal counts", async () => {
    const config = testConfig();
    const file = '{ "version": 1, "zones": [{ "zone": "goals", "tracking": { "signed": "optional" } }] }';
    const tracking = testTracking(database);
    const zones = parseZones(file, "zones.json", config.targets);
    const app = await testApp({ query: database.query, config: { ...config, zones }, tracking });
    const query = "zone=goals&session=s&break=b&position=1&ad=a&li=sold";
    for (const one of [query, signQuery("impression", query, config.ticketSecret)]) {
      await app.inject({ url: `/track/impression?${one}`, headers: BROWSER });
    }
    await tracking.settle();
    const goals = "select impressions::integer from delivery_total where line_item = 'sold'";
    expect(await database.query(goals)).toEqual([{ impressions: 1 }]);
  });

  test("a frequency cap goes by the viewer that this server named, not by one whom somebody put into its URL", async () => {
    const config = testConfig();
    const tracking = testTracking(database);
    const app = await testApp({ query: database.query, config, tracking });
    const victim = "v".repeat(22);
    const named = signQuery("impression", `session=named&li=capped&v=${victim}`, config.ticketSecret);
    const added = `${signQuery("impression", "session=added&li=capped", config.ticketSecret)}&v=${victim}`;
    for (const query of [named, added]) await app.inject({ url: `/track/impression?${query}`, headers: BROWSER });
    await tracking.settle();
    const seen = "select viewer = $1 as is_victim from delivery where line_item = 'capped' order by 1";
    expect(await database.query(seen, [victim])).toEqual([{ is_victim: false }, { is_victim: true }]);
  });

  test("the seal and the mark of a beacon are stored with it", async () => {
    const config = testConfig();
    const tracking = testTracking(database);
    const app = await testApp({ query: database.query, config, tracking });
    const sig = signBeacon("click", { zone: "seals", session: "s" }, deriveBeaconSecret(config.ticketSecret));
    for (const query of [`session=s&sig=${sig}`, `session=s2&sig=${sig}`, "session=s3"]) {
      await app.inject({ url: `/track/click?zone=seals&${query}`, headers: BROWSER });
    }
    const ahead = { ...BROWSER, "sec-purpose": "prefetch;prerender" };
    await app.inject({ url: "/track/click?zone=seals&session=s4", headers: ahead });
    await tracking.settle();
    expect(await tracking.list({ zone: "seals", limit: 10 })).toMatchObject([
      { session: "s", signature: "signed", mark: "" },
      { session: "s2", signature: "forged", mark: "forged" },
      { session: "s3", signature: "unsigned", mark: "unsigned" },
      { session: "s4", signature: "unsigned", mark: "prefetch" },
    ]);
    const metrics = (await app.inject({ url: "/metrics" })).body;
    expect(metrics).toContain('interlude_beacons_loaded_total{outcome="added"} 4');
    expect(metrics).toMatch(/interlude_beacon_journal_bytes [1-9]/);
  });
});
