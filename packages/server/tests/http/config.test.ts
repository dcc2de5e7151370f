import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseZoneDocument } from "@interlude/core";
import { afterAll, describe, expect, test } from "vitest";
import { readConfig, VARIABLES } from "../../src/config.ts";
import { embeddedTarget } from "../../src/targets/target-config.ts";
import { formatZoneDocument, locateOnCdn, parseZones } from "../../src/zones.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

function complaint(env: Readonly<Record<string, string>>): string {
  try {
    readConfig(env);
    return "no complaint";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("readConfig", () => {
  test("with nothing set: loopback, zone 1 on two CDNs, embedded database, a new token each time", () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      host: "127.0.0.1",
      port: 8080,
      databaseUrl: undefined,
      crsEnabled: true,
      targets: [
        { type: "directory", name: "a" },
        { type: "directory", name: "b" },
      ],
      trustProxy: [],
      publicHosts: [],
      fetch: { allowPrivate: [], ports: [80, 443] },
    });
    expect(config.stateDir).toBe(join(process.cwd(), ".interlude"));
    expect(config.crs.workDir.startsWith(config.stateDir)).toBe(true);
    expect(config.zones.map((zone) => [zone.zone, zone.cdns, zone.creativeHosts])).toEqual([
      ["1", { a: "../../cdn/a/", b: "../../cdn/b/" }, []],
    ]);
    expect(config.apiToken).toHaveLength(32);
    expect(readConfig({}).apiToken).not.toBe(config.apiToken);
  });

  test("what is always made, how often sources are looked at and what they may be at most come from the environment", () => {
    const { crs } = readConfig({
      INTERLUDE_CRS_ALWAYS: "cmaf",
      INTERLUDE_CRS_REVALIDATE: "0",
      INTERLUDE_CRS_MAX_SECONDS: "60",
      INTERLUDE_CRS_MAX_MEGABYTES: "12000",
    });
    expect(crs).toMatchObject({ always: ["cmaf"], revalidateMs: 0, limits: { maxDuration: 60, maxBytes: 12e9 } });
    expect(crs.maxDiskBytes).toBe(48e9);
    expect(complaint({ INTERLUDE_CRS_ALWAYS: "dash" })).toBe('INTERLUDE_CRS_ALWAYS: expected hls or cmaf, got "dash"');
    expect(complaint({ INTERLUDE_CRS_MAX_MEGABYTES: "12000", INTERLUDE_CRS_DISK: "40" })).toContain("from 48 to");
  });

  test("rungs and loudness are the operator's; −24 LKFS and five rungs are the default", () => {
    expect(readConfig({}).crs).toMatchObject({ rungs: [1080, 720, 540, 360, 180], loudness: -24 });
    const { crs } = readConfig({ INTERLUDE_CRS_RUNGS: "720, 360,360", INTERLUDE_CRS_LOUDNESS: "-23" });
    expect(crs).toMatchObject({ rungs: [720, 360], loudness: -23 });
    expect(complaint({ INTERLUDE_CRS_RUNGS: "720,361" })).toBe(
      'INTERLUDE_CRS_RUNGS: expected even numbers from 90 to 2160, got "361"',
    );
    expect(complaint({ INTERLUDE_CRS_LOUDNESS: "-16" })).toBe(
      'INTERLUDE_CRS_LOUDNESS: expected one of -24, -23, got "-16"',
    );
  });

  test("an empty variable is an unset one; the ticket secret follows from the token unless it is given", () => {
    const INTERLUDE_API_TOKEN = "0123456789abcdef";
    const config = readConfig({ PORT: "", HOST: " ", INTERLUDE_API_TOKEN });
    expect([config.port, config.host]).toEqual([8080, "127.0.0.1"]);
    expect(readConfig({ INTERLUDE_API_TOKEN }).ticketSecret).toBe(config.ticketSecret);
    expect(config.ticketSecret).not.toContain(INTERLUDE_API_TOKEN);
    expect(readConfig({ INTERLUDE_TICKET_SECRET: "fedcba9876543210" }).ticketSecret).toBe("fedcba9876543210");
  });

  test.each([
    [{ PORT: "80a" }, 'PORT: expected a whole number from 0 to 65535, got "80a"'],
    [{ PORT: "65536" }, 'PORT: expected a whole number from 0 to 65535, got "65536"'],
    [{ PORT: "-1" }, 'PORT: expected a whole number from 0 to 65535, got "-1"'],
    [{ INTERLUDE_CRS: "no" }, 'INTERLUDE_CRS: expected one of on, off, got "no"'],
    [{ INTERLUDE_TRUST_PROXY: "true" }, 'INTERLUDE_TRUST_PROXY: expected IP addresses or CIDRs, got "true"'],
    [{ INTERLUDE_TRUST_PROXY: "10.0.0.0/33" }, "INTERLUDE_TRUST_PROXY: expected IP addresses or CIDRs"],
    [{ INTERLUDE_CDNS: "a,../b" }, 'INTERLUDE_CDNS: expected names of letters, digits, _ or -, got "../b"'],
    [
      { INTERLUDE_FETCH_ALLOW_PRIVATE: "127.0.0.1" },
      'INTERLUDE_FETCH_ALLOW_PRIVATE: expected host:port, got "127.0.0.1"',
    ],
    [{ INTERLUDE_FETCH_PORTS: "80,0" }, 'INTERLUDE_FETCH_PORTS: expected ports from 1 to 65535, got "0"'],
    [{ INTERLUDE_API_ORIGINS: "https://a.example/" }, "INTERLUDE_API_ORIGINS: expected origins such as"],
    [{ INTERLUDE_PUBLIC_HOSTS: "*.example" }, 'INTERLUDE_PUBLIC_HOSTS: expected name, name:port or *, got "*.example"'],
    [{ INTERLUDE_LOG: "loud" }, "INTERLUDE_LOG: expected one of silent, fatal,"],
    [{ INTERLUDE_CAMPAIGNS: "/nowhere/c.json" }, "INTERLUDE_CAMPAIGNS: expected a file that can be read"],
  ])("%j is refused in a sentence", (env, message) => {
    expect(complaint(env)).toContain(message);
  });

  test("a secret that is too short, and a database address, are refused without being repeated", () => {
    expect(complaint({ INTERLUDE_API_TOKEN: "hunter2" })).toBe(
      "INTERLUDE_API_TOKEN: expected at least 16 visible ASCII characters, got 7 characters",
    );
    expect(complaint({ DATABASE_URL: "mysql://user:hunter2@db" })).not.toContain("hunter2");
    expect(readConfig({ DATABASE_URL: "postgres://user:pw@db/x" }).databaseUrl).toBe("postgres://user:pw@db/x");
  });

  test("campaign and zones files are read, and complaints name the file as it was given", () => {
    const campaigns = join(folder, "campaigns.json");
    const zones = join(folder, "zones.json");
    writeFileSync(campaigns, '{"version":1,"lineItems":[{"id":"x","ads":[]}]}');
    writeFileSync(zones, '{"version":1,"zones":[{"zone":"news","creativeHosts":["CDN.example"]}]}');
    const config = readConfig({ INTERLUDE_CAMPAIGNS: campaigns, INTERLUDE_ZONES: zones, INTERLUDE_CDNS: "main" });
    expect([...config.campaigns.lineItems.keys()]).toEqual(["x"]);
    expect(config.zones).toMatchObject([{ zone: "news", defaultCdn: "main", creativeHosts: ["cdn.example"] }]);
    writeFileSync(campaigns, '{"version":1,"lineItems":[{"id":"x","ads":[],"zones":["1"]}]}');
    const later = readConfig({ INTERLUDE_CAMPAIGNS: campaigns, INTERLUDE_ZONES: zones, INTERLUDE_CDNS: "main" });
    expect(later.campaigns.lineItems.get("x")?.zones).toEqual(["1"]);
    writeFileSync(campaigns, '{"version":1}');
    expect(complaint({ INTERLUDE_CAMPAIGNS: campaigns })).toBe(
      `${campaigns}, line 1: lineItems: expected a list, got nothing`,
    );
  });

  test("every variable that is read is documented", () => {
    const read = new Set<string>();
    const env = new Proxy<Record<string, string>>({}, { get: (_target, name) => void read.add(String(name)) });
    readConfig(env);
    expect([...read].toSorted()).toEqual(Object.keys(VARIABLES).toSorted());
  });
});

