/** Opens the directory that is named, writes a row, says so and stays until it is killed. */
import { openDatabase } from "../../src/database/database.ts";

const directory = process.argv[2];
if (directory === undefined) throw new Error("expected a directory");
const database = await openDatabase({ directory });
await database.query(
  "insert into creative (zone, key, creative_url, state) values ('1', 'held', 'https://a.example/', 'queued')",
);
console.log("open");
setInterval(() => undefined, 1000);
