/* Données: the whole fleet in a table. The server filters, sorts and pages; the address holds the
 * state, so that a view can be sent to a colleague. On a narrow screen each vehicle is a card. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Catalog, Vehicle, Vehicles } from "../api/types";
import { API } from "../api/client";
import { useApi } from "../api/use";
import { columnLabel, columnText, columnUnit, failureLabel, isNumeric, kmLeft, useCatalog, whySentence } from "../catalog";
import { Dropdown } from "../components/Dropdown";
import { clearSelection, countText, Filters, SearchBox, select } from "../components/Filters";
import { IconBoth, IconColumns, IconDown, IconDownload, IconFirst, IconLast, IconLeft, IconRight, IconSettings, IconUp } from "../components/icons";
import { PageTitle } from "../components/PageTitle";
import { Share } from "../components/pictures";
import { failed, Notice, Problems, Skeleton } from "../components/States";
import { StatutBadge } from "../components/Statut";
import * as format from "../format";
import { isOne, t } from "../i18n";
import { go, setQuery, vehicleHref, type Place } from "../router";
import { apiPath, gridPath, orderOf, pageOf, selectionOf, SIZE, sizeOf, sortOf, URGENCY } from "../selection";
import { useFirst } from "../whole";

const SIZES = [25, 50, 100, 200];
const COLUMNS = ["vin", "modele", "annee", "statut", "type_panne_predit", "prob_panne", "km_avant_panne", "raisons", "date_last_revis"];
/** Sorting by these starts with the largest. */
const LARGEST_FIRST = new Set(["prob_panne", "score_risque", "km_actuel", "km_depuis_revis", "jours_revis"]);
const NARROW = "(max-width: 720px)";

interface View {
    sort: string;
    page: number;
    size: number;
    columns: string[];
}

function viewOf(query: URLSearchParams, catalog: Catalog | undefined): View {
    const known = new Set(catalog?.columns.map((c) => c.name) ?? COLUMNS);
    const asked = (query.get("columns") ?? "").split(",").filter((c) => known.has(c));
    return {
        sort: sortOf(query),
        page: pageOf(query),
        size: sizeOf(query),
        columns: asked.length > 0 ? asked : COLUMNS.filter((c) => known.has(c)),
    };
}

const sortKey = (sort: string) => sort.replace(/^-/, "");

// ---- cells ----

const toneOf = (vehicle: Vehicle) => `tone-${vehicle.statut.toLowerCase()}`;

/** unit: with the unit, where no heading tells it. */
function Cell({ catalog, vehicle, column, link, unit }: {
    catalog: Catalog;
    vehicle: Vehicle;
    column: string;
    link: string;
    unit?: boolean;
}): ComponentChildren {
    switch (column) {
        case "vin":
            return <a class="cell-vin" href={link}>{vehicle.vin}</a>;
        case "statut":
            return <StatutBadge catalog={catalog} statut={vehicle.statut} />;
        case "type_panne_predit":
            return vehicle.type_panne_predit === 0 ? <span class="muted">{format.NONE}</span> : failureLabel(catalog, vehicle.type_panne_predit);
        case "prob_panne":
            return (
                <span class="cell-share">
                    <Share parts={[{ share: vehicle.prob_panne, tone: toneOf(vehicle) }]} />
                    {format.percent(vehicle.prob_panne)}
                </span>
            );
        case "km_avant_panne": {
            const km = kmLeft(vehicle);
            return <span title={km.note}>{km.text}</span>;
        }
        case "raisons":
            return <span class={`cell-why${vehicle.statut === "OK" ? " muted" : ""}`}>{vehicle.raisons.length > 0 ? whySentence(catalog, vehicle) : format.NONE}</span>;
        default: {
            const text = columnText(catalog, column, vehicle[column]);
            const name = unit && text !== format.NONE ? columnUnit(catalog, column) : "";
            return name === "" ? text : `${text}\u00a0${name}`;
        }
    }
}

// ---- the table ----

