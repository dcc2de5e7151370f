/** Requests of the page to the manifest server, and what went wrong with them in words. */
import { member, textOf } from "../json.ts";
import { type Answer, readAnswer, splitHeaders } from "./debug-headers.ts";

export interface AnsweredText {
  readonly answer: Answer;
  readonly text: string;
}

/** Any status is an answer; status 0 is none. */
export async function ask(url: string, signal: AbortSignal): Promise<AnsweredText> {
  const startedAt = performance.now();
  try {
    const response = await fetch(url, { signal, cache: "no-store" });
    const text = await response.text();
    const ms = performance.now() - startedAt;
    return { answer: readAnswer({ url, status: response.status, ms }, response.headers), text };
  } catch {
    return { answer: readAnswer({ url, status: 0, ms: performance.now() - startedAt }, []), text: "" };
  }
}

/** A request that hls.js made. @param details its XMLHttpRequest */
export function readRequest(url: string, ms: number, details: unknown): AnsweredText {
  const request = details instanceof XMLHttpRequest ? details : undefined;
  const headers = splitHeaders(request?.getAllResponseHeaders() ?? "");
  const answer = readAnswer({ url: request?.responseURL || url, status: request?.status ?? 0, ms }, headers);
  const isText = request?.responseType === "" || request?.responseType === "text";
  return { answer, text: request && isText ? request.responseText : "" };
}

/** `403 content-origin-refused: the zone does not …`: the server's own sentence where it wrote one. */
export function describeFailure({ answer, text }: AnsweredText): string {
  if (answer.status === 0) return "The manifest server cannot be reached";
  const error = member(parseJson(text), "error");
  const [code, message] = [textOf(error, "code"), textOf(error, "message")];
  return code === undefined ? `The manifest server answered ${answer.status}` : `${answer.status} ${code}: ${message}`;
}

/** undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
