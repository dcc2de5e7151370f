import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { RELAY_DEFAULTS } from "../../src/ads/relay/relay-zone.ts";
import { readConfig, VARIABLES } from "../../src/config.ts";
import { describeConfig } from "../../src/console-api/config-in-force.ts";
import { listSettings } from "../../src/console-api/settings.ts";
import { describeZone } from "../../src/console-api/zones-in-force.ts";
import { showAddress, showTag } from "../../src/console-api/without-secrets.ts";
import { standardZone } from "../../src/zones.ts";

/** Every secret that a setting or a file can hold has this in it. */
const SECRET = "not-to-be-shown";

function writeFiles(files: Readonly<Record<string, object>>): Readonly<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return Object.fromEntries(
    Object.entries(files).map(([name, document]) => {
      const path = join(folder, `${name}.json`);
      writeFileSync(path, JSON.stringify(document));
      return [name, path];
    }),
  );
}

const describeEnvironment = (env: Readonly<Record<string, string>>) => {
  const config = readConfig(env);
  const { campaigns: current } = config;
  const loadedAt = new Date("2026-11-21T10:00:00Z");
  const campaigns = () => ({ current, state: "current" as const, loadedAt, complaint: undefined });
  return describeConfig({ config, campaigns });
};

/** Every variable that takes a text of its own, and every file, with a secret wherever there may be one. */
function secretEnvironment(): Readonly<Record<string, string>> {
  const tag = `https://ads.example/tag?key=${SECRET}&cb=[CACHEBUSTING]&u=[?u]#${SECRET}`;
  const { zones, targets, accounts } = writeFiles({
    zones: {
      version: 1,
      zones: [
        {
          zone: "7",
          cdns: { a: "https://cdn.example/" },
          manifest: {
            contentOrigins: ["https://content.example"],
            adTagUrl: tag,
            availTagUrl: "/ads/vast?li=avail",
            originSecret: { name: "x-origin", value: SECRET },
            rewriteRules: [{ name: "adfetch_x", find: SECRET, replace: SECRET }],
          },
        },
      ],
    },
    targets: {
      version: 1,
      targets: [
        {
          name: "a",
          type: "s3",
          endpoint: "https://s3.example/",
          region: "r",
          bucket: "ads",
          prefix: "deep/down",
          accessKeyId: SECRET,
          secretAccessKey: SECRET,
          publicUrl: "https://cdn.example/",
        },
        {
          name: "b",
          type: "http-put",
          url: "https://origin.example/put/",
          headers: { authorization: `Bearer ${SECRET}` },
          publicUrl: "https://b.example/",
        },
        { name: "c", type: "directory" },
      ],
    },
    accounts: { version: 1, accounts: [{ username: SECRET, password: `${SECRET}-password`, zones: ["7"] }] },
  });
  return {
    PORT: "9000",
    INTERLUDE_STATE: "/state",
    DATABASE_URL: `postgres://user:${SECRET}@db.example:5433/ads?password=${SECRET}`,
    INTERLUDE_API_TOKEN: `${SECRET}-api-token`,
    INTERLUDE_TICKET_SECRET: `${SECRET}-ticket`,
    INTERLUDE_WEBHOOK_URL: `https://hooks.example/${SECRET}?${SECRET}`,
    INTERLUDE_WEBHOOK_SECRET: `${SECRET}-webhook`,
    INTERLUDE_ZONES: zones ?? "",
    INTERLUDE_TARGETS: targets ?? "",
    INTERLUDE_REPACKAGE_ACCOUNTS: accounts ?? "",
    INTERLUDE_CRS_RUNGS: "360,180",
    INTERLUDE_CRS_DISK: "50",
  };
}

