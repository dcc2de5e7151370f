import { type Ad, type Creative, parseVast, readXml } from "@interlude/core";
import { parseXml } from "@interlude/server/xml";
import { describe, expect, test } from "vitest";
import { createMacroFiller, type MacroFiller } from "../../src/ads/macro-values.ts";
import { type BeaconSender, type BeaconSubject, createBeaconSender } from "../../src/viewing/beacons.ts";
import { createEmitter } from "../../src/events.ts";
import { formatVast } from "../fake-web.ts";

function readAd(): { readonly ad: Ad; readonly creative: Creative } {
  const [found] = parseVast(readXml(formatVast({ id: "one", sequence: 3 }), parseXml)).ads;
  const creative = found?.ad.creatives[0];
  if (!found || !creative) throw new Error("expected an ad with a creative");
  return { ad: { ...found.ad, adServingId: "server-1" }, creative };
}

const SUBJECT: BeaconSubject = {
  breakId: "pre",
  position: "pre",
  adId: "one",
  ad: undefined,
  creative: undefined,
  index: 0,
  adCount: 1,
  mediaUrl: "https://cdn.example/a b.m3u8",
  contentTime: 12.5,
};

const FILLER = createMacroFiller({
  session: "viewer-1",
  macros: {},
  consentTimeoutMs: 500,
  player: () => undefined,
  media: () => null,
  contentUrl: () => undefined,
  start: () => undefined,
});

interface Sending extends BeaconSender {
  readonly sent: readonly string[];
}

function start(filler: Pick<MacroFiller, "fill" | "fillNow"> = FILLER, known: readonly string[] = []): Sending {
  const sent: string[] = [];
  const sender = createBeaconSender({
    filler,
    sendBeacon: (url) => sent.push(url),
    emit: createEmitter().emit,
    knownBreaks: () => new Set(known),
  });
  return { ...sender, sent };
}

function send(...urls: readonly string[]): readonly string[] {
  const sending = start();
  for (const [occurrence, url] of urls.entries()) sending.send(SUBJECT, "start", url, 2.5, occurrence);
  return sending.sent;
}