function SortHeader({ catalog, column, sort }: { catalog: Catalog; column: string; sort: string }) {
    const label = columnLabel(catalog, column);
    const unit = columnUnit(catalog, column);
    const sortable = catalog.columns.find((c) => c.name === column)?.sortable ?? false;
    const now = sortKey(sort) === column ? (sort.startsWith("-") ? "descending" : "ascending") : "none";
    const name = <>{label}{unit && <small class="muted">{" "}({unit})</small>}</>;
    const side = isNumeric(catalog, column) ? "right" : undefined;
    if (!sortable) return <th scope="col" class={side}>{name}</th>;
    const first = LARGEST_FIRST.has(column) ? `-${column}` : column;
    const other = first.startsWith("-") ? column : `-${column}`;
    // First click, second click, third: back to the most urgent first.
    const next = sort === first ? other : sort === other ? "" : first;
    return (
        <th scope="col" class={side} aria-sort={now}>
            <button type="button" class="sort" onClick={() => setQuery({ sort: next, page: "" })}>
                {name}
                {now === "ascending" ? <IconUp size={13} /> : now === "descending" ? <IconDown size={13} /> : <span class="sort-idle"><IconBoth size={13} /></span>}
            </button>
        </th>
    );
}

function Table({ catalog, vehicles, view, params }: { catalog: Catalog; vehicles: Vehicles; view: View; params: URLSearchParams }) {
    const rows = useFirst(vehicles.rows, 43, 290);
    return (
        <div class="table-scroll" role="region" aria-label={t().data.caption} tabIndex={0}>
            <table class="table grid">
                <caption class="visually-hidden">{countText(vehicles.total, vehicles.fleet_total)}</caption>
                <thead>
                    <tr>{view.columns.map((c) => <SortHeader key={c} catalog={catalog} column={c} sort={view.sort} />)}</tr>
                </thead>
                <tbody data-whole={rows.length === vehicles.rows.length}>
                    {rows.map((v) => {
                        const link = vehicleHref(v.vin, params);
                        const open = (event: MouseEvent) => {
                            // A click opens the vehicle, marking text does not.
                            if ((event.target as Element).closest("a") || getSelection()?.toString()) return;
                            go(link);
                        };
                        return (
                            <tr key={v.vin} class={`edge-${v.statut.toLowerCase()}`} onClick={open}>
                                {view.columns.map((c) => {
                                    const cell = <Cell catalog={catalog} vehicle={v} column={c} link={link} />;
                                    return c === "vin" ? <th scope="row">{cell}</th> : <td class={isNumeric(catalog, c) ? "right" : undefined}>{cell}</td>;
                                })}
                            </tr>
                        );
                    })}
                </tbody>
            </table>
        </div>
    );
}

// ---- cards, for a narrow screen ----

const IN_HEAD = ["vin", "modele", "annee", "statut"];

function Cards({ catalog, vehicles, view, params }: { catalog: Catalog; vehicles: Vehicles; view: View; params: URLSearchParams }) {
    const rows = useFirst(vehicles.rows, 200, 200);
    return (
        <ul class="cards" aria-label={t().data.caption} data-whole={rows.length === vehicles.rows.length}>
            {rows.map((v) => (
                <li key={v.vin} class={`vehicle-card edge-${v.statut.toLowerCase()}`}>
                    <div class="vehicle-card-head">
                        <a class="act-vin" href={vehicleHref(v.vin, params)}>{v.vin}</a>
                        <StatutBadge catalog={catalog} statut={v.statut} />
                    </div>
                    <p class="muted">{v.modele ?? t().list.unknownModel}{v.annee !== null && ` ${v.annee}`}</p>
                    <dl class="pairs">
                        {view.columns.filter((c) => !IN_HEAD.includes(c)).map((c) => (
                            <div class={c === "raisons" ? "wide" : undefined}>
                                <dt>{columnLabel(catalog, c)}</dt>
                                <dd><Cell catalog={catalog} vehicle={v} column={c} link="" unit /></dd>
                            </div>
                        ))}
                    </dl>
                </li>
            ))}
        </ul>
    );
}

