/** The published shapes: ES modules with their types, of which a page's bundler takes what it needs, and one file for a `<script>` tag. */
import { defineConfig, type UserConfig } from "tsdown";
import { embedWorker } from "./embed-worker.ts";

/** Everything but the players is bundled, core too: the package stands alone, and its parts cannot be of different versions. */
const shared: UserConfig = {
  cwd: import.meta.dirname,
  platform: "browser",
  target: "es2022",
  deps: { onlyImport: ["hls.js", "video.js"] },
  inputOptions: { resolve: { conditionNames: ["interlude-source", "import"] } },
  plugins: [embedWorker()],
};

/**
 * Whatever several files need is in one that is asked for before them, or with them: a file of its own would be heard of only when they
 * have come, one round trip later. Dependencies come along, but for what an earlier group has.
 */
const GROUPS: Readonly<Record<string, RegExp>> = {
  entry: /plugin.src.(ad-insertion|bootstrap|deferred|hosts.(hls-playlist-loader|hls-engine))\.ts$/,
  // of every insertion, whoever stitches and whatever plays
  "build-parts":
    /plugin.src.(build-parts|ads.(skips|break-entry|virtual-media)|hosts.online|content.content|remux.(fetch-range|movie))\.ts$|core.src.(ads.(vmap|vast|merge)|hls.master-playlist)\.ts$/,
  session: /plugin.src.session\.ts$/,
  remux: /plugin.src.remux([\\/][\w-]+)?\.ts$/,
};

/** In the file for script tags nothing can be loaded behind it but by an address. */
const byAddress = {
  name: "interlude-remux-by-address",
  load: (id: string): string | undefined =>
    /plugin.src.load-remux\.ts$/.test(id) ? 'export { loadRemux } from "./load-remux-script.ts";' : undefined,
};

/**
 * What makes segments is in the worker's text already. For pages that can have no worker it is in a file of its own, which shares nothing
 * with others: of a file that others share, bundlers make two.
 */
const makeHereApart = {
  name: "interlude-make-here-apart",
  resolveId: (id: string): { readonly id: string; readonly external: true } | undefined =>
    id === "./make-here.ts" ? { id: "./make-here.js", external: true } : undefined,
};

const script: UserConfig = { ...shared, minify: true, sourcemap: true, clean: false, dts: false };

export default defineConfig([
  {
    ...shared,
    entry: ["src/index.ts", "src/hls.ts", "src/videojs.ts", "src/remux.ts"],
    format: "esm",
    dts: true,
    plugins: [embedWorker(), makeHereApart],
    outputOptions: {
      codeSplitting: {
        groups: Object.entries(GROUPS).map(([name, test], index) => ({ name, test, priority: 9 - index })),
      },
    },
  },
  { ...shared, entry: { "make-here": "src/remux/make-here.ts" }, format: "esm", clean: false, dts: false },
  {
    ...script,
    entry: { interlude: "src/global.ts" },
    format: "iife",
    globalName: "interlude",
    plugins: [byAddress],
    outputOptions: { codeSplitting: false, entryFileNames: "interlude.min.js" },
  },
  {
    ...script,
    entry: { remux: "src/remux.ts" },
    format: "esm",
    outputOptions: { codeSplitting: false, entryFileNames: "interlude-remux.min.js" },
  },
]);
