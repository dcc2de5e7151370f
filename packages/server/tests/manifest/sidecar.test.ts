import { emptyTimeline, listAvails, parseMediaPlaylist, stitchLive, stitchVod } from "@interlude/core";
import { describe, expect, test } from "vitest";
import type { BreakDecision } from "../../src/manifest/breaks/decision.ts";
import { answerSidecar, type SidecarAnswer, type SidecarQuestion } from "../../src/manifest/tracking/sidecar.ts";
import { createTrace } from "../../src/manifest/trace.ts";
import { contentText, decidedAd, decidedBreak, MAIN, timedPod } from "./tracking-world.ts";

const SKIPPED = {
  adId: "new",
  adSystem: "Other",
  creativeId: "c",
  reason: "new-creative",
  message: "internal.example said no",
} as const;
const TWO = decidedBreak([decidedAd("one"), decidedAd("two", { sequence: 2 })]);

/** The sidecar of 16 seconds of VOD content, stitched with what was decided. */
function ask(decisions: readonly BreakDecision[], more: Partial<SidecarQuestion> = {}): SidecarAnswer {
  const pods = decisions.filter(({ ads }) => ads.length > 0).map((decision) => timedPod(decision));
  const { text, breaks, refused } = stitchVod(contentText(), MAIN, pods);
  return answerSidecar({
    version: "v2",
    mode: "simple",
    text,
    placed: breaks,
    refused,
    decisions: new Map(decisions.map((decision) => [decision.breakId, decision])),
    isScteTracked: false,
    trace: createTrace(),
    ...more,
  });
}

const read = (answer: SidecarAnswer): unknown => JSON.parse(answer.body);

describe("the sidecar of a VOD playlist", () => {
  test("is 200 with the ads at their times in the stitched playlist", () => {
    const answer = ask([TWO]);
    expect(answer).toMatchObject({ status: 200, contentType: "application/json; charset=utf-8" });
    expect(read(answer)).toMatchObject({
      startTime: 0,
      endTime: 36,
      pods: [
        {
          id: "mid-1",
          startTime: 8,
          duration: 20,
          ads: [
            { id: "one", startTime: 8, duration: 10 },
            {
              id: "two",
              startTime: 18,
              duration: 10,
              trackingUrls: [{ event: "impression", startTime: 18 }, {}, {}, {}, {}, {}],
            },
          ],
          trackingUrls: [
            { event: "start", startTime: 8 },
            { event: "complete", startTime: 28 },
          ],
        },
      ],
    });
  });

  test("is 201 without a body where the playlist has no ads, also where all were skipped", () => {
    const empty = decidedBreak([], { trackers: [], skipped: [SKIPPED] });
    for (const decisions of [[], [empty]]) {
      for (const version of ["v1", "v2", "v3", "vmap", undefined] as const) {
        expect(ask(decisions, { version })).toMatchObject({ status: 201, body: "" });
      }
    }
  });

  test("lists an empty break that owes its own beacons, behind the ads before it", () => {
    const place = { kind: "vod", time: 12, replaces: 0 } as const;
    const empty = decidedBreak([], { breakId: "empty", place });
    expect(ask([empty])).toMatchObject({ status: 200 });
    expect(read(ask([TWO, empty]))).toMatchObject({
      pods: [
        { id: "mid-1" },
        {
          id: "empty",
          startTime: 32,
          duration: 0,
          ads: [],
          trackingUrls: [
            { event: "start", startTime: 32 },
            { event: "complete", startTime: 32 },
          ],
        },
      ],
    });
  });

  test("a break at the end of the content, and one behind replaced content, have their stitched times", () => {
    const replacing = { ...TWO, place: { kind: "vod", time: 0, replaces: 8 } } as const;
    const later = decidedBreak([], { breakId: "later", place: { kind: "vod", time: 12, replaces: 0 } });
    const post = decidedBreak([], {
      breakId: "post",
      position: "post",
      place: { kind: "vod", time: "end", replaces: 0 },
    });
    const { text, breaks, refused } = stitchVod(contentText(), MAIN, [{ ...timedPod(replacing), replaces: 8 }]);
    const answer = ask([replacing, later, post], { text, placed: breaks, refused });
    expect(read(answer)).toMatchObject({
      endTime: 28,
      pods: [
        { id: "mid-1", startTime: 0 },
        { id: "later", startTime: 24 },
        { id: "post", startTime: 28 },
      ],
    });
  });

  test("tells reasons of ads that were skipped or did not fit, and no message of ours", () => {
    const refused = [{ breakId: "mid-1", adId: "three", index: 2, reason: "no-variant-match" } as const];
    const answer = ask([{ ...TWO, skipped: [SKIPPED] }], { refused });
    expect(read(answer)).toMatchObject({
      pods: [
        {
          skipped: [
            { adId: "new", reason: "new-creative", vastError: 407 },
            { adId: "three", reason: "no-variant-match" },
          ],
        },
      ],
    });
    for (const version of ["v2", "v3", "vmap"] as const) {
      const { body } = ask([{ ...TWO, skipped: [SKIPPED] }], { version });
      expect(body).toContain("new-creative");
      expect(body).not.toContain("internal.example");
    }
  });

  test("is v1 where no version is asked for that exists", () => {
    expect(read(ask([TWO], { version: undefined }))).toMatchObject({
      start: 0,
      end: 36,
      adtracking: [{ time: 8 }, {}, {}, {}, {}, {}, {}, {}, {}],
    });
    expect(ask([TWO], { version: "vmap" }).contentType).toBe("application/xml; charset=utf-8");
  });

  test("the row that says which breaks there are is none itself", () => {
    const plan = decidedBreak([], { breakId: "(plan)", planned: ["mid-1"] });
    expect(read(ask([TWO, plan]))).toMatchObject({ pods: [{ id: "mid-1" }] });
    expect(ask([plan]).status).toBe(201);
  });

  test("leaves out what the server fires, and keeps clicks, companions, errors and what the viewer does", () => {
    const ad = decidedAd("one", {
      clickThrough: "https://shop.example/",
      errors: ["https://t.example/error"],
      companions: [
        {
          id: "1",
          width: 1,
          height: 1,
          resourceType: "static",
          mimeType: "image/png",
          resource: "https://cdn.example/1.png",
          clickThrough: undefined,
          trackers: [{ event: "creativeView", url: "https://t.example/companion", time: undefined }],
        },
      ],
    });
    const decision = decidedBreak([ad]);
    for (const mode of ["simplesstm", "sstm"] as const) {
      const { body } = ask([decision], { mode, version: "vmap" });
      const urls = [...body.matchAll(/https:\/\/t\.example\/[\w/]+/g)].map(([url]) => url);
      expect(urls).toEqual(
        [
          "https://t.example/break/error",
          "https://t.example/error",
          "https://t.example/one/mute",
          "https://t.example/companion",
        ].toSorted((a, b) => body.indexOf(a) - body.indexOf(b)),
      );
      expect(body).toContain("https://shop.example/");
      expect(read(ask([decision], { mode, version: "v1" }))).toEqual({ start: 0, end: 26, adtracking: [] });
    }
  });

  test("says in the trace what was asked for", () => {
    const trace = createTrace();
    ask([decidedBreak([decidedAd("one")])], { trace });
    expect(trace.records[0]).toEqual({ type: "TRACE_TRACKING_REQUEST", fields: [10, 0, 26] });
    expect(trace.records).toContainEqual({
      type: "TRACE_TRACKING_REQUEST_URL",
      fields: [10.5, "Ads", "https://t.example/one/firstQuartile"],
    });
  });
});

