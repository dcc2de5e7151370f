import { describe, expect, test } from "vitest";
import { type AdInsertionOptions, parseOptions } from "../src/options.ts";
import { createFakeWeb } from "./fake-web.ts";
import { createInsertionBase } from "../src/ad-insertion.ts";

const parse = (options: AdInsertionOptions): ReturnType<typeof parseOptions> =>
  parseOptions(options, "https://site.example/page/", () => "viewer-1");

describe("the option server", () => {
  test("needs no zone, and waits 1.5 s for a sidecar unless it says otherwise", () => {
    const { zoneUrl, server } = parse({ server: { tracking: "v3" } });
    expect([zoneUrl, server]).toEqual([undefined, { tracking: "v3", sidecarTimeoutMs: 1500 }]);
    expect(parse({ server: { tracking: "marker", sidecarTimeoutMs: 0 } }).server?.sidecarTimeoutMs).toBe(0);
  });

  test("left out as the zone is, the error names both", () => {
    expect(() => parse({})).toThrow(
      expect.objectContaining({ code: "option-invalid", message: expect.stringMatching(/zoneUrl.*server/) }),
    );
  });

  test("with a time that is none, the error names it", () => {
    expect(() => parse({ server: { tracking: "v1", sidecarTimeoutMs: -1 } })).toThrow(
      expect.objectContaining({ code: "option-invalid", message: expect.stringContaining("server.sidecarTimeoutMs") }),
    );
  });

  test("asks neither for a zone nor for ads, and is ready at once", async () => {
    const web = createFakeWeb({});
    const options = { server: { tracking: "v2" }, adTagUrl: "/ads/vast" } as const;
    const { insertion } = createInsertionBase(options, { canBindLate: true }, web.createPorts);
    await insertion.ready;
    insertion.destroy();
    expect(web.requests).toEqual([]);
  });
});
