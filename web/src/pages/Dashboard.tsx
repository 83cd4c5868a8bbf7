/* Tableau de bord: which vehicle to call in first and why, then the rest by urgency, beside the fleet
 * in numbers. */
import { useState } from "preact/hooks";
import type { Catalog, Kpi as KpiData, Statut, Summary, Vehicle, Vehicles } from "../api/types";
import { useApi } from "../api/use";
import { failureLabel, failureOf, kmLeft, sideOf, statutLabel, STATUTS, statutWhen, TO_ACT, useCatalog, whySentence } from "../catalog";
import { Chart } from "../components/Chart";
import { clearSelection, countText, Filters } from "../components/Filters";
import { IconArrow, IconSettings, IconWrench, StatutSign } from "../components/icons";
import { Kpi, type KpiTile } from "../components/Kpi";
import { Bullet, StatutBar } from "../components/pictures";
import { PageTitle } from "../components/PageTitle";
import { failed, Notice, Problems, Skeleton } from "../components/States";
import { StatutBadge } from "../components/Statut";
import * as format from "../format";
import { isOne, local, t } from "../i18n";
import { href, vehicleHref, type Place } from "../router";
import { apiPath, isSelective, selectionOf, several } from "../selection";
import { useFirst } from "../whole";

const FIRST_SHOWN = 12;
const MORE = 50;
const SHOWN_AT_MOST = 500;
const MODELS_SHOWN = 8;

/** The vehicles to act on: those of the selection that are not predicted OK. */
function toAct(query: URLSearchParams): URLSearchParams {
    const params = selectionOf(query);
    const asked = several(query, "statut") as Statut[];
    const statuts = asked.length === 0 ? TO_ACT : TO_ACT.filter((s) => asked.includes(s));
    // A selection of OK alone has nothing to act on; the page shows what was asked for.
    params.set("statut", (statuts.length > 0 ? statuts : asked).join(","));
    return params;
}

// ---- the fleet in numbers ----

interface Figure {
    id: string;
    label: string;
    hint?: string;
    of: (kpi: KpiData) => number | null;
    text: (value: number | null) => string;
    change: (delta: number) => string;
    tone?: string;
    link?: Record<string, string>;
}

function figures(catalog: Catalog): Figure[] {
    const words = t().kpi;
    const count = { text: (v: number | null) => format.num(v), change: (d: number) => format.signed(d) };
    return [
        { id: "vehicles", label: words.vehicles, of: (k) => k.vehicles, ...count, link: {} },
        { id: "critiques", label: words.critical, of: (k) => k.critiques, ...count, tone: "tone-critique", link: { statut: "CRITIQUE" } },
        { id: "interventions", label: words.interventions, hint: words.interventionsHint, of: (k) => k.interventions, ...count, link: { statut: TO_ACT.join(",") } },
        {
            id: "a_surveiller", label: words.watch, hint: words.watchHint(format.percent(catalog.thresholds.surveillance)),
            of: (k) => k.a_surveiller, ...count, link: { niveau: "surveiller" },
        },
        {
            id: "sante", label: words.health, hint: words.healthHint, of: (k) => k.sante_pct, link: { statut: "OK" },
            text: (v) => format.percent(v === null ? null : v / 100), change: (d) => words.points(format.signed(d, 0)),
        },
        { id: "sans_date", label: words.noService, of: (k) => k.sans_date_revision, ...count, link: { sans_revision: "1" } },
    ];
}

/** Vehicles of the selection beside the fleet's, in the same measure. */
function tileOf(figure: Figure, summary: Summary): KpiTile {
    const words = t().kpi;
    const value = figure.of(summary.fleet);
    const runs = summary.history.map((h) => ({ date: h.run_date, value: figure.of(h) }));
    const known = runs.filter((r): r is { date: string; value: number } => r.value !== null);
    const first = known[0];
    const before = known[known.length - 2];
    const delta = before && value !== null ? value - before.value : null;
    const day = before ? format.date(before.date, "day") : "";
    return {
        id: figure.id,
        label: figure.label,
        hint: figure.hint,
        value: figure.text(value),
        selection: summary.selection ? figure.text(figure.of(summary.selection)) : undefined,
        history: known.map((r) => r.value),
        change: delta === null ? undefined : Math.round(delta) === 0 ? words.same(day) : words.since(figure.change(delta), day),
        trend: first ? words.trend(figure.text(first.value), figure.text(value), format.num(known.length)) : undefined,
        tone: figure.tone,
        ...(figure.link ? { link: figure.link } : {}),
    };
}