describe("the sidecar of a live playlist", () => {
  const live = { kind: "live", mediaSequence: 1, programDateTime: "2027-01-15T08:00:00.000Z" } as const;
  const decision = decidedBreak([decidedAd("one"), decidedAd("two")], { place: live });
  const signal = { tagName: "EXT-X-CUE-OUT", attributes: { DURATION: "20", ID: "mid-1" } };
  const pod = { breakId: "mid-1", ads: timedPod(decision).ads };

  /** Eight 4-second segments, a signalled break of 20 s at number 1 and another at number 12. */
  function windowFrom(first: number): string {
    const lines = Array.from({ length: 8 }, (_, index) => {
      const number = first + index;
      const cue = number === 1 ? "mid-1" : number === 12 ? "mid-2" : undefined;
      return `${cue ? `#EXT-X-CUE-OUT:DURATION=20,ID=${cue}\n` : ""}#EXTINF:4,\n${number}.ts`;
    });
    return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${lines.join("\n")}\n`;
  }

  function askLive(first: number, more: Partial<SidecarQuestion> = {}): unknown {
    const decisions = new Map([["mid-1", { kind: "pod", pod, availDuration: 20 } as const]]);
    const one = stitchLive(windowFrom(0), MAIN, emptyTimeline(), decisions);
    const content = windowFrom(first);
    const { text, breaks } = first === 0 ? one : stitchLive(content, MAIN, one.timeline, decisions);
    return read(
      ask([{ ...decision, signal }], {
        text,
        placed: breaks,
        content: { isLive: true, playlist: parseMediaPlaylist(content), avails: listAvails(content) },
        ...more,
      }),
    );
  }

  test("counts from the first segment that is listed: what has left is at negative times", () => {
    expect(askLive(0)).toMatchObject({ pods: [{ startTime: 4, ads: [{ startTime: 4 }, { startTime: 14 }] }] });
    expect(askLive(3)).toMatchObject({
      startTime: 0,
      pods: [{ startTime: -8, ads: [{ startTime: -8 }, { startTime: 2 }] }],
    });
  });

  test("lists the cues with scteTracking alone, those that have left the window and those without ads included", () => {
    expect(askLive(5)).not.toHaveProperty("scte35");
    expect(askLive(5, { isScteTracked: true })).toMatchObject({
      scte35: [
        { offset: -14, programDateTime: 1_800_000_000, tagName: "EXT-X-CUE-OUT", tagAttributes: { ID: "mid-1" } },
        { offset: 30, programDateTime: 30, tagName: "EXT-X-CUE-OUT", tagAttributes: { ID: "mid-2" } },
      ],
    });
  });
});
