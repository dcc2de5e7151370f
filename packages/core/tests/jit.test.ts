import {
  type Creative,
  type CreativeState,
  creativeKey,
  type JitPorts,
  masterPath,
  type MediaFile,
  parseZoneDocument,
  type ProbeResult,
  type RepackageAnswer,
  type RepackageRequest,
  resolveCreative,
  resolveRepackaged,
  type SpliceNeeds,
  VAST_ERROR_OF_SKIP,
} from "@interlude/core";
import { describe, expect, test } from "vitest";

const zone = parseZoneDocument(
  { zone: "1", cdns: { a: "https://cdn.example/" }, defaultCdn: "a" },
  new URL("https://host.example/v1/zones/1.json"),
);
const MP4 = "https://ads.example/spot.mp4";
const key = creativeKey("1", MP4);
const cutUrl = (targetDuration: number): string =>
  `https://cdn.example/${masterPath("1", key, { packaging: "hls", targetDuration })}`;

function mediaFile(url: string, type: string, more: Partial<MediaFile> = {}): MediaFile {
  const unset = { id: undefined, width: undefined, height: undefined, bitrateKbps: undefined, codec: undefined };
  return { url, type, delivery: "progressive", ...unset, apiFramework: undefined, fileSize: undefined, ...more };
}

function creative(...mediaFiles: readonly MediaFile[]): Creative {
  return {
    id: "c",
    adId: undefined,
    universalAdIds: [],
    duration: 10,
    skipOffset: undefined,
    mediaFiles,
    mezzanines: [],
    interactiveOnly: false,
    adParameters: undefined,
    trackers: [],
    clickThrough: undefined,
    clickTrackers: [],
    icons: [],
  };
}

interface Recorded {
  readonly probed: string[];
  readonly requested: RepackageRequest[];
}

function decide(
  subject: Creative,
  cdn: (url: string) => ProbeResult,
  answer: RepackageAnswer = accepted("absent"),
  needs: SpliceNeeds = { packaging: "hls", targetDuration: 6, isLive: false },
): Recorded & { resolution: ReturnType<typeof resolveCreative> } {
  const recorded: Recorded = { probed: [], requested: [] };
  const ports: JitPorts = {
    probe: async (url) => {
      recorded.probed.push(url.href);
      return cdn(url.href);
    },
    requestRepackage: async (request) => {
      recorded.requested.push(request);
      return answer;
    },
  };
  const context = { zone, cdnBase: new URL("https://cdn.example/"), needs };
  return { ...recorded, resolution: resolveCreative(subject, context, ports) };
}

function accepted(state: CreativeState, answeredKey = key): RepackageAnswer {
  return { outcome: "accepted", state, key: answeredKey, statusUrl: new URL("https://host.example/status") };
}

