/** The published shapes: ES modules with their types, of which a page's bundler takes what it needs, and one file for a `<script>` tag. */
import { defineConfig, type UserConfig } from "tsdown";

/** Everything but the players is bundled, core too: the package stands alone, and its parts cannot be of different versions. */
const shared: UserConfig = {
  cwd: import.meta.dirname,
  platform: "browser",
  target: "es2022",
  deps: { onlyImport: ["hls.js", "video.js"] },
  inputOptions: { resolve: { conditionNames: ["interlude-source", "import"] } },
};

export default defineConfig([
  { ...shared, entry: ["src/index.ts", "src/hls.ts", "src/videojs.ts"], format: "esm", dts: true },
  {
    ...shared,
    entry: { interlude: "src/global.ts" },
    format: "iife",
    globalName: "interlude",
    minify: true,
    sourcemap: true,
    clean: false,
    dts: false,
    outputOptions: { codeSplitting: false, entryFileNames: "interlude.min.js" },
  },
]);