describe("zones", () => {
  const published = ["a", "near", "far"].map(embeddedTarget);
  const parse = (zone: object): ReturnType<typeof parseZones> =>
    parseZones(JSON.stringify({ version: 1, zones: [zone] }), "zones.json", published);

  test("a zone's document is what core reads, without the list of hosts", () => {
    const [zone] = parse({
      zone: "news",
      cdns: { far: "https://cdn.example/x", near: "../../cdn/a/" },
      defaultCdn: "near",
      targetDurations: [4],
      normalise: [{ host: { matches: "ew", values: [".example"] }, find: "\\?.*$", replace: "" }],
      mediaTypes: ["video/mp4"],
      firstEncounter: ["wait", "skip"],
      creativeHosts: ["secret.example"],
    });
    if (!zone) throw new Error("expected a zone");
    expect(JSON.stringify(formatZoneDocument(zone))).not.toContain("secret");
    const read = parseZoneDocument(formatZoneDocument(zone), new URL("https://host.example/v1/zones/news.json"));
    expect(read.firstEncounter).toEqual(["wait", "skip"]);
    expect([read.cdns["near"]?.href, read.cdns["far"]?.href]).toEqual([
      "https://host.example/cdn/a/",
      "https://cdn.example/x/",
    ]);
    expect([
      locateOnCdn(zone, "near", "p/q.m3u8"),
      locateOnCdn(zone, "far", "p/q.m3u8"),
      locateOnCdn(zone, "toString", "p"),
    ]).toEqual(["/cdn/a/p/q.m3u8", "https://cdn.example/x/p/q.m3u8", undefined]);
  });

  test.each([
    [
      { zone: "a", firstEncounter: ["play"] },
      "zones[0].firstEncounter[0]: expected one of remux, wait, skip, got play",
    ],
    [{ zone: "a b" }, "zones.json, line 1: zones[0]: expected a valid zone, got zone document"],
    [{ zone: "a", defaultCdn: "c" }, "defaultCdn: expected a name in cdns"],
    [{ zone: "a", targetDurations: [5] }, "zones[0].targetDurations[0]: expected 2, 4 or 6, got 5"],
    [
      { zone: "a", normalise: [{ host: { matches: "eq", values: [] }, find: "(", replace: "" }] },
      "normalise: expected valid items",
    ],
    [
      { zone: "a", normalise: [{ host: { matches: "is", values: [] }, find: "x", replace: "" }] },
      "matches: expected one of eq,",
    ],
    [
      { zone: "a", cdns: { a: "../../cdn/a/", elsewhere: "https://cdn.example/" } },
      'zones[0].cdns.elsewhere: expected a CDN that is published to (a, near, far), got "elsewhere"',
    ],
    [{ zone: "a", hosts: [] }, "zones[0].hosts: expected one of zone, cdns,"],
  ])("%j is refused", (zone, message) => {
    expect(() => parse(zone)).toThrow(message);
  });

  test("a zone that is listed twice, or no zone, is refused", () => {
    expect(() => parseZones('{"version":1,"zones":[]}', "z", published)).toThrow(
      "zones: expected at least one zone, got a list of 0",
    );
    expect(() => parseZones('{"version":1,"zones":[{"zone":"1"},\n{"zone":"1"}]}', "z", published)).toThrow(
      "z, line 2: zones[1]: expected a zone that the list",
    );
  });
});
