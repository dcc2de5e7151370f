import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registerColdAds } from "../cold-ads.ts";
import { formatStep, isEncounterPage, readStep } from "../src/encounter/address.ts";
import {
  beginEncounter,
  countEncounters,
  describeResult,
  type Encounter,
  measureStart,
  tellEncounter,
} from "../src/encounter/encounter.ts";

const answered = { ...beginEncounter("remux"), answeredAt: 1000 };
const played: Encounter = { ...answered, shownAt: 1411.6, isOffered: true, isMade: true, end: "played" };
const skipped: Encounter = {
  ...beginEncounter("skip"),
  answeredAt: 1000,
  shownAt: 1180,
  isOffered: true,
  end: "new-creative",
};

function words(encounter: Encounter | undefined): string {
  const { tone, now, next } = tellEncounter(encounter);
  return `${tone}: ${now} ${next}`.trim();
}

describe("what is said of a first encounter", () => {
  test("an ad that was made playable: after how many milliseconds, and what would have become of it", () => {
    expect(words(played)).toBe(
      "good: Played 412 ms after the ad response. Had it been skipped, this impression would have been lost.",
    );
  });

  test("an ad that was skipped: its reason, and when the film began", () => {
    expect(words(skipped)).toBe(
      "warn: Skipped: new-creative; the film went on. This impression is lost. " +
        "The CDN has no HLS copy of it yet. The film began 180 ms after the ad response.",
    );
  });

  test("a break for which no ad was offered loses no impression", () => {
    expect(words({ ...skipped, isOffered: false, end: "no-ads" })).not.toContain("impression");
  });

  test("an ad that was there without a step has saved nothing", () => {
    expect(words({ ...played, isMade: false })).not.toContain("lost");
  });

  test("what is under way: the ad server is asked, and then what is tried", () => {
    expect(words(beginEncounter("wait"))).toBe("busy: The player asks for ads while the film loads.");
    expect(words({ ...beginEncounter("wait"), answeredAt: 5 })).toContain("2.5 s at most");
    expect(words(answered)).toContain("The page reads the MP4");
  });

  test("a failure: in its own words, and whether the film plays", () => {
    const failed = { ...beginEncounter("skip"), error: "The ad server answered 404" };
    expect(words(failed)).toBe("bad: The ad server answered 404. The film plays all the same.");
    expect(words({ ...failed, isFilmLost: true })).toContain("Nothing can play");
    expect(words({ ...skipped, error: "No zone document" })).toContain("No zone document.");
  });
});

test("the clock runs from the ad response to the first picture, and never backwards", () => {
  expect(measureStart(played)).toBe(412);
  expect(measureStart(answered)).toBeUndefined();
  expect(measureStart({ ...played, shownAt: 990 })).toBe(0);
});

describe("the results side by side", () => {
  test("say played and saved, or skipped, lost and why", () => {
    expect(describeResult(played)).toEqual({ ad: "played", firstFrame: "412 ms", impression: "saved", reason: "–" });
    expect(describeResult(skipped)).toEqual({
      ad: "skipped",
      firstFrame: "none",
      impression: "lost",
      reason: "new-creative",
    });
  });

  test("say of what was not tried nothing, and of what is not decided whether it still can be", () => {
    expect(describeResult(undefined).ad).toBe("–");
    expect(describeResult(answered).ad).toBe("under way");
    expect(describeResult({ ...answered, error: "broken" }).ad).toBe("failed");
  });
});

describe("the totals", () => {
  test("count the ads that were offered and decided", () => {
    const all = [skipped, played, { ...played, isMade: false }, answered, { ...skipped, isOffered: false }];
    expect(countEncounters(all)).toEqual({ offered: 3, played: 2, saved: 1, fillRate: 2 / 3 });
  });

  test("have no fill rate before the first ad", () => {
    expect(countEncounters([answered])).toEqual({ offered: 0, played: 0, saved: 0, fillRate: undefined });
  });
});

describe("the address", () => {
  test.each(["skip", "wait", "remux"] as const)("brings back %s", (step) => {
    const query = new URLSearchParams(formatStep(step));
    expect(isEncounterPage(query)).toBe(true);
    expect(readStep(query)).toBe(step);
  });

  test("skips where it names no step, and is of another page where it names none at all", () => {
    expect(readStep(new URLSearchParams("encounter=toString"))).toBe("skip");
    expect(isEncounterPage(new URLSearchParams("content=vod"))).toBe(false);
  });
});

describe("/demo/vmap", () => {
  const app = Fastify();
  let url = "";
  const vmap = `<RepackageTicket mediaFile="http://x/media/creatives/mp4.mp4">t</RepackageTicket>
<MediaFile><![CDATA[http://x/media/creatives/mp4.mp4]]></MediaFile>
<MediaFile><![CDATA[http://x/media/creatives/hls/master.m3u8]]></MediaFile>`;

  beforeAll(async () => {
    app.get("/ads/vmap", (request, reply) => {
      reply.code(request.url.includes("li=gone") ? 404 : 200).type("application/xml");
      return `${request.host} ${request.url} ${vmap}`;
    });
    registerColdAds(app);
    url = (await app.listen({ host: "127.0.0.1", port: 0 })).replace("127.0.0.1", "localhost");
  });
  afterAll(() => app.close());

  test("is the ad server's answer, in which files have an address of their own and tickets the one before", async () => {
    const answer = await fetch(`${url}/demo/vmap?zone=1&li=mp4&name=b-7&session=s%20s`);
    const body = await answer.text();
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(body).toContain(`${new URL(url).host} /ads/vmap?zone=1&li=mp4&session=s+s `);
    expect(body).toContain("<![CDATA[http://x/media/creatives/mp4.mp4?encounter=b-7]]>");
    expect(body).toContain('mediaFile="http://x/media/creatives/mp4.mp4"');
    expect(body).toContain("<![CDATA[http://x/media/creatives/hls/master.m3u8]]>");
    expect((await fetch(`${url}/demo/vmap?li=gone&name=b`)).status).toBe(404);
    for (const name of ["", "name=", "name=%5D%5D%3E%3Cb%3E", `name=${"a".repeat(65)}`])
      expect((await fetch(`${url}/demo/vmap?${name}`)).status).toBe(400);
  });
});
