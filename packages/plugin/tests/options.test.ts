import { describe, expect, test } from "vitest";
import { type AdInsertionOptions, parseOptions } from "../src/options.ts";

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
