/** Hears what other processes on a PostgreSQL tell, over a connection of its own that is made again when it is lost. */
import { Client } from "pg";

const RECONNECT_MS = 1000;

/**
 * Listens from now on; what is told while the connection is lost is not heard.
 *
 * @param channel letters and _
 * @returns ends it
 * @throws the driver's error where there is no first connection
 */
export async function listen(
  connectionString: string,
  channel: string,
  onPayload: (payload: string) => void,
  onError: ((error: Error) => void) | undefined,
): Promise<() => Promise<void>> {
  let isOver = false;
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = async (): Promise<void> => {
    const opened = new Client({ connectionString });
    client = opened;
    opened.on("notification", ({ payload = "" }) => onPayload(payload));
    opened.on("error", (error) => {
      onError?.(error);
      reconnect(opened);
    });
    opened.on("end", () => reconnect(opened));
    await opened.connect();
    await opened.query(`listen ${channel}`);
  };
  const reconnect = (lost: Client): void => {
    if (isOver || lost !== client) return;
    client = undefined;
    timer = setTimeout(() => {
      connect().catch((error: Error) => {
        onError?.(error);
        if (client !== undefined) reconnect(client);
      });
    }, RECONNECT_MS).unref();
  };
  await connect();
  return async () => {
    isOver = true;
    clearTimeout(timer);
    await client?.end();
  };
}