function SortChoice({ catalog, view }: { catalog: Catalog; view: View }) {
    const words = t();
    const options = catalog.columns.filter((c) => c.sortable && view.columns.includes(c.name));
    return (
        <label class="field">
            <span>{words.data.sort}</span>
            <select class="control" value={view.sort} onChange={(e) => setQuery({ sort: e.currentTarget.value === URGENCY ? "" : e.currentTarget.value, page: "" })}>
                <option value={URGENCY}>{words.data.urgency}</option>
                {options.flatMap((c) => [
                    <option value={c.name}>{columnLabel(catalog, c.name)}, {words.list.ascending}</option>,
                    <option value={`-${c.name}`}>{columnLabel(catalog, c.name)}, {words.list.descending}</option>,
                ])}
            </select>
        </label>
    );
}

// ---- tools ----

function ColumnChoice({ catalog, view }: { catalog: Catalog; view: View }) {
    const words = t().data;
    const all = catalog.columns.map((c) => c.name);
    const show = (columns: string[]) => {
        const same = columns.join(",") === COLUMNS.join(",");
        setQuery({ columns: same ? "" : columns.join(",") }, true);
    };
    const toggle = (name: string) => {
        const on = view.columns.includes(name);
        if (on) show(view.columns.filter((c) => c !== name));
        else show([...view.columns, name].sort((a, b) => place(a) - place(b)));
    };
    // The columns of the start in their order, then the others in gold's.
    const place = (name: string) => (COLUMNS.includes(name) ? COLUMNS.indexOf(name) : COLUMNS.length + all.indexOf(name));
    return (
        <Dropdown label={words.columns} icon={<IconColumns />} align="right" active={view.columns.join() !== COLUMNS.join()}>
            <fieldset class="choices">
                <legend class="visually-hidden">{words.columns}</legend>
                <button type="button" class="button button-quiet" onClick={() => show(COLUMNS)}>{words.columnsDefault}</button>
                {[...all].sort((a, b) => place(a) - place(b)).map((name) => (
                    <label class="choice">
                        <input type="checkbox" checked={view.columns.includes(name)} disabled={name === "vin"} onChange={() => toggle(name)} />
                        {columnLabel(catalog, name)}
                    </label>
                ))}
            </fieldset>
        </Dropdown>
    );
}

function Export({ query, view, total }: { query: URLSearchParams; view: View; total: number }) {
    const words = t().data;
    const link = (kind: "csv" | "excel-fr", shown: boolean) => {
        const params = selectionOf(query, "sort");
        params.set("format", kind);
        if (shown) params.set("columns", view.columns.join(","));
        return API + apiPath("vehicles.csv", query, params).replace(/%2C/g, ",");
    };
    const kinds = [{ kind: "csv", name: words.csv, hint: words.csvHint }, { kind: "excel-fr", name: words.excel, hint: words.excelHint }] as const;
    return (
        <Dropdown label={words.export} icon={<IconDownload />} align="right">
            <div class="export">
                <p class="note">{words.exportHint(format.num(total), isOne(total))}</p>
                {kinds.map(({ kind, name, hint }) => (
                    <div>
                        <p><strong>{name}</strong>{" "}<span class="muted">{hint}</span></p>
                        <p class="export-links">
                            <a href={link(kind, false)} download>{words.exportAll}</a>
                            <a href={link(kind, true)} download>{words.exportShown}</a>
                        </p>
                    </div>
                ))}
            </div>
        </Dropdown>
    );
}

