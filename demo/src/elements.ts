/** The page's elements, found by id or made, with their types checked. */

/** @throws Error when index.html has no such element of that class */
export function find<T extends Element>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`index.html: expected #${id} to be a ${type.name}, got ${String(element)}`);
}

/** An element with a class and a text; children are appended in order. */
export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
}

/** Writes a text only when it is another one, so that live regions speak once. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