function ageTile(summary: Summary): KpiTile {
    const words = t().kpi;
    const last = summary.last_event_date;
    const days = last === null ? null : Math.max(0, format.daysBetween(last, format.today()));
    return {
        id: "age",
        label: words.age,
        value: days === null ? format.NONE : days === 0 ? words.ageToday : words.ageDays(format.num(days), isOne(days)),
        note: last === null ? undefined : words.lastMessage(format.date(last, "day")),
        tone: "kpi-text",
    };
}

function Figures({ catalog, summary }: { catalog: Catalog | undefined; summary: Summary | undefined }) {
    const words = t().kpi;
    return (
        <section class="figures" aria-labelledby="figures-title">
            <h2 id="figures-title" class="visually-hidden">{words.heading}</h2>
            {catalog && summary ? (
                <>
                    <ul class="card kpis">
                        {figures(catalog).map((f) => <Kpi tile={tileOf(f, summary)} />)}
                        <Kpi tile={ageTile(summary)} />
                    </ul>
                    {summary.history.length < 2 && <p class="note">{words.oneRun}</p>}
                </>
            ) : <div class="card kpis kpis-loading"><Skeleton height={72} /></div>}
        </section>
    );
}

// ---- the list to act on ----

function Facts({ catalog, vehicle }: { catalog: Catalog; vehicle: Vehicle }) {
    const words = t().dashboard;
    const km = kmLeft(vehicle);
    return (
        <dl class="facts">
            <div><dt>{words.part}</dt><dd>{failureLabel(catalog, vehicle.type_panne_predit)}</dd></div>
            <div><dt>{words.probability}</dt><dd>{format.percent(vehicle.prob_panne)}</dd></div>
            <div><dt>{words.kmLeft}</dt><dd>{km.text} <small>{km.note}</small></dd></div>
        </dl>
    );
}

/** The vehicle to call in first, large. */
function Hero({ catalog, vehicle, link }: { catalog: Catalog; vehicle: Vehicle; link: string }) {
    const words = t().dashboard;
    const reason = vehicle.raisons.find((r) => r.points > 0) ?? vehicle.raisons[0];
    return (
        <article class={`card hero edge-${vehicle.statut.toLowerCase()}`} aria-labelledby="hero-vin">
            <header class="hero-head">
                <p class="kicker">{words.first}</p>
                <h2 id="hero-vin" class="hero-vin"><a href={link}>{vehicle.vin}</a></h2>
                <span class="muted">{vehicle.modele ?? t().list.unknownModel}{vehicle.annee !== null && ` ${vehicle.annee}`}</span>
                <StatutBadge catalog={catalog} statut={vehicle.statut} large />
            </header>
            <Facts catalog={catalog} vehicle={vehicle} />
            <div class="hero-lines">
                <div class="hero-line">
                    <h3>{words.why}</h3>
                    <div>
                        <p>{whySentence(catalog, vehicle)}</p>
                        {reason && <Bullet value={reason.value} low={reason.low} high={reason.high} out={["below", "above"].includes(sideOf(catalog, reason))} />}
                    </div>
                </div>
                <div class="hero-line">
                    <h3>{words.todo}</h3>
                    <p>
                        {local(failureOf(catalog, vehicle.type_panne_predit)?.advice)}{", "}
                        <strong>{statutWhen(catalog, vehicle.statut)}</strong>
                    </p>
                </div>
            </div>
            <a class="button button-primary hero-open" href={link}>{words.open}<IconArrow /></a>
        </article>
    );
}

function Row({ catalog, vehicle, link }: { catalog: Catalog; vehicle: Vehicle; link: string }) {
    const km = kmLeft(vehicle);
    return (
        <li class={`act edge-${vehicle.statut.toLowerCase()}`}>
            <span class="act-rank" aria-hidden="true">{vehicle.rank !== null && format.num(vehicle.rank)}</span>
            <div class="act-who">
                <a class="act-vin" href={link}>{vehicle.vin}</a>
                <span class="muted">{vehicle.modele ?? t().list.unknownModel}{vehicle.annee !== null && ` ${vehicle.annee}`}</span>
            </div>
            <div class="act-statut">
                <StatutBadge catalog={catalog} statut={vehicle.statut} />
            </div>
            <div class="act-part">
                <strong>{failureLabel(catalog, vehicle.type_panne_predit)}</strong>
                <span class="muted">{format.percent(vehicle.prob_panne)}</span>
            </div>
            <div class="act-why">
                <p>{whySentence(catalog, vehicle)}</p>
                <p class="muted act-todo"><IconWrench size={13} />{local(failureOf(catalog, vehicle.type_panne_predit)?.advice)}</p>
            </div>
            <div class="act-km" title={km.note}>
                <strong>{km.text}</strong>
                {vehicle.km_avant_panne !== null && <span class="muted">{t().dashboard.km.left}</span>}
            </div>
        </li>
    );
}

