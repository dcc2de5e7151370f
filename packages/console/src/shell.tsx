/** The frame of all pages: the names of the pages, and the one that is open. */
import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "./api/client.ts";
import type { ConfigInForce } from "./api/server.ts";
import { useLoad } from "./load.ts";
import icon from "./icon.svg";
import type { PageProps } from "./page-props.ts";
import { ConfigurationPage } from "./pages/configuration.tsx";
import { CreativePage } from "./pages/creative.tsx";
import { CreativesPage } from "./pages/creatives.tsx";
import { FirstEncounterPage } from "./pages/first-encounter.tsx";
import { FunnelPage } from "./pages/funnel.tsx";
import { LossesPage } from "./pages/losses.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { SessionPage } from "./pages/session.tsx";
import { SessionsPage } from "./pages/sessions.tsx";
import { Empty, Loaded } from "./parts/states.tsx";
import { formatRoute, parseRoute, type Route } from "./route.ts";

const PAGES: readonly { readonly page: string; readonly name: string }[] = [
  { page: "", name: "Overview" },
  { page: "creatives", name: "Creatives" },
  { page: "losses", name: "Losses" },
  { page: "first-encounter", name: "First encounter" },
  { page: "funnel", name: "Funnel" },
  { page: "sessions", name: "Sessions" },
  { page: "configuration", name: "Configuration" },
];

export function Shell({ api, onLeave }: { readonly api: Api; readonly onLeave: () => void }): JSX.Element {
  const route = useRoute();
  const [config, again] = useLoad(
    useCallback((signal: AbortSignal) => api.get<ConfigInForce>("v1/config", signal), [api]),
    { everySeconds: 60 },
  );
  const main = useRef<HTMLElement>(null);
  const name = PAGES.find(({ page }) => page === route.page)?.name ?? "Not found";
  const place = [route.page, ...route.path].join("/");
  useEffect(() => {
    document.title = `${name} · Interlude console`;
  }, [name]);
  useFocusOnChange(main, place);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <header class="top">
        <p class="brand">
          <img src={icon} alt="" width="28" height="28" />
          Interlude
        </p>
        <a class="api" href={api.address("docs")}>
          API
        </a>
        <button class="small" type="button" onClick={onLeave}>
          Leave
        </button>
      </header>
      <Navigation current={route.page} />
      <main ref={main} tabIndex={-1} key={place}>
        <h1>{name}</h1>
        <Loaded load={config} again={again}>
          {(value) => <Page api={api} route={route} config={value} />}
        </Loaded>
      </main>
    </>
  );
}

function Navigation({ current }: { readonly current: string }): JSX.Element {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const link = nav.current?.querySelector("[aria-current]");
    link?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  return (
    <nav ref={nav} aria-label="Pages" class="pages">
      <ul>
        {PAGES.map(({ page, name }) => (
          <li key={page}>
            <a href={formatRoute(page === "" ? [] : [page])} aria-current={page === current ? "page" : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Page(props: PageProps): JSX.Element {
  const { page, path } = props.route;
  const hasSubject = path.length > 0;
  if (page === "") return <OverviewPage {...props} />;
  if (page === "creatives") return hasSubject ? <CreativePage {...props} /> : <CreativesPage {...props} />;
  if (page === "losses") return <LossesPage {...props} />;
  if (page === "first-encounter") return <FirstEncounterPage {...props} />;
  if (page === "funnel") return <FunnelPage {...props} />;
  if (page === "sessions") return hasSubject ? <SessionPage {...props} /> : <SessionsPage {...props} />;
  if (page === "configuration") return <ConfigurationPage {...props} />;
  return <Empty>There is no such page. Choose one above.</Empty>;
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** A page that opens is where the keyboard goes on, as with any link; the first one leaves it at the top. */
function useFocusOnChange(element: { readonly current: HTMLElement | null }, place: string): void {
  const last = useRef(place);
  useEffect(() => {
    if (last.current === place) return;
    last.current = place;
    element.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [element, place]);
}
