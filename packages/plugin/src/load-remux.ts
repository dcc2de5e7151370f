/**
 * The code that repackages creatives in the page, loaded when the first one needs it. The file for script tags has
 * `load-remux-script.ts` in its place.
 */
import type * as Remux from "./remux.ts";

/** What repackages creatives. */
export type RemuxModule = Pick<typeof Remux, "createMaker" | "openRemux">;

/**
 * @param _remuxUrl of use where there are no modules
 * @throws whatever `import()` throws
 */
export function loadRemux(_remuxUrl?: URL): Promise<RemuxModule> {
  return import("./remux.ts");
}