describe("resolveCreative", () => {
  test("splices an HLS creative at the first encounter, without a probe and without CRS", async () => {
    const hls = mediaFile("https://ads.example/spot.m3u8", "application/x-mpegurl", { bitrateKbps: 1 });
    const run = decide(creative(mediaFile(MP4, "video/mp4", { bitrateKbps: 9000 }), hls), () => "miss");
    expect(await run.resolution).toEqual({
      playlistUrl: new URL("https://ads.example/spot.m3u8"),
      mediaFile: hls,
      isRepackaged: false,
    });
    expect(run.probed).toEqual([]);
    expect(run.requested).toEqual([]);
  });

  test("an HLS creative whose address is none is refused as such", async () => {
    const { resolution } = decide(creative(mediaFile("https://[", "application/x-mpegurl")), () => "miss");
    await expect(resolution).rejects.toMatchObject({ code: "url-malformed" });
  });

  test("splices the CDN copy when an earlier viewer caused it to be made", async () => {
    const run = decide(creative(mediaFile(MP4, "video/mp4")), (url) => (url === cutUrl(6) ? "hit" : "miss"));
    expect(await run.resolution).toMatchObject({ playlistUrl: new URL(cutUrl(6)), isRepackaged: true });
    expect(run.probed).toEqual([cutUrl(6)]);
    expect(run.requested).toEqual([]);
  });

  test("finds a remux with long GOPs at its own address, in VOD", async () => {
    const run = decide(creative(mediaFile(MP4, "video/mp4")), (url) => (url === cutUrl(0) ? "hit" : "miss"));
    expect(await run.resolution).toMatchObject({ playlistUrl: new URL(cutUrl(0)) });
  });

  test("asks once for repackaging and leaves the break empty when the CDN has no copy", async () => {
    const run = decide(creative(mediaFile(MP4, "video/mp4")), () => "miss");
    expect(await run.resolution).toEqual({
      skipped: "new-creative",
      statusUrl: new URL("https://host.example/status"),
    });
    expect(run.requested).toHaveLength(1);
    expect(run.requested[0]).toMatchObject({ creativeUrl: MP4, key, cut: { packaging: "hls", targetDuration: 6 } });
  });

  test("needs no status URL of whoever takes the request", async () => {
    const run = decide(creative(mediaFile(MP4, "video/mp4")), () => "miss", {
      outcome: "accepted",
      state: "queued",
      key,
    });
    expect(await run.resolution).toEqual({ skipped: "repackage-in-progress" });
  });

  test("of several MP4 files the one with the highest bitrate is repackaged", async () => {
    const files = [500, 3000, 1200].map((bitrateKbps) =>
      mediaFile(`https://ads.example/${bitrateKbps}.mp4`, "video/mp4", { bitrateKbps }),
    );
    const run = decide(creative(...files), () => "miss");
    await run.resolution;
    expect(run.requested[0]?.creativeUrl).toBe("https://ads.example/3000.mp4");
  });

  test("MP4 comes before FLV, FLV before WebM, whatever their bitrates", async () => {
    const files = [
      mediaFile("https://ads.example/a.webm", "video/webm", { bitrateKbps: 9000 }),
      mediaFile("https://ads.example/a.flv", "video/x-flv", { bitrateKbps: 8000 }),
      mediaFile("https://ads.example/a.mp4", "video/mp4", { bitrateKbps: 100 }),
    ];
    const run = decide(creative(...files), () => "miss");
    await run.resolution;
    expect(run.requested[0]?.creativeUrl).toBe("https://ads.example/a.mp4");
  });

  test("each thing that can stand in the way has its own reason", async () => {
    const mp4 = creative(mediaFile(MP4, "video/mp4"));
    const reasonOf = async (cdn: ProbeResult, answer: RepackageAnswer): Promise<unknown> => {
      const resolution = await decide(mp4, () => cdn, answer).resolution;
      return "skipped" in resolution ? resolution.skipped : undefined;
    };
    expect(await reasonOf("miss", accepted("transcoding"))).toBe("repackage-in-progress");
    expect(await reasonOf("miss", accepted("failed"))).toBe("repackage-failed");
    expect(await reasonOf("miss", accepted("blocked"))).toBe("creative-blocked");
    expect(await reasonOf("miss", accepted("absent", "another key"))).toBe("key-mismatch");
    expect(await reasonOf("miss", { outcome: "refused" })).toBe("repackage-refused");
    expect(await reasonOf("miss", { outcome: "unavailable" })).toBe("repackage-unavailable");
    expect(await reasonOf("error", accepted("absent"))).toBe("cdn-error");
    expect(await reasonOf("error", { outcome: "unavailable" })).toBe("cdn-error");
  });

  test("an ad without a usable media file costs no request", async () => {
    const cases = [
      [creative(), "no-media-file"],
      [creative(mediaFile("https://x.example/a.3gp", "video/3gpp")), "unsupported-media-file"],
      [{ ...creative(), interactiveOnly: true }, "interactive-unsupported"],
      [creative(mediaFile("https://x.example/v.js", "video/mp4", { apiFramework: "VPAID" })), "unsupported-media-file"],
    ] as const;
    for (const [subject, reason] of cases) {
      const run = decide(subject, () => "miss");
      expect(await run.resolution).toEqual({ skipped: reason });
      expect(run.probed).toEqual([]);
    }
  });

  test("live content with a target duration below 2 s takes no repackaged ad", async () => {
    const needs = { packaging: "hls", targetDuration: 1, isLive: true } as const;
    const run = decide(creative(mediaFile(MP4, "video/mp4")), () => "miss", accepted("absent"), needs);
    expect(await run.resolution).toEqual({ skipped: "target-duration-exceeded" });
    expect(run.probed).toEqual([]);
  });
});

test("HLS that does not fit the content has a repackaged copy like any other media file", async () => {
  const url = "https://ads.example/spot.m3u8";
  const hls = mediaFile(url, "application/x-mpegurl");
  const probed: string[] = [];
  const ports: JitPorts = {
    probe: async ({ href }) => (probed.push(href), "hit"),
    requestRepackage: async () => accepted("absent"),
  };
  const needs = { packaging: "hls", targetDuration: 4, isLive: true } as const;
  const context = { zone, cdnBase: new URL("https://cdn.example/"), needs };
  const copy = `https://cdn.example/${masterPath("1", creativeKey("1", url), { packaging: "hls", targetDuration: 4 })}`;
  expect(await resolveRepackaged(creative(hls), hls, context, ports)).toEqual({
    playlistUrl: new URL(copy),
    mediaFile: hls,
    isRepackaged: true,
  });
  expect(probed).toEqual([copy]);
});

describe("VAST_ERROR_OF_SKIP", () => {
  test("a miss is reported as 407, a creative that is being transcoded for the first time", () => {
    expect(VAST_ERROR_OF_SKIP["new-creative"]).toBe(407);
  });
});
