/**
 * What a page is told that has called the plugin wrongly.
 */
import { AdError } from "@interlude/core";

/** `option-invalid`: names the option, what was expected, and what came. */
export function wrongOption(name: string, expected: string, got: unknown): AdError {
  const came = typeof got === "string" ? JSON.stringify(got) : String(got);
  return new AdError("option-invalid", `${name}: expected ${expected}, got ${came}`);
}
