import { describe, expect, test } from "vitest";
import { RELAY_DEFAULTS } from "../../src/ads/relay/relay-zone.ts";
import { embeddedTarget } from "../../src/targets/target-config.ts";
import { formatZoneDocument, parseZones, type ZoneConfig } from "../../src/zones.ts";

function readZone(relay: unknown): ZoneConfig {
  const text = JSON.stringify({ version: 1, zones: [{ zone: "1", relay }] });
  const [zone] = parseZones(text, "zones.json", [embeddedTarget("a")]);
  if (!zone) throw new Error("no zone");
  return zone;
}

const TAG = "https://ads.example/vast?w=[CACHEBUSTING]&c=[?cust]";

describe("relay of the zones file", () => {
  test("an upstream's name and tag are enough", () => {
    const { relay } = readZone({ upstreams: [{ name: "main", tagUrl: TAG }] });
    const upstream = { name: "main", tagUrl: TAG, timeoutMs: 2000, headers: {}, parameters: "all" };
    expect(relay).toEqual({ ...RELAY_DEFAULTS, upstreams: [upstream] });
  });

  test("everything that can be set is read as it was written, names of headers and hosts in lower case", () => {
    const first = {
      name: "main",
      tagUrl: "https://first.example/vast",
      timeoutMs: 500,
      headers: { "x-key": "a b" },
      parameters: ["cust"],
    };
    const second = { name: "second", tagUrl: "/ads/vast?zone=2", timeoutMs: 2000, headers: {}, parameters: "all" };
    const rules = {
      block: { adSystems: ["Bad System"], hosts: [".bad.example"] },
      priority: { adSystems: ["Good"], hosts: ["cdn.example"] },
    };
    const relay = { fallback: "failure", timeoutMs: 900, wrapperLimit: 0, rules, normalise: "first" };
    const written = {
      ...relay,
      upstreams: [{ ...first, headers: { "X-Key": "a b" } }, second],
      rules: { ...rules, block: { ...rules.block, hosts: [".BAD.example"] } },
    };
    expect(readZone(written).relay).toEqual({ ...relay, upstreams: [first, second] });
  });

  test("ad servers and their keys are not in the document that clients read", () => {
    const zone = readZone({ upstreams: [{ name: "main", tagUrl: TAG, headers: { "x-key": "s3cret" } }] });
    expect(JSON.stringify(formatZoneDocument(zone))).not.toMatch(/relay|s3cret|ads\.example/);
  });

  const good = { name: "main", tagUrl: TAG };
  const EXPECTED_TAG = "expected an http(s) URL, or /ads/vast or /ads/vmap of this server";
  test.each([
    [{}, "relay.upstreams: expected a list, got nothing"],
    [{ upstreams: [] }, "relay.upstreams: expected 1 to 20 upstreams, got a list of 0"],
    [{ upstreams: [good, good] }, "relay.upstreams[1]: expected a name that the list does not have yet, got main"],
    [{ upstreams: [{ ...good, name: "a b" }] }, "upstreams[0].name: expected 1 to 64 letters"],
    [{ upstreams: [{ name: "a" }] }, "upstreams[0].tagUrl: expected a text, got nothing"],
    [{ upstreams: [{ ...good, tagUrl: "//evil.example/" }] }, `tagUrl: ${EXPECTED_TAG}`],
    [{ upstreams: [{ ...good, tagUrl: "https://u:p@ads.example/" }] }, `tagUrl: ${EXPECTED_TAG}`],
    [{ upstreams: [{ ...good, tagUrl: "/vast.xml" }] }, `tagUrl: ${EXPECTED_TAG}`],
    [{ upstreams: [{ ...good, tagUrl: "/ads/vast3?zone=1" }] }, `tagUrl: ${EXPECTED_TAG}`],
    [{ upstreams: [{ ...good, tagUrl: "/ads/vast/../../vod/a" }] }, `tagUrl: ${EXPECTED_TAG}`],
    [{ upstreams: [{ ...good, timeoutMs: 0 }] }, "timeoutMs: expected milliseconds from 1 to 60000, got 0"],
    [{ upstreams: [{ ...good, parameters: "none" }] }, 'parameters: expected a list of names, or "all"'],
    [
      { upstreams: [{ ...good, tagUrl: "/ads/vast?zone=1", headers: { "x-key": "s3cret" } }] },
      "headers: expected none for a path of this server, which is below whatever name a client asked for, got some",
    ],
    [{ upstreams: [{ ...good, headers: { Host: "x" } }] }, "headers.Host: expected the name of a header that is"],
    [{ upstreams: [{ ...good, headers: { "x-key": "s3cret\u00e9" } }] }, "expected visible ASCII characters, got some"],
    [{ upstreams: [good], fallback: "never" }, "relay.fallback: expected one of no-fill, failure"],
    [{ upstreams: [good], wrapperLimit: 11 }, "relay.wrapperLimit: expected a whole number from 0 to 10, got 11"],
    [{ upstreams: [good], normalise: true }, "relay.normalise: expected a text, got true"],
    [{ upstreams: [good], rules: { block: { hosts: ["a/b"] } } }, "rules.block.hosts[0]: expected a host such as"],
    [{ upstreams: [good], rules: { allow: {} } }, "rules.allow: expected one of block, priority"],
    [{ upstreams: [good], breaker: {} }, "relay.breaker: expected one of upstreams, fallback"],
  ])("%j is refused by name and place", (relay, complaint) => {
    expect(() => readZone(relay)).toThrow(complaint);
  });
});
