import { AdError, parseAdUrl, parseVast, type Ad, type VastDocument } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attempt, read, readFixture, readFixtureText } from "./read-fixture.ts";

const BASE = new URL("https://ads.example/tags/vast.xml");

function firstAd(document: VastDocument): Ad {
  const [first] = document.ads;
  if (!first) throw new Error("no ad");
  return first.ad;
}

describe("parseVast", () => {
  const ad = firstAd(parseVast(readFixture("inline.xml")));
  const [creative] = ad.creatives;

  test("reads what names the ad", () => {
    const { id, adSystem, title, adServingId, sequence, wrapperAdIds } = ad;
    expect({ id, adSystem, title, adServingId, sequence, wrapperAdIds }).toEqual({
      id: "ad-1",
      adSystem: "Test System",
      title: "Tea & Biscuits",
      adServingId: "test-47ed3bac",
      sequence: undefined,
      wrapperAdIds: [],
    });
  });

  test("reads every impression and error URL, macros as they are", () => {
    expect(ad.impressions).toEqual([
      "https://track.example/impression?cb=[CACHEBUSTING]&a=1",
      "https://other.example/impression?a=1&b=2",
    ]);
    expect(ad.errors).toEqual(["https://track.example/error?code=[ERRORCODE]"]);
  });

  test("reads the linear creative's ids and times; a universal id of “unknown” is none", () => {
    expect(creative).toMatchObject({
      id: "c-1",
      adId: "film-1",
      duration: 15.5,
      skipOffset: { seconds: 5 },
      adParameters: '{"a":1}',
      universalAdIds: [
        { registry: "ad-id.org", value: "CNPA0484000H" },
        { registry: "other.example", value: "8465" },
      ],
    });
  });

  test("reads media files with their attributes: type in lower case without parameters, bitrate from its range", () => {
    expect(creative?.mediaFiles).toEqual([
      {
        url: "https://media.example/720.mp4",
        type: "video/mp4",
        delivery: "progressive",
        id: "m-1",
        width: 1280,
        height: 720,
        bitrateKbps: 2500,
        codec: "avc1.64001f",
        apiFramework: undefined,
        fileSize: 5_000_000,
      },
      {
        url: "https://media.example/master.m3u8?a=1&b=2",
        type: "application/x-mpegurl",
        delivery: "streaming",
        id: undefined,
        width: 1920,
        height: 1080,
        bitrateKbps: 2700,
        codec: undefined,
        apiFramework: undefined,
        fileSize: undefined,
      },
      expect.objectContaining({ type: "application/javascript", apiFramework: "VPAID" }),
    ]);
  });

  test("reads the repackage ticket of a media file by its URL, from an extension of its own type alone", () => {
    const extension = (type: string, url: string): string =>
      `<CreativeExtension type="${type}"><RepackageTicket mediaFile="${url}"><![CDATA[ sealed ]]></RepackageTicket></CreativeExtension>`;
    const extensions =
      extension("application/vnd.interlude.repackage+xml", "https://m.example/a.mp4?x=1&amp;y=2") +
      extension("application/xml", "https://m.example/b.mp4");
    const files = ["a.mp4?x=1&amp;y=2", "b.mp4"].map((name) => `<MediaFile>https://m.example/${name}</MediaFile>`);
    const document = `<VAST version="4.2"><Ad><InLine><Creatives><Creative>
      <CreativeExtensions>${extensions}</CreativeExtensions>
      <Linear><MediaFiles>${files.join("")}</MediaFiles></Linear></Creative></Creatives></InLine></Ad></VAST>`;
    const mediaFiles = firstAd(parseVast(read(document))).creatives[0]?.mediaFiles ?? [];
    expect(mediaFiles.map((file) => file.repackageTicket)).toEqual(["sealed", undefined]);
    expect(mediaFiles.map((file) => "repackageTicket" in file)).toEqual([true, false]);
  });

  test("reads the copy of a media file as that file: clients find the copy that fits by themselves", () => {
    const ticket = (copied: string): string =>
      `<RepackageTicket mediaFile="${copied}" copy="https://cdn.example/a.m3u8" type="video/mp4">sealed</RepackageTicket>`;
    const readCopied = (copied: string): readonly unknown[] => {
      const files = ["https://cdn.example/a.m3u8", "https://m.example/a.mp4"].map(
        (url) => `<MediaFile width="640">${url}</MediaFile>`,
      );
      const document = `<VAST version="4.2"><Ad><InLine><Creatives><Creative><CreativeExtensions>
        <CreativeExtension type="application/vnd.interlude.repackage+xml">${ticket(copied)}</CreativeExtension>
        </CreativeExtensions><Linear><MediaFiles>${files.join("")}</MediaFiles></Linear></Creative></Creatives></InLine></Ad></VAST>`;
      const { mediaFiles = [] } = firstAd(parseVast(read(document))).creatives[0] ?? {};
      return mediaFiles.map(({ url, type, width }) => [url, type, width]);
    };
    const original = ["https://m.example/a.mp4", "video/mp4", 640];
    expect(readCopied("https://m.example/a.mp4")).toEqual([original, original]);
    expect(readCopied("javascript:alert(1)")).toEqual([
      ["https://cdn.example/a.m3u8", "application/x-mpegurl", 640],
      original,
    ]);
  });

  test("keeps the mezzanine apart from the media files", () => {
    expect(creative?.mezzanines).toEqual([
      expect.objectContaining({ url: "https://media.example/mezzanine.mp4", fileSize: 123_456, height: 1080 }),
    ]);
  });

  test("reads trackers with their offsets, clicks and icons", () => {
    expect(creative?.trackers).toEqual([
      { event: "start", url: "https://track.example/start", offset: undefined },
      { event: "progress", url: "https://track.example/progress-7", offset: { seconds: 7.25 } },
      { event: "progress", url: "https://track.example/progress-90", offset: { share: 0.9 } },
      { event: "complete", url: "https://track.example/complete", offset: undefined },
    ]);
    expect([creative?.clickThrough, creative?.clickTrackers]).toEqual([
      "https://shop.example/",
      ["https://track.example/click"],
    ]);
    expect(creative?.icons).toEqual([
      {
        program: "AdChoices",
        width: 20,
        height: 20,
        xPosition: "right",
        yPosition: "top",
        offset: { seconds: 1 },
        duration: 10,
        resources: [{ kind: "static", creativeType: "image/png", value: "https://img.example/choices.png" }],
        clickThrough: "https://choices.example/",
        clickTrackers: ["https://track.example/choices-click"],
        viewTrackers: ["https://track.example/choices-view"],
      },
    ]);
  });

  test("reads companions of every creative, with the rule that says how many must be shown", () => {
    expect(ad.companions).toEqual([
      {
        id: "side",
        width: 300,
        height: 250,
        adSlotId: "slot-1",
        renderingMode: "concurrent",
        required: "any",
        altText: "Tea",
        resources: [
          { kind: "static", creativeType: "image/png", value: "https://img.example/side.png" },
          { kind: "html", creativeType: undefined, value: "<b>Tea</b>" },
        ],
        clickThrough: "https://shop.example/side",
        clickTrackers: ["https://track.example/side-click"],
        trackers: [{ event: "creativeView", url: "https://track.example/side-view", offset: undefined }],
      },
    ]);
  });

  test("keeps the ads of a pod in document order with their sequence, and orders the creatives of one ad", () => {
    const { ads } = parseVast(readFixture("pod.xml"));
    expect(ads.map(({ ad: { id, sequence } }) => [id, sequence])).toEqual([
      ["second", 2],
      ["stand-in", undefined],
      ["first", 1],
    ]);
    expect(ads[2]?.ad.creatives.map(({ mediaFiles }) => mediaFiles[0]?.url)).toEqual([
      "https://media.example/1a.mp4",
      "https://media.example/1b.mp4",
    ]);
  });

  test.each([
    [
      "SIMID alone",
      '<InteractiveCreativeFile apiFramework="SIMID">https://a.example/i</InteractiveCreativeFile>',
      true,
    ],
    [
      "VPAID alone",
      '<MediaFile type="application/javascript" apiFramework="VPAID">https://a.example/v</MediaFile>',
      true,
    ],
    [
      "SIMID over a film",
      '<InteractiveCreativeFile>https://a.example/i</InteractiveCreativeFile><MediaFile type="video/mp4">https://a.example/f</MediaFile>',
      false,
    ],
    ["nothing at all", "", false],
  ])("tells whether the only film is an interactive unit: %s", (_what, files, expected) => {
    const linear = `<Linear><MediaFiles>${files}</MediaFiles></Linear>`;
    const text = `<VAST version="4.0"><Ad><InLine><Creatives><Creative>${linear}</Creative></Creatives></InLine></Ad></VAST>`;
    expect(firstAd(parseVast(read(text))).creatives[0]?.interactiveOnly).toBe(expected);
  });

  test("reads a wrapper with its rules; without attributes it may be followed, takes one ad and falls back", () => {
    const wrapper = (attributes: string): unknown =>
      parseVast(
        read(`<VAST version="3.0"><Ad id="w"><Wrapper ${attributes}><VASTAdTagURI>
          <![CDATA[https://b.example/?cb=[CACHEBUSTING]]]></VASTAdTagURI></Wrapper></Ad></VAST>`),
      ).ads[0];
    const tagUrl = "https://b.example/?cb=[CACHEBUSTING]";
    const byDefault = { followAdditionalWrappers: true, allowMultipleAds: false, fallbackOnNoAd: true };
    const opposite = { followAdditionalWrappers: false, allowMultipleAds: true, fallbackOnNoAd: false };
    expect(wrapper("")).toMatchObject({ kind: "wrapper", tagUrl, ...byDefault });
    expect(wrapper('followAdditionalWrappers="0" allowMultipleAds="TRUE" fallbackOnNoAd="false"')).toMatchObject(
      opposite,
    );
  });

  test("keeps the error URLs of a document without ads", () => {
    const empty = parseVast(read('<VAST version="4.0"><Error>https://a.example/?[ERRORCODE]</Error></VAST>'));
    expect(empty).toEqual({ version: "4.0", errors: ["https://a.example/?[ERRORCODE]"], ads: [] });
  });

  test.each([
    ["<html><body/></html>", "vast-malformed", "expected a <VAST> root, got <html>"],
    ["<VMAP/>", "vast-malformed", "expected a <VAST> root, got <VMAP>"],
    ["<VideoAdServingTemplate/>", "vast-version", "expected version 2 to 4"],
    ['<VAST version="1.0"/>', "vast-version", "expected version 2 to 4"],
    ['<VAST version="5.0"/>', "vast-version", "expected version 2 to 4"],
  ])("refuses %s as %s", (text, code, message) => {
    const refuse = (): unknown => parseVast(read(text));
    expect(refuse).toThrow(expect.objectContaining({ code }));
    expect(refuse).toThrow(message);
  });

  test.each(["2.0", "2.0.1", "3.0", "4", "4.3"])("takes version %s, and a document that names none", (version) => {
    expect(parseVast(read(`<VAST version="${version}"/>`)).ads).toEqual([]);
    expect(parseVast(read("<VAST/>")).version).toBe("");
  });

  test("gives a document or an AdError for any change of a document", () => {
    const text = readFixtureText("inline.xml");
    const change = fc.record({
      at: fc.nat(text.length),
      cut: fc.nat(30),
      put: fc.constantFrom("", "<", ">", "&", '"', "]]>"),
    });
    fc.assert(
      fc.property(change, ({ at, cut, put }) => {
        const result = attempt(() => parseVast(read(text.slice(0, at) + put + text.slice(at + cut))));
        expect(result instanceof AdError || Object.hasOwn(result, "ads")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("URLs of an ad", () => {
  const odd = firstAd(parseVast(readFixture("odd.xml"), BASE));

  test("lose the white space around and line breaks inside; relative ones are resolved; any scheme but http(s) is dropped", () => {
    expect(odd.adSystem).toBe("Odd System");
    expect(odd.impressions).toEqual([
      "https://track.example/a?b=[CACHEBUSTING]",
      "https://track.example/relative?x=[TIMESTAMP]",
    ]);
    expect(odd.errors).toEqual(["https://ads.example/errors?code=[ERRORCODE]"]);
  });

  test("are dropped with what depends on them: trackers, clicks, media files, resources", () => {
    const [creative] = odd.creatives;
    expect(creative?.trackers).toEqual([]);
    expect([creative?.clickThrough, creative?.clickTrackers]).toEqual([undefined, []]);
    expect(creative?.icons[0]?.resources).toEqual([]);
    expect(creative?.mediaFiles.map(({ url, type }) => [url, type])).toEqual([
      ["https://media.example/spot.WEBM?x", "video/webm"],
      ["https://media.example/spot", "video/mp4"],
    ]);
  });

  test("numbers that are none are unknown", () => {
    const [file, other] = odd.creatives[0]?.mediaFiles ?? [];
    expect([file?.bitrateKbps, file?.width, file?.height]).toEqual([undefined, undefined, undefined]);
    expect(other?.apiFramework).toBeUndefined();
  });

  test("never come out with another scheme, whatever stands before it", () => {
    const noise = fc.string({
      unit: fc.constantFrom(" ", "\t", "\n", "\r", "\u00A0", "\uFEFF", "j", ":"),
      maxLength: 4,
    });
    const scheme = fc.constantFrom(
      "javascript:",
      "JAVA\nSCRIPT:",
      "data:",
      "blob:https://a.example/",
      "file:///",
      "vbscript:",
    );
    fc.assert(
      fc.property(noise, scheme, noise, (before, name, after) => {
        const url = parseAdUrl(`${before}${name}${after}alert(1)`, BASE);
        expect(["http:", "https:", undefined]).toContain(url === undefined ? undefined : new URL(url).protocol);
      }),
    );
  });
});
