import { defineConfig } from "vite";

/** The operators' page. `npm run build` puts it where the server finds it; `npm start` builds it for itself. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir: "dist", emptyOutDir: true, target: "es2023", chunkSizeWarningLimit: 800 },
});
