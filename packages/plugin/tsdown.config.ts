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

/**
 * Whatever several files need is in one that is asked for before them, or with them: a file of its own would be heard of only when they
 * have come, one round trip later. Dependencies come along, but for what an earlier group has.
 */
const GROUPS: Readonly<Record<string, RegExp>> = {
  entry: /plugin.src.(ad-insertion|bootstrap|deferred|hosts.(hls-playlist-loader|hls-engine))\.ts$/,
  // of every insertion, whoever stitches and whatever plays
  "build-parts":
    /plugin.src.(build-parts|ads.(skips|break-entry)|hosts.online|content.content)\.ts$|core.src.(ads.(vmap|vast|merge)|hls.master-playlist)\.ts$/,
  session: /plugin.src.session\.ts$/,
};

export default defineConfig([
  {
    ...shared,
    entry: ["src/index.ts", "src/hls.ts", "src/videojs.ts"],
    format: "esm",
    dts: true,
    outputOptions: {
      codeSplitting: {
        groups: Object.entries(GROUPS).map(([name, test], index) => ({ name, test, priority: 9 - index })),
      },
    },
  },
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
