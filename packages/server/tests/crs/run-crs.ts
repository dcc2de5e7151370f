/** A server's CRS in a process of its own: submits one creative and tells each change, until it is killed. */
import { startCrs } from "./test-crs.ts";

const [folder = "", creativeUrl = "", databaseUrl] = process.argv.slice(2);
const base = new URL("/", creativeUrl);
const { crs } = await startCrs({ folder, databaseUrl, allow: [{ base, requests: [], close: async () => undefined }] });
crs.subscribe(({ state, progress }) => console.log(`${state} ${progress.toFixed(3)}`));
await crs.submit({ zone: "1", creativeUrl, packaging: "hls", targetDuration: 6 });
