/** `interlude serve`: the server without the demo. */
import { buildServer } from "../server.ts";
import { readConfig } from "../config.ts";
import { type Command, readArguments, waitForEnd } from "./command.ts";

const HELP = `Usage: interlude serve

Serves everything until SIGINT or SIGTERM: the repackaging API, the CDN origins, the ad server, the tracking receiver.
Settings come from the environment: interlude --help lists them.
`;

async function serve(args: readonly string[]): Promise<number> {
  readArguments("interlude serve", { args: [...args], options: {} });
  const config = readConfig(process.env);
  const server = await buildServer(config);
  const address = await server.start();
  const ended = waitForEnd();
  // A token that the operator has set is the operator's to know, not the log's.
  const link = config.isApiTokenNew ? `#token=${config.apiToken}` : "";
  const lines = [
    `Interlude is ready: ${address.href}`,
    `Console: ${address.href}console/${link}`,
    ...(config.isApiTokenNew ? [`API token: ${config.apiToken}`] : []),
  ];
  // At once: who reads on only until it is ready closes the pipe.
  process.stdout.write(`${lines.join("\n")}\n`);
  const lost = await Promise.race([ended, server.lost]);
  // Nothing can be put in order without the database: the next process does it, as after a kill.
  if (lost) throw new Error(`the embedded database has come to its end: ${lost.message}`, { cause: lost });
  await server.stop();
  return 0;
}

export const serveCommand: Command = { help: HELP, run: serve };
