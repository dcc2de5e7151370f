/** The release of this server. */
import { readFileSync } from "node:fs";

/** As its package says. */
export const VERSION: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
