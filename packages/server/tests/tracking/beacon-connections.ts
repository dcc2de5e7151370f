/**
 * Beacons as cheaply as a sender can send them: over a few connections, many in one write, none waiting for the answer of the one before
 * it. So the processors are the receiver's.
 *
 * @see RFC 9112 §9.3.2 (pipelining)
 */
import { connect, type Socket } from "node:net";
import { BROWSER } from "./browser.ts";

/** Told once of each beacon: whether it was answered by 204. */
export type OnOver = (isTaken: boolean) => void;

export interface BeaconConnections {
  /** @param path with its query */
  send(path: string, onOver: OnOver): void;
  /** What is not answered is over, too. */
  destroy(): void;
}

const CONNECTIONS = 16;

export function openConnections({ hostname, port, host }: URL): BeaconConnections {
  const headers = Object.entries({ host, ...BROWSER }).map(([name, value]) => `${name}: ${value}\r\n`);
  const tail = ` HTTP/1.1\r\n${headers.join("")}\r\n`;
  const open = (): Connection => openConnection(connect({ host: hostname, port: Number(port), noDelay: true }));
  const connections = Array.from({ length: CONNECTIONS }, open);
  let next = 0;
  return {
    send: (path, onOver) => {
      const at = next++ % CONNECTIONS;
      const known = connections[at];
      const connection = known?.isOpen() ? known : open();
      connections[at] = connection;
      connection.send(`GET ${path}${tail}`, onOver);
    },
    destroy: () => {
      for (const connection of connections) connection.destroy();
    },
  };
}

interface Connection {
  send(request: string, onOver: OnOver): void;
  isOpen(): boolean;
  destroy(): void;
}

function openConnection(socket: Socket): Connection {
  const waiting: OnOver[] = [];
  let [unsent, unread] = ["", ""];
  const flush = (): void => {
    socket.write(unsent, "latin1");
    unsent = "";
  };
  socket.setEncoding("latin1").on("data", (text: string) => {
    const answers = `${unread}${text}`.split("\r\n\r\n");
    unread = answers.pop() ?? "";
    for (const answer of answers) {
      // Another one has a body, behind which nobody here finds the next.
      if (!answer.startsWith("HTTP/1.1 204 ")) return void socket.destroy();
      waiting.shift()?.(true);
    }
  });
  // What it was of, `close` makes good.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    for (const onOver of waiting.splice(0)) onOver(false);
  });
  return {
    send: (request, onOver) => {
      // All of one turn in one write.
      if (unsent === "") setImmediate(flush);
      unsent += request;
      waiting.push(onOver);
    },
    isOpen: () => !socket.destroyed,
    destroy: () => void socket.destroy(),
  };
}