function Pager({ vehicles, view }: { vehicles: Vehicles; view: View }) {
    const words = t().data;
    const { page, pages, total, size } = vehicles;
    const to = (n: number) => () => setQuery({ page: n === 1 ? "" : String(n) });
    const from = total === 0 ? 0 : (page - 1) * size + 1;
    const sizes = SIZES.includes(view.size) ? SIZES : [...SIZES, view.size].sort((a, b) => a - b);
    return (
        <nav class="pager" aria-label={words.pagesNav}>
            <label class="field">
                <span>{words.pageSize}</span>
                <select class="control" value={view.size} onChange={(e) => setQuery({ size: e.currentTarget.value === String(SIZE) ? "" : e.currentTarget.value, page: "" })}>
                    {sizes.map((n) => <option value={n}>{n}</option>)}
                </select>
            </label>
            <span class="muted pager-rows">{words.rowsOf(format.num(from), format.num(Math.min(page * size, total)), format.num(total))}</span>
            <span class="pager-steps">
                <button type="button" class="control" aria-label={words.first} disabled={page <= 1} onClick={to(1)}><IconFirst /></button>
                <button type="button" class="control" aria-label={words.previous} disabled={page <= 1} onClick={to(page - 1)}><IconLeft /></button>
                <span class="pager-page">{words.pageOf(format.num(page), format.num(pages))}</span>
                <button type="button" class="control" aria-label={words.next} disabled={page >= pages} onClick={to(page + 1)}><IconRight /></button>
                <button type="button" class="control" aria-label={words.last} disabled={page >= pages} onClick={to(pages)}><IconLast /></button>
            </span>
        </nav>
    );
}

/** Whether the screen is too narrow for a table; follows a change. */
function useNarrow(): boolean {
    const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
    useEffect(() => {
        const media = matchMedia(NARROW);
        const listen = () => setNarrow(media.matches);
        media.addEventListener("change", listen);
        return () => media.removeEventListener("change", listen);
    }, []);
    return narrow;
}

export function Data({ place }: { place: Place }) {
    const words = t().data;
    const { query } = place;
    const narrow = useNarrow();
    const [open, setOpen] = useState(false);
    const catalog = useCatalog();
    const view = viewOf(query, catalog.data);
    const params = orderOf(query);
    const vehicles = useApi<Vehicles>(gridPath(query));
    const asked = [vehicles, catalog];
    const found = vehicles.data;
    return (
        <>
            <div class="page-top">
                <PageTitle title={words.title} />
                <p class="muted" role="status" aria-live="polite">{found && countText(found.total, found.fleet_total)}{found && view.sort === URGENCY && `, ${words.byUrgency}`}</p>
            </div>
            {catalog.data && (
                <div class={`card tools${open ? " tools-open" : ""}`}>
                    <SearchBox id="filter-q" value={query.get("q") ?? ""} label={t().filter.search} hint={t().filter.searchHint} live
                        onSearch={(q) => select({ q }, true)} />
                    <button type="button" class="control tools-toggle" aria-expanded={open} onClick={() => setOpen(!open)}><IconSettings />{words.tools}</button>
                    <Filters catalog={catalog.data} query={query} />
                    <div class="tools-end">
                        {narrow && <SortChoice catalog={catalog.data} view={view} />}
                        <ColumnChoice catalog={catalog.data} view={view} />
                        <Export query={query} view={view} total={found?.total ?? 0} />
                    </div>
                </div>
            )}
            {failed(asked) ? (
                <Problems of={asked}>
                    <button type="button" class="button" onClick={() => { clearSelection(); setQuery({ sort: "", page: "", size: "" }, true); }}>{t().filter.clear}</button>
                </Problems>
            ) : !found || !catalog.data ? (
                <Skeleton height={560} />
            ) : found.total === 0 ? (
                <Notice title={words.none} detail={words.noneDetail}>
                    <p><button type="button" class="button button-primary" onClick={clearSelection}>{t().filter.clear}</button></p>
                </Notice>
            ) : (
                <div class={narrow ? "" : "card grid-card"} aria-busy={vehicles.busy}>
                    {narrow
                        ? <Cards catalog={catalog.data} vehicles={found} view={view} params={params} />
                        : <Table catalog={catalog.data} vehicles={found} view={view} params={params} />}
                    <Pager vehicles={found} view={view} />
                </div>
            )}
        </>
    );
}
