/** All creatives, as they change. */
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { Api } from "../api/client.ts";
import {
  applyChange,
  type Creative,
  CREATIVE_STATES,
  type CreativeFilter,
  type CreativeList,
} from "../api/creatives.ts";
import { useEvents } from "../events-load.ts";
import { formatAgo, formatCount, formatFileName, formatSeconds } from "../format.ts";
import { type Load, useLoad } from "../load.ts";
import type { PageProps } from "../page-props.ts";
import { Select } from "../parts/choices.tsx";
import { Picture } from "../parts/picture.tsx";
import { choose, ZoneSelect } from "../parts/report-choices.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { formatRoute, type Route } from "../route.ts";

/** More at once make a page slow; the filters find the others. */
const SHOWN = 100;

export function CreativesPage({ api, route, config }: PageProps): JSX.Element {
  const filter = useFilter(route);
  const [load, again] = useCreatives(api, filter);
  return (
    <>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        <Select
          legend="State"
          choices={[
            { value: "", label: "Any state" },
            ...CREATIVE_STATES.filter((state) => state !== "absent").map((state) => ({ value: state, label: state })),
          ]}
          value={filter.state ?? ""}
          onChoose={(state) => choose(route, "state", state)}
        />
        <ZoneSelect route={route} config={config} />
        <label class="field">
          <span>Address has</span>
          <input
            type="search"
            value={filter.url ?? ""}
            onChange={(event) => choose(route, "url", event.currentTarget.value)}
          />
        </label>
      </form>
      <Loaded load={load} again={again}>
        {(list) => <CreativeRows api={api} list={list} isFiltered={Object.keys(filter).length > 0} />}
      </Loaded>
    </>
  );
}

function CreativeRows({
  api,
  list: { creatives, total },
  isFiltered,
}: {
  readonly api: Api;
  readonly list: CreativeList;
  readonly isFiltered: boolean;
}): JSX.Element {
  if (creatives.length === 0) {
    return (
      <Empty>
        {isFiltered
          ? "No creative is like that."
          : "No creative yet: the first ad that is not HLS makes the first one."}
      </Empty>
    );
  }
  const shown = creatives.slice(0, SHOWN);
  return (
    <>
      <p class="note" role="status">
        {shown.length < total ? `The newest ${shown.length} of ${formatCount(total)}` : `${formatCount(total)} in all`}
      </p>
      <ul class="creatives">
        {shown.map((creative) => (
          <CreativeRow key={`${creative.zone} ${creative.key}`} api={api} creative={creative} />
        ))}
      </ul>
    </>
  );
}

function CreativeRow({ api, creative }: { readonly api: Api; readonly creative: Creative }): JSX.Element {
  const { zone, key, creativeUrl, renditions, duration, adSystem, updatedAt } = creative;
  const facts = [
    `zone ${zone}`,
    adSystem,
    duration === undefined ? undefined : formatSeconds(duration),
    renditions.length === 0 ? undefined : renditions.map(({ name }) => name).join(" "),
    `changed ${formatAgo(updatedAt, Date.now())}`,
  ];
  return (
    <li class="card" data-key={key}>
      <Picture api={api} creative={creative} />
      <div class="about">
        <a href={formatRoute(["creatives", zone, key])}>{formatFileName(creativeUrl)}</a>
        <span class="note">{facts.filter((fact) => fact !== undefined).join(" · ")}</span>
      </div>
      <StateBadge creative={creative} />
    </li>
  );
}

function useFilter({ query }: Route): CreativeFilter {
  const text = query.toString();
  return useMemo(() => {
    const given = new URLSearchParams(text);
    const names = ["state", "zone", "url"] as const;
    return Object.fromEntries(names.flatMap((name) => (given.get(name) ? [[name, given.get(name)]] : [])));
  }, [text]);
}

/** The list, brought up to date by what the server tells; asked for again whenever that begins anew. */
function useCreatives(api: Api, filter: CreativeFilter): readonly [Load<CreativeList>, () => void] {
  const query = new URLSearchParams({ ...filter }).toString();
  const [load, again] = useLoad(
    useCallback((signal: AbortSignal) => api.get<CreativeList>(`v1/creatives?${query}`, signal), [api, query]),
  );
  const [shown, setShown] = useState(load);
  useEffect(() => setShown(load), [load]);
  const onChange = useCallback(
    (changed: Creative) =>
      setShown((last) =>
        last.state === "ready" ? { state: "ready", value: applyChange(last.value, changed, filter) } : last,
      ),
    [filter],
  );
  useEvents(api, onChange, again);
  return [shown, again];
}
