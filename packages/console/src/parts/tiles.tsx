/** Single numbers, side by side. */
import type { JSX } from "preact";

export interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly tone?: "good" | "warn" | "bad";
  /** Where more of it is. */
  readonly href?: string;
}

export function Tiles({ label, tiles }: { readonly label: string; readonly tiles: readonly Tile[] }): JSX.Element {
  return (
    <dl class="tiles" aria-label={label}>
      {tiles.map(({ name, value, note, tone, href }) => (
        <div key={name} data-tone={tone}>
          <dt>{href ? <a href={href}>{name}</a> : name}</dt>
          <dd>
            <strong>{value}</strong>
            {note && <span>{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
