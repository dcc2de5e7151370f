import { describe, expect, test } from "vitest";
import { readTokenLink } from "../src/api/token.ts";
import { formatRoute, parseRoute } from "../src/route.ts";

describe("the address behind #", () => {
  test("names the page, what it is of and what is chosen, and comes back as it was", () => {
    const hash = formatRoute(["creatives", "zone-1", "0af3"], { state: "failed", url: "a b&c", zone: "" });
    expect(formatRoute(["sessions"], { zone: undefined })).toBe("#/sessions");
    expect(hash).toBe("#/creatives/zone-1/0af3?state=failed&url=a+b%26c");
    const { page, path, query } = parseRoute(hash);
    expect({ page, path, query: [...query] }).toEqual({
      page: "creatives",
      path: ["zone-1", "0af3"],
      query: [
        ["state", "failed"],
        ["url", "a b&c"],
      ],
    });
  });

  test("is the first page where it is empty, and keeps what is no escape", () => {
    expect(parseRoute("")).toMatchObject({ page: "", path: [] });
    expect(parseRoute("#/")).toMatchObject({ page: "", path: [] });
    expect(parseRoute("#/sessions/100%")).toMatchObject({ page: "sessions", path: ["100%"] });
    expect(parseRoute("#/sessions/a%2Fb?x=1?y")).toMatchObject({ page: "sessions", path: ["a/b"] });
  });

  test("has the token only where the server's link put it", () => {
    expect(readTokenLink("#token=a-b_c")).toBe("a-b_c");
    expect(readTokenLink("#/sessions?token=x")).toBeUndefined();
    expect(readTokenLink("#token=")).toBeUndefined();
    expect(readTokenLink("")).toBeUndefined();
  });
});
