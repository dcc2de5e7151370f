/** Asks for the token of the API. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import icon from "./icon.svg";

export interface LoginProps {
  /** The token that was tried before. */
  readonly isRefused: boolean;
  readonly onToken: (token: string) => void;
}

export function Login({ isRefused, onToken }: LoginProps): JSX.Element {
  const [text, setText] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    // What no header can hold is no token, and would look like a server that cannot be reached.
    const token = text.trim();
    if (/^[\x21-\x7e]+$/.test(token)) onToken(token);
  };
  return (
    <main class="login">
      <h1>
        <img src={icon} alt="" width="28" height="28" />
        Interlude console
      </h1>
      <form class="card" onSubmit={submit}>
        <label class="field" for="token">
          <span>API token</span>
        </label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          pattern="\s*[\x21-\x7e]+\s*"
          title="Letters, digits and signs, no blanks"
          value={text}
          aria-describedby="token-note"
          aria-invalid={isRefused}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {isRefused && (
          <p class="complaint-text" role="alert">
            The server did not take this token.
          </p>
        )}
        <TokenNote />
        <button class="primary" type="submit">
          Open the console
        </button>
      </form>
    </main>
  );
}

function TokenNote(): JSX.Element {
  return (
    <p id="token-note" class="note">
      The server prints it, with a link that has it, when it starts; or it is what INTERLUDE_API_TOKEN says. This tab
      keeps it until it is closed.
    </p>
  );
}
