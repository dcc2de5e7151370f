/** Consent platforms as pages have them: functions of the page, or a frame above that takes messages. */

export interface FakePlatform {
  /** Commands in order. */
  readonly commands: readonly string[];
  /** Answers all listeners. */
  readonly tell: (answer: unknown) => void;
  readonly remove: () => void;
}

type Api = "__tcfapi" | "__gpp" | "__uspapi";
type Callback = (answer: unknown, success: boolean) => void;

/** @param first answered at once; undefined: nothing until `tell` */
export function placeInPage(api: Api, first?: unknown): FakePlatform {
  const { commands, tell, take } = createPlatform(first);
  const call = (command: string, ...rest: readonly unknown[]): void => {
    const callback = rest.find((value): value is Callback => typeof value === "function");
    take(command, callback);
  };
  Reflect.set(globalThis, api, call);
  return { commands, tell, remove: () => void Reflect.deleteProperty(globalThis, api) };
}

/**
 * In the page that the test's frame is in.
 *
 * @param asText answers are JSON, as platforms do that were asked so
 */
export function placeInParent(api: Api, first?: unknown, asText = false): FakePlatform {
  const { commands, tell, take } = createPlatform(first);
  const { parent } = window;
  const locator = parent.document.createElement("iframe");
  locator.name = `${api}Locator`;
  parent.document.body.append(locator);
  const onMessage = ({ data, source }: MessageEvent): void => {
    const call: unknown = typeof data === "object" && data !== null ? Reflect.get(data, `${api}Call`) : undefined;
    if (typeof call !== "object" || call === null) return;
    const callId: unknown = Reflect.get(call, "callId");
    take(String(Reflect.get(call, "command")), (returnValue, success) => {
      const message = { [`${api}Return`]: { returnValue, success, callId } };
      postFrom(parent, source, asText ? JSON.stringify(message) : message);
    });
  };
  parent.addEventListener("message", onMessage);
  return {
    commands,
    tell,
    remove: () => {
      parent.removeEventListener("message", onMessage);
      locator.remove();
    },
  };
}

function createPlatform(first: unknown): {
  readonly commands: readonly string[];
  readonly tell: (answer: unknown) => void;
  readonly take: (command: string, callback: Callback | undefined) => void;
} {
  const commands: string[] = [];
  const listeners: Callback[] = [];
  return {
    commands,
    tell: (answer) => {
      for (const listener of listeners) listener(answer, true);
    },
    take: (command, callback) => {
      commands.push(command);
      if (command.startsWith("remove") || !callback) return;
      listeners.push(callback);
      if (first !== undefined) callback(first, true);
    },
  };
}

/** Answers must come from the platform's window: a function of that window has to post them. */
function postFrom(sender: Window, target: unknown, message: unknown): void {
  const create: unknown = Reflect.get(sender, "Function");
  if (typeof create !== "function") throw new Error("expected the window's Function");
  const post: unknown = Reflect.apply(create, sender, ["target", "message", "target.postMessage(message, '*')"]);
  if (typeof post === "function") Reflect.apply(post, sender, [target, message]);
}
