import { readXml } from "@interlude/core";
import { expect, test } from "vitest";
import { cdata, document, element, text } from "../../src/ads/xml-writer.ts";
import { formatTime } from "../../src/ads/vast-writer.ts";
import { parseXml } from "../../src/xml.ts";

const NASTY = `]]> & < > " ' <![CDATA[ é \u{1F375} ]]]]>`;

test("a text, a CDATA section and an attribute are read as they were written, whatever is in them", () => {
  const written = document(
    element("a", { note: `${NASTY}\n\t` }, element("b", {}, text(NASTY)), element("c", {}, cdata(NASTY))),
  );
  const read = readXml(written, parseXml);
  expect(read.attributes).toEqual({ note: `${NASTY}\n\t` });
  expect(read.children.map((child) => child.text)).toEqual([NASTY, NASTY]);
});

test("what XML 1.0 cannot carry is left out", () => {
  const read = readXml(document(element("a", { x: "1\u0000\u{FFFE}2" }, text("3\u001b\uD8004"))), parseXml);
  expect([read.attributes["x"], read.text]).toEqual(["12", "34"]);
});

test("times are hh:mm:ss.mmm, rounded to the millisecond before they are cut up", () => {
  expect([0, 5.5, 59.9996, 3661.0004, 86_399.999].map(formatTime)).toEqual([
    "00:00:00.000",
    "00:00:05.500",
    "00:01:00.000",
    "01:01:01.000",
    "23:59:59.999",
  ]);
});
