import { AdError } from "../error.ts";

/** The error of a playlist that breaks the format: `line` counts from 0, what came is cut to 80 characters. */
export function malformedPlaylist(kind: "master" | "media", line: number, expected: string, got: string): AdError {
  const shown = JSON.stringify(got.slice(0, 80));
  return new AdError("playlist-malformed", `${kind} playlist, line ${line + 1}: expected ${expected}, got ${shown}`);
}
