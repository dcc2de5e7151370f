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
    // Nothing is ever sent on it: without keep-alive a peer that is gone would not be noticed.
    const opened = new Client({ connectionString, keepAlive: true });
    opened.on("notification", ({ payload = "" }) => onPayload(payload));
    opened.on("error", (error) => {
      onError?.(error);
      replace(opened);
    });
    opened.on("end", () => replace(opened));
    try {
      await opened.connect();
      await opened.query(`listen ${channel}`);
    } catch (error) {
      void opened.end();
      throw error;
    }
    if (isOver) return opened.end();
    client = opened;
  };
  const replace = (lost: Client): void => {
    if (lost !== client) return;
    client = undefined;
    void lost.end();
    connectLater();
  };
  const connectLater = (): void => {
    if (isOver) return;
    const onFailure = (error: Error): void => {
      onError?.(error);
      connectLater();
    };
    timer = setTimeout(() => void connect().catch(onFailure), RECONNECT_MS).unref();
  };
  await connect();
  return async () => {
    isOver = true;
    clearTimeout(timer);
    await client?.end();
  };
}