describe("the configuration in force", () => {
  test("has no secret in it, wherever an operator can put one", () => {
    expect(JSON.stringify(describeEnvironment(secretEnvironment()))).not.toContain(SECRET);
  });

  test("tells of each variable what is in force and where it comes from, and of a secret only whether it is set", () => {
    const { settings } = describeEnvironment(secretEnvironment());
    expect(settings.map(({ name }) => name)).toEqual(Object.keys(VARIABLES));
    const shown = Object.fromEntries(settings.map(({ name, meaning: _meaning, ...rest }) => [name, rest]));
    expect(shown).toMatchObject({
      HOST: { value: "127.0.0.1", source: "default", isSecret: false },
      PORT: { value: "9000", source: "environment" },
      DATABASE_URL: { value: "postgres://db.example:5433/ads", source: "environment", isSecret: true },
      INTERLUDE_WEBHOOK_URL: { value: "https://hooks.example", source: "environment", isSecret: true },
      INTERLUDE_CRS_RUNGS: { value: "360, 180", source: "environment" },
      INTERLUDE_CRS_DISK: { value: "50" },
      INTERLUDE_SESSIONS: { value: "database", source: "default" },
      INTERLUDE_CRS_REVALIDATE: { value: "360", source: "default" },
    });
    expect(shown["INTERLUDE_API_TOKEN"]).toEqual({ source: "environment", isSecret: true });
    expect(shown["INTERLUDE_TRUST_PROXY"]).toEqual({ source: "default", isSecret: false });
    expect(describeEnvironment({}).settings.find(({ name }) => name === "INTERLUDE_API_TOKEN")).toMatchObject({
      source: "default",
      isSecret: true,
    });
  });

  test("has as secrets what the documentation calls so, and no other variable", () => {
    const secret = listSettings(readConfig({})).filter(({ isSecret }) => isSecret);
    expect(secret.map(({ name }) => name)).toEqual([
      "DATABASE_URL",
      "INTERLUDE_API_TOKEN",
      "INTERLUDE_TICKET_SECRET",
      "INTERLUDE_WEBHOOK_URL",
      "INTERLUDE_WEBHOOK_SECRET",
    ]);
  });

  test("tells of files, targets, zones and campaigns what an operator looks for", () => {
    const env = secretEnvironment();
    const { files, targets, zones, accounts, campaigns } = describeEnvironment(env);
    expect(files).toEqual([
      { name: "INTERLUDE_ZONES", path: env["INTERLUDE_ZONES"] },
      { name: "INTERLUDE_TARGETS", path: env["INTERLUDE_TARGETS"] },
      { name: "INTERLUDE_REPACKAGE_ACCOUNTS", path: env["INTERLUDE_REPACKAGE_ACCOUNTS"] },
    ]);
    expect(targets).toMatchObject([
      { name: "a", type: "s3", publicUrl: "https://cdn.example/", where: "https://s3.example/: ads/deep/down" },
      { name: "b", type: "http-put", where: "https://origin.example/put/" },
      { name: "c", type: "directory", where: "/state/cdn/c" },
    ]);
    expect(zones).toMatchObject([{ zone: "7", cdns: { a: "https://cdn.example/" }, targetDurations: [6, 4] }]);
    expect(zones[0]?.manifest).toEqual(
      expect.arrayContaining([
        { name: "adTagUrl", value: "https://ads.example/tag?key=…&cb=[CACHEBUSTING]&u=[?u]" },
        { name: "availTagUrl", value: "/ads/vast?li=avail" },
        { name: "originSecret", value: "header x-origin (its value is not shown)" },
        { name: "rewriteRules", value: "adfetch_x" },
      ]),
    );
    expect([accounts, campaigns]).toEqual([
      { count: 1 },
      { lineItems: 0, schedules: 0, state: "current", loadedAt: "2026-11-21T10:00:00.000Z" },
    ]);
  });

  test("tells of a zone's relay whom it asks, without what lets it in there", () => {
    const upstream = {
      name: "first",
      tagUrl: `https://ads.example/vast?key=${SECRET}`,
      timeoutMs: 900,
      headers: { "x-key": SECRET },
      parameters: ["genre"],
    };
    const relay = { ...RELAY_DEFAULTS, upstreams: [upstream] };
    const zone = describeZone({ ...standardZone("1", []), relay });
    expect(zone.relay?.[0]).toEqual({
      name: "upstream first",
      value: "https://ads.example/vast?key=…, 900 ms, parameters: genre, headers x-key (their values are not shown)",
    });
    expect(zone.relay).toContainEqual({ name: "fallback", value: "no-fill" });
    expect(JSON.stringify(zone)).not.toContain(SECRET);
  });
});

test.each([
  ["https://a.example/x?a=1&b&c=", "https://a.example/x?a=…&…&c="],
  ["https://ads.example/t?SECRETTOKEN&x=1", "https://ads.example/t?…&x=…"],
  ["https://ads.example/t?[M]&%5BM%5D&&{m}", "https://ads.example/t?[M]&%5BM%5D&&{m}"],
  ["https://ads.example/site;key=secret;ord=1/t;secret?x", "https://ads.example/site;…/t;…?…"],
  ["https://ads.example/hdnts=exp=1~hmac=secret/t", "https://ads.example/hdnts=…/t"],
  ["//ads.example/t?key=secret", "//ads.example/t?key=…"],
  ["//u:p@ads.example/t", "//ads.example/t"],
  ["https://u:12#34@h/t", "https://…"],
  ["https://u:p@a.example:8443/x", "https://a.example:8443/x"],
  ["https://u@a.example?x=[M]&y=%5BM%5D&w={m}&z=[M]1", "https://a.example?x=[M]&y=%5BM%5D&w={m}&z=…"],
  ["https://a.example/p@q?x=?&x==", "https://a.example/p@q?x=…&x=…"],
  ["/ads/vast?li=one", "/ads/vast?li=one"],
])("of the tag %s is shown %s", (tag, shown) => {
  expect(showTag(tag)).toBe(shown);
});

test.each([
  ["postgres://u:p%40@db:5433/ads?password=p#p", "postgres://db:5433/ads"],
  ["postgres://u:12#34@h/db", "postgres://…"],
  ["https://origin.example/put;key=secret/x", "https://origin.example/put;…/x"],
])("of the address %s scheme, host, port and path are shown, as %s", (address, shown) => {
  expect(showAddress(address)).toBe(shown);
});
