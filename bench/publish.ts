/** Puts a table of the benchmark into a page of the docs, with what it was measured on. */
import { readFile, writeFile } from "node:fs/promises";
import { arch, cpus, platform } from "node:os";
import { formatTable, type Row } from "./table.ts";

const MARKS = /<!-- bench -->[\s\S]*?<!-- \/bench -->/;

/**
 * @param args of the command, which the page names
 * @throws Error where the file has no marks
 */
export async function publishTable(file: string, args: readonly string[], rows: readonly Row[]): Promise<void> {
  const text = await readFile(file, "utf8");
  if (!MARKS.test(text)) throw new Error(`${file}: expected <!-- bench --> and <!-- /bench -->, got neither`);
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model ?? arch()}, ${platform()}, Node ${process.versions.node}`;
  const command = `npm run bench -- ${args.join(" ")}`;
  const head = `\`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${machine}.`;
  const table = `<!-- prettier-ignore -->\n${formatTable(rows)}`;
  await writeFile(
    file,
    text.replace(MARKS, () => `<!-- bench -->\n\n${head}\n\n${table}\n\n<!-- /bench -->`),
  );
}
