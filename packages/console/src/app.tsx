/** Who comes in: nobody without the token of the API. */
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { createApi } from "./api/client.ts";
import { keepToken, recallToken, takeTokenLink } from "./api/token.ts";
import { Login } from "./login.tsx";
import { Shell } from "./shell.tsx";

/** @param root of the server */
export function App({ root }: { readonly root: URL }): JSX.Element {
  const [token, setToken] = useState(() => takeTokenLink() ?? recallToken());
  const [isRefused, setRefused] = useState(false);
  const leave = useCallback((wasRefused: boolean) => {
    keepToken(undefined);
    setToken(undefined);
    setRefused(wasRefused);
  }, []);
  const enter = useCallback((given: string) => {
    keepToken(given);
    setRefused(false);
    setToken(given);
  }, []);
  useEffect(() => {
    if (token !== undefined) keepToken(token);
    // The link may be opened in a tab that has the console already.
    const take = (): void => {
      const linked = takeTokenLink();
      if (linked !== undefined) enter(linked);
    };
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, [enter, token]);
  const api = useMemo(
    () => (token === undefined ? undefined : createApi({ token, root, onRefused: () => leave(true) })),
    [token, root, leave],
  );
  return api ? <Shell api={api} onLeave={() => leave(false)} /> : <Login isRefused={isRefused} onToken={enter} />;
}
