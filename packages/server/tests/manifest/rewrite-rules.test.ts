import { describe, expect, test } from "vitest";
import { applyRules, checkRules, readRuleNames } from "../../src/manifest/ads/rewrite-rules.ts";

const PLAIN = { name: "adfetch_plain", find: "^https:", replace: "http:" };
const MOVE = { name: "cdn_move", find: "^https://origin\\.example/(\\w+)/", replace: "https://my.example/ads/$1/" };
const PORT = { name: "adfetch_port", find: "^http://([^/]+)", replace: "http://$1:8080" };
const RULES = [PLAIN, MOVE, PORT];

describe("rewrite rules", () => {
  test("apply only where the client names them, and only for their use", () => {
    const url = "https://origin.example/a/x.m3u8";
    expect(applyRules(url, RULES, [], "adfetch")).toBe(url);
    expect(applyRules(url, RULES, ["cdn_move"], "adfetch")).toBe(url);
    expect(applyRules(url, RULES, ["cdn_move", "adfetch_plain"], "cdn")).toBe("https://my.example/ads/a/x.m3u8");
  });

  test("apply in the order in which the client names them", () => {
    const url = "https://o.example/";
    expect(applyRules(url, RULES, ["adfetch_plain", "adfetch_port"], "adfetch")).toBe("http://o.example:8080/");
    expect(applyRules(url, RULES, ["adfetch_port", "adfetch_plain"], "adfetch")).toBe("http://o.example/");
  });

  test("that are not known are passed over", () => {
    expect(applyRules("https://o.example/", RULES, ["adfetch_other", "__proto__"], "adfetch")).toBe(
      "https://o.example/",
    );
  });

  test("do not lead out of http", () => {
    const evil = { name: "cdn_evil", find: "^https", replace: "file" };
    expect(applyRules("https://o.example/", [evil], ["cdn_evil"], "cdn")).toBe("https://o.example/");
  });

  test("leave a very long URL alone, so that an expression which backtracks costs no more than one of ordinary length", () => {
    const url = `https://o.example/${"a".repeat(5000)}`;
    expect(applyRules(url, RULES, ["adfetch_plain"], "adfetch")).toBe(url);
  });

  test("are read from the bootstrap's query", () => {
    expect(readRuleNames("a=1&ptprotoswitch=adfetch_fw%2C%20cdn_akm,&b")).toEqual(["adfetch_fw", "cdn_akm"]);
    expect(readRuleNames("")).toEqual([]);
  });
});

describe("a configuration is refused", () => {
  test.each([
    ["with an expression that is none", [{ name: "cdn_x", find: "(", replace: "" }], /cdn_x.*regular expression/],
    ["with a rule of no known use", [{ name: "fetch_x", find: "a", replace: "" }], /fetch_x.*adfetch_x or cdn_x/],
    ["with a name given twice", [PLAIN, PLAIN], /adfetch_plain/],
  ])("%s", (_name, rules, message) => {
    expect(() => checkRules(rules)).toThrow(
      expect.objectContaining({ code: "option-invalid", message: expect.stringMatching(message) }),
    );
  });

  test("and taken where all is well", () => {
    expect(() => checkRules(RULES)).not.toThrow();
  });
});
