/**
 * Server-sent events by fetch: EventSource sends no token.
 *
 * @see HTML, 9.2.6 interpreting an event stream
 */

/** Calls back with each event's name and its data. What is not whole at the end is left out. */
export async function readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onEvent: (name: string, text: string) => void,
): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = `${rest}${value}`.split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) readBlock(block, onEvent);
  }
}

function readBlock(block: string, onEvent: (name: string, text: string) => void): void {
  const fields = block.split(/\r?\n/).map((line) => /^([^:]+)(?:: ?(.*))?$/s.exec(line));
  const valuesOf = (name: string): string[] => fields.flatMap((field) => (field?.[1] === name ? [field[2] ?? ""] : []));
  const lines = valuesOf("data");
  if (lines.length > 0) onEvent(valuesOf("event").at(-1) ?? "message", lines.join("\n"));
}
