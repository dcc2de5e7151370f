/**
 * The code that repackages creatives in the page, for pages without modules: another file, which they may keep anywhere.
 */
import { AdError } from "@interlude/core";
import type { RemuxModule } from "./load-remux.ts";

const FILE = "interlude-remux.min.js";

/** Of the script that this is in. */
let own: string | undefined;

/** To be called while the script runs: later nothing says where it is. */
export function noteScript(): void {
  const script = globalThis.document?.currentScript;
  own = script && "src" in script && script.src ? script.src : undefined;
}

/**
 * @param remuxUrl absent: beside the script itself
 * @throws AdError `option-invalid` where that is not known, or something else is there; whatever `import()` throws
 */
export async function loadRemux(remuxUrl?: URL): Promise<RemuxModule> {
  const url = remuxUrl ?? (own === undefined ? undefined : new URL(FILE, own));
  if (!url) throw new AdError("option-invalid", `remuxUrl: expected where ${FILE} is, got nothing`);
  const loaded: unknown = await import(/* @vite-ignore */ url.href);
  if (isRemux(loaded)) return loaded;
  throw new AdError("option-invalid", `${url.href}: expected ${FILE}, got another module`, { url: url.href });
}

function isRemux(value: unknown): value is RemuxModule {
  return typeof value === "object" && value !== null && "openRemux" in value && "createMaker" in value;
}
