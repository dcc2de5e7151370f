import { defaultClientConditions, defineConfig } from "vite";
import { embedWorker } from "./packages/plugin/embed-worker.ts";

/** The publisher's page. `npm start` builds it once and serves it; `npx vite` serves it from source beside a running server. */
export default defineConfig({
  root: "demo",
  base: "./",
  plugins: [embedWorker()],
  resolve: { conditions: ["interlude-source", ...defaultClientConditions] },
  build: { outDir: "../.interlude/demo", emptyOutDir: true, target: "es2023", chunkSizeWarningLimit: 800 },
});
