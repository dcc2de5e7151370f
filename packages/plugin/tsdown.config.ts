import { defineConfig } from "tsdown";

export default defineConfig({
  cwd: import.meta.dirname,
  entry: ["src/hls.ts"],
  format: ["esm"],
  dts: true,
  platform: "browser",
  outDir: "dist",
  clean: false,
});
