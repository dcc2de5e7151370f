import type { GuardedResponse } from "./guarded-fetch.ts";

/**
 * The whole body as text, by the charset that its Content-Type names (default and unknown: UTF-8), a byte order mark dropped.
 *
 * @throws AdError as the body does
 */
export async function readText(response: GuardedResponse): Promise<string> {
  const charset = /charset="?([\w-]+)/i.exec(response.headers.get("content-type") ?? "")?.[1] ?? "utf-8";
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return decoderFor(charset).decode(Buffer.concat(chunks));
}

function decoderFor(charset: string): { decode(bytes: Uint8Array): string } {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