/** The vehicles after the first, grouped by how soon. */
function Groups({ catalog, vehicles, params }: { catalog: Catalog; vehicles: Vehicle[]; params: URLSearchParams }) {
    const rows = useFirst(vehicles, 59, 548);
    return (
        <div data-whole={rows.length === vehicles.length}>
            {STATUTS.map((statut) => {
                const group = rows.filter((v) => v.statut === statut);
                if (group.length === 0) return null;
                return (
                    <section class="act-group" aria-labelledby={`group-${statut}`}>
                        <h3 id={`group-${statut}`} class={`act-when tone-${statut.toLowerCase()}`}>
                            <StatutSign statut={statut} />
                            {t().dashboard.group(statutLabel(catalog, statut), statutWhen(catalog, statut))}
                        </h3>
                        <ol class="acts" start={group[0]?.rank ?? 1}>
                            {group.map((v) => <Row key={v.vin} catalog={catalog} vehicle={v} link={vehicleHref(v.vin, params)} />)}
                        </ol>
                    </section>
                );
            })}
        </div>
    );
}

function Actions({ catalog, vehicles, busy, query, more }: {
    catalog: Catalog;
    vehicles: Vehicles;
    busy: boolean;
    query: URLSearchParams;
    more: () => void;
}) {
    const words = t().dashboard;
    const params = toAct(query);
    const [first, ...rest] = vehicles.rows;
    if (!first) {
        if (vehicles.fleet_total === 0) return <Notice title={words.noVehicleDetail} />;
        return isSelective(query) ? <Notice title={words.nothingSelected} /> : <Notice title={words.nothingDetail} />;
    }
    const left = vehicles.total - vehicles.rows.length;
    const step = Math.min(MORE, left, SHOWN_AT_MOST - vehicles.rows.length);
    const total = format.num(vehicles.total);
    return (
        <div class="actions" aria-busy={busy}>
            <Hero catalog={catalog} vehicle={first} link={vehicleHref(first.vin, params)} />
            {rest.length > 0 && (
                <section class="card list" aria-labelledby="list-title">
                    <header class="card-head card-head-row">
                        <h2 id="list-title" class="chart-title">{words.next}</h2>
                        <span class="muted">{words.shown(format.num(vehicles.rows.length), total)}</span>
                    </header>
                    <Groups catalog={catalog} vehicles={rest} params={params} />
                    <footer class="list-foot">
                        {step > 0 && (
                            <button type="button" class="button" onClick={more}>{words.showMore(format.num(step))}</button>
                        )}
                        <a class="button button-quiet" href={href("/donnees", params)}>{words.seeAll(total)}<IconArrow /></a>
                    </footer>
                </section>
            )}
        </div>
    );
}

// ---- the fleet by model ----

