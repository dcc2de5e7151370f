/**
 * An answer that was asked for ahead, as it is kept: its document as text, a tenth of what its tree takes, and with the cookies that it
 * was asked for with, by which it is known whose it is.
 */
import { AdError } from "@interlude/core";
import { readPageCookies } from "./page-cookies.ts";
import { readTree } from "./read-tree.ts";
import type { RelayAnswer } from "./relay-answer.ts";
import { formatTree } from "./xml-tree.ts";

/** What is left of an answer where it is handed out: how it was come by is of no interest then. */
export type Shown = Omit<RelayAnswer, "attempts" | "failures">;

export interface HeldAnswer extends Omit<Shown, "root"> {
  readonly text: string;
  /** Cookies of upstreams, as {@link nameCookies} has them. */
  readonly cookies: string;
}

/** @param cookies the `Cookie` header that it was asked for with */
export function holdAnswer(
  { root, attempts: _attempts, failures: _failures, ...answer }: RelayAnswer,
  cookies: string | undefined,
): HeldAnswer {
  return { ...answer, text: formatTree(root), cookies: nameCookies(cookies) };
}

/** undefined: with its wrappers it has become more than the reader takes of one document. */
export function openHeld({ text, cookies: _cookies, ...answer }: HeldAnswer): Shown | undefined {
  try {
    return { ...answer, root: readTree(text, 4 * text.length) };
  } catch (error) {
    if (error instanceof AdError) return undefined;
    throw error;
  }
}

/** Whether it is of whoever asks: of the same cookies, or of a client that keeps none. */
export function isFor({ cookies }: HeldAnswer, header: string | undefined): boolean {
  const own = nameCookies(header);
  return own === NONE || own === cookies;
}

const NONE = "[]";

/** In any order. */
function nameCookies(header: string | undefined): string {
  const known = readPageCookies(header).map(({ host, path, name, value }) => JSON.stringify([host, path, name, value]));
  return JSON.stringify(known.toSorted());
}
