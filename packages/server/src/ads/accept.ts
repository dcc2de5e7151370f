/** In which form an ad request wants its answer. */

/** One range of an Accept header with its weight. */
interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

/** A longer header is one of nobody's player. */
const MAX_RANGES = 20;

/**
 * Whether JSON is named and wanted more than XML; a header that takes anything, or none, asks for XML as ever.
 *
 * @see RFC 9110 §12.5.1
 */
export function prefersJson(accept: string | undefined): boolean {
  const ranges = (accept ?? "").toLowerCase().split(",").slice(0, MAX_RANGES).map(readRange);
  const json = ranges.find(({ type }) => type === "application/json")?.quality ?? 0;
  const isXml = (type: string): boolean => /^(?:application|text)\/(?:[\w.-]+\+)?xml$/.test(type);
  const xml = Math.max(0, ...ranges.filter(({ type }) => isXml(type)).map(({ quality }) => quality));
  return json > 0 && json >= xml;
}

function readRange(text: string): MediaRange {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const quality = Number(weight ?? 1);
  return { type, quality: Number.isFinite(quality) ? quality : 0 };
}
