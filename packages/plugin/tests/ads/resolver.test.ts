import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AdsOption, Opportunity, OpportunityResolver } from "../../src/ads/opportunity.ts";
import { createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";

const CONTENT = formatVod(15);
const AD = `${HOST}/ad/media.m3u8`;
const ANSWERS = {
  "/v1/zones/1.json": ZONE,
  "/ads/vast": { text: formatVast({ id: "tag", type: "application/x-mpegURL", url: AD }) },
  "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
  "/own/media.m3u8": { text: formatVod(1, 4, "own") },
} as const;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

type Resolve = OpportunityResolver["resolve"];

async function play(
  ...resolvers: readonly OpportunityResolver[]
): Promise<{ readonly text: string; readonly viewing: Viewing; readonly requests: readonly string[] }> {
  const web = createFakeWeb(ANSWERS);
  const viewing = startViewing(web, { breaks: [{ id: "own", time: "start", adTagUrl: "/ads/vast" }], resolvers });
  const playing = viewing.play(CONTENT);
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(6000);
  return { text: await playing, viewing, requests: web.requests };
}

const always = (resolve: Resolve): OpportunityResolver => ({ canResolve: () => true, resolve });
const never: OpportunityResolver = {
  canResolve: () => false,
  resolve: () => {
    throw new Error("not asked");
  },
};

describe("the first resolver that can", () => {
  test("finds the ads: the tag and the resolvers after it are not asked", async () => {
    const later = vi.fn<Resolve>();
    const { text, requests } = await play(
      never,
      always(() => ({ hlsUrls: ["/own/media.m3u8"] })),
      always(later),
    );
    expect(text.match(/\/(?:own|ad)\/\S+\.ts/g)).toEqual(["/own/own-0.ts"]);
    expect(requests.filter((request) => request.includes("/ads/"))).toEqual([]);
    expect(later).not.toHaveBeenCalled();
  });

  test("is told what is known of the break", async () => {
    const seen: Opportunity[] = [];
    await play(
      always((opportunity) => {
        seen.push(opportunity);
        return undefined;
      }),
    );
    expect(seen).toEqual([
      { id: "own", position: "pre", contentTime: 0, duration: undefined, attributes: {}, signal: undefined },
    ]);
  });

  test("may be a class with a memory of its own", async () => {
    class OwnBreaks implements OpportunityResolver {
      readonly #position = "pre";
      canResolve({ position }: Opportunity): boolean {
        return position === this.#position;
      }
      resolve(): AdsOption {
        return { hlsUrls: ["/own/media.m3u8"] };
      }
    }
    const { viewing, text } = await play(new OwnBreaks());
    expect(viewing.errors).toEqual([]);
    expect(text).toContain("/own/own-0.ts");
  });

  test("may answer with a VAST at hand, wrappers included", async () => {
    const wrapper = `<VAST version="4.2"><Ad id="w"><Wrapper><VASTAdTagURI>${HOST}/ads/vast</VASTAdTagURI></Wrapper></Ad></VAST>`;
    const { text } = await play(always(async () => ({ vast: wrapper })));
    expect(text).toContain("/ad/ad-0.ts");
  });

  test("may answer with another tag", async () => {
    const { requests } = await play(always(() => ({ adTagUrl: "/ads/vast?from=resolver" })));
    expect(requests).toContain("GET /ads/vast?from=resolver&session=viewer-1&break=own");
  });
});

describe("where no resolver can", () => {
  test("the break's own tag is asked", async () => {
    const { text } = await play(never);
    expect(text).toContain("/ad/ad-0.ts");
  });

  test("a break without a source of its own is skipped", async () => {
    const viewing = startViewing(createFakeWeb(ANSWERS), {
      breaks: [{ id: "bare", time: "start" }],
      resolvers: [never],
    });
    const playing = viewing.play(CONTENT);
    await vi.advanceTimersByTimeAsync(10);
    expect(await playing).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ breakId: "bare", reason: "no-ads", vastError: 303 }]);
  });
});

describe("what goes wrong in a resolver costs its break the ads, and the content nothing", () => {
  const faults: readonly (readonly [fault: string, resolver: OpportunityResolver])[] = [
    [
      "canResolve throws",
      {
        canResolve: () => {
          throw new Error("broken");
        },
        resolve: () => undefined,
      },
    ],
    [
      "resolve throws",
      always(() => {
        throw new Error("broken");
      }),
    ],
    ["resolve rejects", always(() => Promise.reject(new Error("broken")))],
    ["its address is no http(s) URL", always(() => ({ hlsUrls: ["javascript:alert(1)"] }))],
  ];

  test.each(faults)("%s", async (_fault, resolver) => {
    const { text, viewing } = await play(resolver);
    expect(text).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ breakId: "own", reason: "no-ads" }]);
    expect(viewing.errors).toMatchObject([{ fatal: false, code: "resolver-failed" }]);
  });

  test("it has no ads: that is no error", async () => {
    const { viewing } = await play(always(() => ({})));
    expect(viewing.skips).toMatchObject([{ breakId: "own", reason: "no-ads", vastError: 303 }]);
    expect(viewing.errors).toEqual([]);
  });

  test("it is not waited for longer than adTimeoutMs, and is told so", async () => {
    const aborted = vi.fn<() => void>();
    const resolver = always((_opportunity, { signal }) => {
      signal.addEventListener("abort", aborted);
      return new Promise(() => undefined);
    });
    const { text, viewing } = await play(resolver);
    expect(text).toBe(CONTENT);
    expect(aborted).toHaveBeenCalledOnce();
    expect(viewing.skips).toMatchObject([{ reason: "ads-timeout", vastError: 301 }]);
  });

  test("destroying the insertion aborts what a resolver is still doing", async () => {
    let isAborted = false;
    const resolver = always((_opportunity, { signal }) => {
      signal.addEventListener("abort", () => {
        isAborted = true;
      });
      return new Promise(() => undefined);
    });
    const viewing = startViewing(createFakeWeb(ANSWERS), { breaks: [{ time: "start" }], resolvers: [resolver] });
    await vi.dynamicImportSettled();
    await vi.advanceTimersByTimeAsync(10);
    viewing.end();
    expect(isAborted).toBe(true);
    await vi.advanceTimersByTimeAsync(10);
    expect(vi.getTimerCount()).toBe(0);
  });
});
