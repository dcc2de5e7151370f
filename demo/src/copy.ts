/** Copying a text, with a word on what came of it. */
import { setText } from "./elements.ts";

/**
 * Copies `text` and says so in `said`. The clipboard is there on loopback and https alone; elsewhere `select` marks the text, ready
 * for the keyboard.
 */
export async function copyText(text: string, said: Element, select: () => void): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    setText(said, "Copied");
  } catch {
    select();
    setText(said, "Selected: copy it with the keyboard");
  }
}
