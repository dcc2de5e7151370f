/** Where the operators' page was built, beside this package. */
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** undefined: it is not installed, or was not built. */
export function findConsole(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve("@interlude/console/index.html"));
  } catch {
    return undefined;
  }
}
