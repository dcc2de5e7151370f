import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readXml, type XmlElement } from "@interlude/core";
import { parseXml } from "@interlude/server/xml";

/** The text of a file in `fixtures/`. */
export function readFixtureText(name: string): string {
  return readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");
}

/** The same, read by the server's reader. */
export function readFixture(name: string): XmlElement {
  return readXml(readFixtureText(name), parseXml);
}

/** Any text, read by the server's reader. */
export function read(text: string): XmlElement {
  return readXml(text, parseXml);
}

/** What a call gives, or the error that it throws. */
export function attempt<T extends object>(call: () => T): T | Error {
  try {
    return call();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
