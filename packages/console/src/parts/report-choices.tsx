/** What every page of the report lets choose: the time and the zone. Both are in the address. */
import type { JSX } from "preact";
import { type Dimension, DIMENSIONS, type Span, SPANS } from "../api/report.ts";
import type { ConfigInForce } from "../api/server.ts";
import { formatRoute, type Route } from "../route.ts";
import { Options, Select } from "./choices.tsx";

const SPAN_NAME: Readonly<Record<Span, string>> = { "24h": "24 hours", "7d": "7 days", "30d": "30 days" };

export const DIMENSION_NAME: Readonly<Record<Dimension, string>> = {
  creative: "Creative",
  ad: "Ad",
  lineItem: "Line item",
  zone: "Zone",
  upstream: "Ad server",
};

export function readDimension(route: Route): Dimension {
  const text = route.query.get("by");
  return DIMENSIONS.find((dimension) => dimension === text) ?? "creative";
}

export function readSpan(route: Route): Span {
  const text = route.query.get("span");
  return SPANS.find((span) => span === text) ?? "24h";
}

/** undefined: all. */
export function readZone(route: Route): string | undefined {
  return route.query.get("zone") || undefined;
}

/** Stays on the page, with one choice made otherwise. */
export function choose(route: Route, name: string, value: string): void {
  const query = { ...Object.fromEntries(route.query), [name]: value };
  location.hash = formatRoute([route.page, ...route.path], query);
}

export function ReportChoices({
  route,
  config,
}: {
  readonly route: Route;
  readonly config: ConfigInForce;
}): JSX.Element {
  return (
    <form class="choices" onSubmit={(event) => event.preventDefault()}>
      <Options
        legend="Time"
        choices={SPANS.map((span) => ({ value: span, label: SPAN_NAME[span] }))}
        value={readSpan(route)}
        onChoose={(span) => choose(route, "span", span)}
      />
      <ZoneSelect route={route} config={config} />
    </form>
  );
}

export function ZoneSelect({ route, config }: { readonly route: Route; readonly config: ConfigInForce }): JSX.Element {
  const zones = config.zones.map(({ zone }) => ({ value: zone, label: zone }));
  return (
    <Select
      legend="Zone"
      choices={[{ value: "", label: "All zones" }, ...zones]}
      value={readZone(route) ?? ""}
      onChoose={(zone) => choose(route, "zone", zone)}
    />
  );
}

export function DimensionSelect({ route }: { readonly route: Route }): JSX.Element {
  return (
    <form class="choices" onSubmit={(event) => event.preventDefault()}>
      <Select
        legend="By"
        choices={DIMENSIONS.map((value) => ({ value, label: DIMENSION_NAME[value] }))}
        value={readDimension(route)}
        onChoose={(by) => choose(route, "by", by)}
      />
    </form>
  );
}
