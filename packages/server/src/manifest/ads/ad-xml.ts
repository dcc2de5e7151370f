/** Reads what ad servers answer, of any of them in about the same time. */
import { AdError, type XmlReader } from "@interlude/core";

/** Elements, their ends and attributes: several times what long maps have. Their number costs more than their length. */
const MAX_PARTS = 50_000;

/** As `reader`, which gets no XML of more than 50,000 parts: AdError `xml-malformed`. */
export function limitXml(reader: XmlReader): XmlReader {
  return (text) => {
    const parts = text.match(/<|=\s?["']/g)?.length ?? 0;
    if (parts <= MAX_PARTS) return reader(text);
    throw new AdError("xml-malformed", `XML: expected at most ${MAX_PARTS} elements and attributes, got ${parts}`);
  };
}