/** The whole fleet, whatever is selected. */
function ByModel({ catalog, summary }: { catalog: Catalog; summary: Summary }) {
    const words = t().dashboard;
    const models = [...summary.by_model].sort(
        (a, b) => b.by_statut.CRITIQUE - a.by_statut.CRITIQUE || b.by_statut.ALERTE - a.by_statut.ALERTE || b.vehicles - a.vehicles,
    );
    const shown = models.slice(0, MODELS_SHOWN);
    const rest = models.length - shown.length;
    const worst = shown[0];
    const name = (m: Summary["by_model"][number]) => m.modele ?? t().list.unknownModel;
    const most = worst?.by_statut.CRITIQUE ?? 0;
    return (
        <Chart
            kicker={words.byModel}
            title={worst && most > 0 ? words.byModelTitle(name(worst), format.num(most), isOne(most)) : words.byModelCalm}
            table={{
                caption: words.byModel,
                columns: [{ label: words.model }, ...STATUTS.map((s) => ({ label: statutLabel(catalog, s), right: true }))],
                rows: models.map((m) => [name(m), ...STATUTS.map((s) => format.num(m.by_statut[s]))]),
            }}
        >
            <ul class="legend">
                {STATUTS.map((s) => (
                    <li>
                        <a class={`tone-${s.toLowerCase()}`} href={href("/donnees", { statut: s })}>
                            <StatutSign statut={s} />{statutLabel(catalog, s)}{" "}<strong>{format.num(summary.fleet.by_statut[s])}</strong>
                        </a>
                    </li>
                ))}
            </ul>
            <ul class="models">
                {shown.map((m) => {
                    const said = STATUTS.filter((s) => m.by_statut[s] > 0).map((s) => `${statutLabel(catalog, s)} ${format.num(m.by_statut[s])}`);
                    return (
                        <li>
                            <a href={href("/donnees", m.modele === null ? {} : { modele: m.modele })}>
                                <span class="models-name">{name(m)}</span>
                                <StatutBar counts={m.by_statut} of={m.vehicles} />
                                <span class="models-total">{format.num(m.vehicles)}</span>
                                <span class="visually-hidden">{said.join(", ")}</span>
                            </a>
                        </li>
                    );
                })}
            </ul>
            {rest > 0 && <p class="note"><a href={href("/analyses")}>{words.otherModels(format.num(rest), isOne(rest))}</a></p>}
        </Chart>
    );
}

// ---- the page ----

/** What the page asks for: the figures, and the first vehicles to act on. */
export function dashboardPaths({ query }: Place, shown = FIRST_SHOWN): [string, string] {
    const params = toAct(query);
    params.set("size", String(shown));
    return [apiPath("summary", query, selectionOf(query)), apiPath("vehicles", query, params)];
}

export function Dashboard({ place }: { place: Place }) {
    const words = t().dashboard;
    const { query } = place;
    const [shown, setShown] = useState(FIRST_SHOWN);
    const [filtering, setFiltering] = useState(false);
    const [summaryPath, vehiclesPath] = dashboardPaths(place, shown);
    const catalog = useCatalog();
    const summary = useApi<Summary>(summaryPath);
    const vehicles = useApi<Vehicles>(vehiclesPath);
    const asked = [summary, vehicles, catalog];
    const first = vehicles.data?.rows[0];
    const act = first && first.statut !== "OK";
    let title = t().pages.dashboard;
    if (act && catalog.data) title = words.title(first.vin, statutWhen(catalog.data, first.statut));
    else if (vehicles.data && summary.data && vehicles.data.total === 0 && !isSelective(query)) title = vehicles.data.fleet_total === 0 ? words.noVehicle : words.nothing;
    const date = summary.data ? words.eyebrow(format.date(summary.data.run_date, "long")) : "\u00a0";
    if (failed(asked)) {
        return (
            <>
                <div class="page-top"><PageTitle title={t().pages.dashboard} /></div>
                <Problems of={asked} />
            </>
        );
    }
    return (
        <>
            <div class="page-top">
                <PageTitle eyebrow={date} title={title} name={t().pages.dashboard} />
                {summary.data?.selection && (
                    <p class="selected">
                        {t().kpi.selection}{" "}<strong>{countText(summary.data.selection.vehicles, summary.data.fleet.vehicles)}</strong>
                        <button type="button" class="button button-quiet" onClick={clearSelection}>{t().filter.clear}</button>
                    </p>
                )}
                <button type="button" class={`control filter-toggle${isSelective(query) ? " control-active" : ""}`} aria-expanded={filtering} aria-controls="filters"
                    onClick={() => setFiltering(!filtering)}>
                    <IconSettings />{t().filter.heading}
                </button>
            </div>
            <div id="filters" class="page-filters" hidden={!filtering}>
                {filtering && catalog.data && <Filters catalog={catalog.data} query={query} compact />}
            </div>
            <Figures catalog={catalog.data} summary={summary.data} />
            <div class="dashboard">
                {catalog.data && vehicles.data ? (
                    <Actions catalog={catalog.data} vehicles={vehicles.data} busy={vehicles.busy} query={query}
                        more={() => setShown(Math.min(SHOWN_AT_MOST, shown + MORE))} />
                ) : <div class="actions"><Skeleton height={220} /><Skeleton height={420} /></div>}
                {catalog.data && summary.data
                    ? <aside><ByModel catalog={catalog.data} summary={summary.data} /></aside>
                    : <aside><Skeleton height={320} /></aside>}
            </div>
        </>
    );
}
