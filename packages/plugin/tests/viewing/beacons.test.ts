import { describe, expect, test } from "vitest";
import { type BeaconSubject, createBeaconSender } from "../../src/viewing/beacons.ts";
import { createEmitter } from "../../src/events.ts";

const SUBJECT: BeaconSubject = {
  breakId: "pre",
  adId: "one",
  ad: undefined,
  creative: undefined,
  index: 0,
  adCount: 1,
  mediaUrl: "https://cdn.example/a b.m3u8",
  contentTime: 12.5,
};

function send(urls: readonly string[]): readonly string[] {
  const sent: string[] = [];
  const sender = createBeaconSender("viewer-1", (url) => sent.push(url), createEmitter().emit);
  for (const [occurrence, url] of urls.entries()) sender.send(SUBJECT, "start", url, 2.5, occurrence);
  return sent;
}

describe("createBeaconSender", () => {
  test("expands the macros that the moment gives", () => {
    expect(
      send([
        "https://t.example/?a=[ADPLAYHEAD]&c=[CONTENTPLAYHEAD]&p=[PODSEQUENCE]&u=[ASSETURI]&x=[OTHER]&e=[ERRORCODE]",
      ]),
    ).toEqual([
      "https://t.example/?a=00%3A00%3A02.500&c=00%3A00%3A12.500&p=1&u=https%3A%2F%2Fcdn.example%2Fa%20b.m3u8&x=[OTHER]&e=-1",
    ]);
  });

  test("requests only http and https", () => {
    expect(
      send(["javascript:alert(1)", "data:,x", "file:///etc/passwd", "//t.example/", "HTTPS://t.example/ok"]),
    ).toEqual(["HTTPS://t.example/ok"]);
  });

  test("sends each occurrence once, and two impressions of one ad both", () => {
    const sent: string[] = [];
    const sender = createBeaconSender("viewer-1", (url) => sent.push(url), createEmitter().emit);
    for (const url of ["https://a.example/", "https://b.example/", "https://a.example/"])
      sender.send(SUBJECT, "impression", url, 0, url.startsWith("https://a") ? 0 : 1);
    sender.send({ ...SUBJECT, breakId: "mid" }, "impression", "https://a.example/", 0, 0);
    expect(sent).toEqual(["https://a.example/", "https://b.example/", "https://a.example/"]);
  });

  test("skipping that is no error is told to nobody", () => {
    const sent: string[] = [];
    const sender = createBeaconSender("viewer-1", (url) => sent.push(url), createEmitter().emit);
    sender.sendErrors(SUBJECT, ["https://e.example/[ERRORCODE]"], undefined);
    sender.sendErrors(SUBJECT, ["https://e.example/[ERRORCODE]"], 407);
    expect(sent).toEqual(["https://e.example/407"]);
  });
});
