/** Choices above a page: a few side by side, or many in a list. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

export interface Choice {
  readonly value: string;
  readonly label: string;
}

interface ChoiceProps {
  readonly legend: string;
  readonly choices: readonly Choice[];
  readonly value: string;
  readonly onChoose: (value: string) => void;
}

export function Options({ legend, choices, value, onChoose }: ChoiceProps): JSX.Element {
  const name = useId();
  return (
    <fieldset>
      <legend>{legend}</legend>
      <div class="options">
        {choices.map((choice) => (
          <label key={choice.value}>
            <input
              type="radio"
              name={name}
              value={choice.value}
              checked={choice.value === value}
              onChange={() => onChoose(choice.value)}
            />
            <span>{choice.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Select({ legend, choices, value, onChoose }: ChoiceProps): JSX.Element {
  return (
    <label class="field">
      <span>{legend}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value} selected={choice.value === value}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}