describe("createBeaconSender", () => {
  test("fills the macros that the moment gives", () => {
    expect(
      send("https://t.example/?a=[ADPLAYHEAD]&c=[CONTENTPLAYHEAD]&n=[ADCOUNT]&u=[ASSETURI]&x=[OTHER]&e=[ERRORCODE]"),
    ).toEqual([
      "https://t.example/?a=00%3A00%3A02.500&c=00%3A00%3A12.500&n=1&u=https%3A%2F%2Fcdn.example%2Fa%20b.m3u8&x=[OTHER]&e=-1",
    ]);
  });

  test("an ad tells its break, its place in the pod as VAST numbers it, and its identity", () => {
    const sending = start();
    const universalAdIds = [
      { registry: "ad-id.org", value: "CNPA0484000H" },
      { registry: "clearcast.co.uk", value: "AAA/BB" },
    ];
    const { ad, creative } = readAd();
    const subject: BeaconSubject = {
      ...SUBJECT,
      position: "mid",
      ad,
      creative: { ...creative, universalAdIds },
      index: 1,
    };
    sending.send(
      subject,
      "start",
      "https://t.example/?b=[BREAKPOSITION]&p=[PODSEQUENCE]&n=[ADCOUNT]&s=[ADSERVINGID]&t=[ADTYPE]&u=[UNIVERSALADID]",
      0,
      0,
    );
    expect(sending.sent).toEqual([
      "https://t.example/?b=2&p=3&n=2&s=server-1&t=video&u=ad-id.org%20CNPA0484000H,clearcast.co.uk%20AAA%2FBB",
    ]);
  });

  test("a break whose place is not known tells no place in the content, neither by macro nor by event", () => {
    const told: unknown[] = [];
    const sent: string[] = [];
    const sender = createBeaconSender({
      filler: FILLER,
      sendBeacon: (url) => sent.push(url),
      emit: (_name, event) => told.push(event),
      knownBreaks: () => new Set(),
    });
    sender.sendErrors({ ...SUBJECT, contentTime: undefined }, ["https://t.example/?c=[CONTENTPLAYHEAD]"], 303);
    expect(sent).toEqual(["https://t.example/?c=-1"]);
    expect(told).toEqual([expect.objectContaining({ event: "error", contentTime: undefined })]);
  });

  test("requests only http and https", () => {
    expect(
      send("javascript:alert(1)", "data:,x", "file:///etc/passwd", "//t.example/", "HTTPS://t.example/ok"),
    ).toEqual(["HTTPS://t.example/ok"]);
  });

  test("sends each occurrence once, and two impressions of one ad both", () => {
    const sending = start();
    for (const url of ["https://a.example/", "https://b.example/", "https://a.example/"])
      sending.send(SUBJECT, "impression", url, 0, url.startsWith("https://a") ? 0 : 1);
    sending.send({ ...SUBJECT, breakId: "mid" }, "impression", "https://a.example/", 0, 0);
    sending.send({ ...SUBJECT, index: 1 }, "impression", "https://a.example/", 0, 0);
    expect(sending.sent).toEqual([
      "https://a.example/",
      "https://b.example/",
      "https://a.example/",
      "https://a.example/",
    ]);
  });

  test("what the viewer does is told each time, and to every URL", () => {
    const sending = start();
    const urls = ["https://a.example/mute", "https://b.example/mute"];
    sending.sendAction(SUBJECT, "mute", urls, { time: 1 });
    sending.sendAction(SUBJECT, "mute", urls, { time: 2 });
    expect(sending.sent).toEqual([...urls, ...urls]);
  });

  test("skipping that is no error is told to nobody", () => {
    const sending = start();
    sending.sendErrors(SUBJECT, ["https://e.example/[ERRORCODE]"], undefined);
    expect(sending.sent).toEqual([]);
  });

  test("an ad fails once, however many faults it has and whoever tells them", () => {
    const sending = start();
    sending.sendErrors(
      { ...SUBJECT, index: undefined, place: String(SUBJECT.index) },
      ["https://e.example/[ERRORCODE]"],
      401,
    );
    sending.sendErrors(SUBJECT, ["https://e.example/[ERRORCODE]"], 405);
    expect(sending.sent).toEqual(["https://e.example/401"]);
  });

  test("an error tells the reason, where one VAST number stands for several; without one its macro stays", () => {
    const sending = start();
    const url = "https://e.example/[ERRORCODE]?reason=[INTERLUDE_REASON]";
    sending.sendErrors(SUBJECT, [url], 407, "repackage-in-progress");
    sending.sendErrors({ ...SUBJECT, index: 1 }, [url], 400);
    expect(sending.sent).toEqual([
      "https://e.example/407?reason=repackage-in-progress",
      "https://e.example/400?reason=[INTERLUDE_REASON]",
    ]);
  });

  test("an impression tells by what it was saved at its first encounter, and nothing where it was none", () => {
    const sending = start();
    const url = "https://t.example/track/impression?sig=s&reason=[INTERLUDE_ENCOUNTER]";
    sending.send({ ...SUBJECT, encounter: "remux" }, "impression", url, 0, 0);
    sending.send({ ...SUBJECT, index: 1 }, "impression", url, 0, 0);
    sending.send({ ...SUBJECT, encounter: "wait" }, "start", "https://t.example/?a=[ADCOUNT]", 0, 1);
    expect(sending.sent).toEqual([
      "https://t.example/track/impression?sig=s&reason=remux",
      "https://t.example/track/impression?sig=s&reason=",
      "https://t.example/?a=1",
    ]);
  });

  test("after the end of the session nothing is told, requests that it broke off least of all", () => {
    const sending = start();
    sending.send(SUBJECT, "start", "https://t.example/start", 0, 0);
    sending.end();
    sending.sendErrors(SUBJECT, ["https://e.example/[ERRORCODE]"], 301);
    expect(sending.sent).toEqual(["https://t.example/start"]);
  });

  test("a session of thousands of breaks forgets none that may be played again, and none of the last two hundred", () => {
    const sending = start(FILLER, ["first"]);
    const breaks = ["first", ...Array.from({ length: 2000 }, (_, index) => `avail-${index}`)];
    const sendAll = (ids: readonly string[]): void => {
      for (const breakId of ids) sending.send({ ...SUBJECT, breakId }, "start", `https://t.example/${breakId}`, 0, 0);
    };
    sendAll(breaks);
    expect(sending.sent).toHaveLength(2001);
    sendAll(["first", ...breaks.slice(-150)]);
    expect(sending.sent).toHaveLength(2001);
    sendAll(["avail-0"]);
    expect(sending.sent).toHaveLength(2002);
  });
});

describe("beacons that wait for consent", () => {
  const asking = (): { readonly filler: MacroFiller; readonly answer: (consent: string) => void } => {
    let answer: (consent: string) => void = () => undefined;
    const consent = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const fill = (template: string, value: string): string => template.replace("[GDPRCONSENT]", value);
    const filler: MacroFiller = {
      fill: async (template) => fill(template, await consent),
      fillNow: (template) => fill(template, "-1"),
      release: () => undefined,
    };
    return { filler, answer };
  };

  test("go once it is known", async () => {
    const { filler, answer } = asking();
    const sending = start(filler);
    sending.send(SUBJECT, "start", "https://t.example/?c=[GDPRCONSENT]", 0, 0);
    expect(sending.sent).toEqual([]);
    answer("CPx");
    await Promise.resolve();
    await Promise.resolve();
    expect(sending.sent).toEqual(["https://t.example/?c=CPx"]);
  });

  test("go without it, once, when the session ends meanwhile", async () => {
    const { filler, answer } = asking();
    const sending = start(filler);
    sending.send(SUBJECT, "start", "https://t.example/?c=[GDPRCONSENT]", 0, 0);
    sending.end();
    answer("CPx");
    await Promise.resolve();
    await Promise.resolve();
    expect(sending.sent).toEqual(["https://t.example/?c=-1"]);
  });
});
