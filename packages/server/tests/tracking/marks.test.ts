import { describe, expect, test } from "vitest";
import { createMarker } from "../../src/tracking/marks.ts";
import { BROWSER } from "./browser.ts";

describe("createMarker", () => {
  const readMark = createMarker();

  test.each([
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
    "curl/8.5.0",
    "python-requests/2.32",
    "node",
  ])("%s is a program that nobody watches with", (userAgent) => {
    expect(readMark({ "user-agent": userAgent }, "unsigned")).toBe("bot");
  });

  test.each([
    BROWSER["user-agent"],
    "AppleCoreMedia/1.0.0.20G75 (Apple TV; U; CPU OS 16_6 like Mac OS X; en_us)",
    "Roku/DVP-12.5 (12.5.0.4178-88)",
    "ExampleTV/2.1 (Linux;Android 13) ExoPlayerLib/2.19.1",
    "ExampleTV/3.0 (Linux;Android 14) AndroidXMedia3/1.4.1",
    "okhttp/4.12.0",
    "VLC/3.0.20 LibVLC/3.0.20",
    "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0 Safari/537.36",
    "",
  ])("%j may be a viewer's", (userAgent) => {
    expect(readMark({ "user-agent": userAgent }, "signed")).toBe("");
  });

  test("where a server sends in a viewer's name, the viewer's program is judged", () => {
    const sent = { "user-agent": "node", "x-device-user-agent": BROWSER["user-agent"] };
    expect(readMark(sent, "signed")).toBe("");
    expect(readMark({ ...BROWSER, "x-device-user-agent": "Googlebot/2.1" }, "signed")).toBe("bot");
  });

  test.each([
    ["sec-purpose", "prefetch"],
    ["sec-purpose", "prefetch;prerender"],
    ["purpose", "prefetch"],
    ["x-purpose", "preview"],
    ["x-moz", "prefetch"],
  ])("%s: %s says that nobody has seen it yet", (name, value) => {
    expect(readMark({ ...BROWSER, [name]: value }, "signed")).toBe("prefetch");
  });

  test("a URL that anybody could have written tells of no viewer, and a robot is one all the same", () => {
    expect(readMark(BROWSER, "unsigned")).toBe("unsigned");
    expect(readMark({ "user-agent": "curl/8.5.0" }, "unsigned")).toBe("bot");
    expect(readMark({ ...BROWSER, purpose: "prefetch" }, "unsigned")).toBe("prefetch");
  });

  test("a changed URL is that, whoever sends it, and many names of programs are judged each", () => {
    expect(readMark({ "user-agent": "curl/8", purpose: "prefetch" }, "forged")).toBe("forged");
    const names = Array.from({ length: 6000 }, (_, i) => readMark({ "user-agent": `curl/${i}` }, "unsigned"));
    expect(new Set(names)).toEqual(new Set(["bot"]));
    expect(readMark({ "user-agent": `${BROWSER["user-agent"]} ${"x".repeat(16_000)}` }, "signed")).toBe("");
  });
});
