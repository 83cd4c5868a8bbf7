/* The choice of a selection: quick views, search, model, statut, failure, least probability. The
 * address holds it; whoever shows a selection reads it from there. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Catalog, Summary } from "../api/types";
import { useApi } from "../api/use";
import { failureLabel, STATUTS, statutLabel } from "../catalog";
import * as format from "../format";
import { isOne, t } from "../i18n";
import { setQuery } from "../router";
import { apiPath, isSelective, SELECTION, several, type SelectionKey } from "../selection";
import { Dropdown } from "./Dropdown";
import { IconClose, IconSearch, StatutSign } from "./icons";

const TYPING_MS = 180;
const MANY_OPTIONS = 12;

/** A change of the selection: the table starts at its first page again. */
export function select(changes: Record<string, string>, replace = false): void {
    setQuery({ ...changes, page: "" }, replace);
}

export function clearSelection(): void {
    select(Object.fromEntries(SELECTION.map((name) => [name, ""])));
}

/** A search; `live`: as soon as the typing pauses, else when it is sent. */
export function SearchBox({ value, onSearch, label, hint, id, live }: {
    value: string;
    onSearch: (text: string) => void;
    label: string;
    hint: string;
    id: string;
    live?: boolean;
}) {
    const [text, setText] = useState(value);
    const typed = useRef(value);
    const timer = useRef(0);
    useEffect(() => {
        if (value !== typed.current) {
            typed.current = value;
            setText(value);
        }
    }, [value]);
    useEffect(() => () => clearTimeout(timer.current), []);
    const send = (next: string) => {
        typed.current = next.trim();
        onSearch(next.trim());
    };
    return (
        <form class="search" role="search" aria-labelledby={`${id}-label`} onSubmit={(e) => {
            e.preventDefault();
            clearTimeout(timer.current);
            send(text);
        }}>
            <label id={`${id}-label`} class="visually-hidden" for={id}>{label}</label>
            <IconSearch size={15} />
            <input id={id} class="control" type="search" value={text} placeholder={hint} maxLength={100}
                autocomplete="off" spellcheck={false}
                onInput={(e) => {
                    const next = e.currentTarget.value;
                    setText(next);
                    clearTimeout(timer.current);
                    if (live) timer.current = window.setTimeout(() => send(next), TYPING_MS);
                }} />
        </form>
    );
}

interface Option {
    value: string;
    label: string;
    statut?: (typeof STATUTS)[number];
}

/** Several of a list; none chosen means all. */
function Choice({ name, label, options, query }: { name: SelectionKey; label: string; options: Option[]; query: URLSearchParams }) {
    const [needle, setNeedle] = useState("");
    const chosen = several(query, name);
    const labels = options.filter((o) => chosen.includes(o.value)).map((o) => o.label);
    const shown = options.filter((o) => o.label.toLowerCase().includes(needle.toLowerCase()));
    const toggle = (value: string) => {
        const next = chosen.includes(value) ? chosen.filter((v) => v !== value) : [...chosen, value];
        select({ [name]: next.join(",") });
    };
    const what = chosen.length === 0 ? label
        : t().list.pair(label, labels.length > 2 || labels.length === 0 ? t().filter.chosen(format.num(chosen.length)) : labels.join(", "));
    return (
        <Dropdown label={what} active={chosen.length > 0}>
            <fieldset class="choices">
                <legend class="visually-hidden">{label}</legend>
                {options.length > MANY_OPTIONS && (
                    <input class="control" type="search" aria-label={t().list.pair(t().filter.search, label)} value={needle}
                        onInput={(e) => setNeedle(e.currentTarget.value)} />
                )}
                {shown.map((o) => (
                    <label class="choice">
                        <input type="checkbox" checked={chosen.includes(o.value)} onChange={() => toggle(o.value)} />
                        {o.statut && <span class={`tone-${o.statut.toLowerCase()}`}><StatutSign statut={o.statut} /></span>}
                        {o.label}
                    </label>
                ))}
            </fieldset>
        </Dropdown>
    );
}

/** The least probability, in steps of 5 %. */
function LeastProbability({ query }: { query: URLSearchParams }) {
    const asked = Number(query.get("prob_min") ?? 0);
    const value = Number.isFinite(asked) ? Math.round(Math.max(0, Math.min(1, asked)) * 100) : 0;
    const words = t().filter;
    const label = value > 0 ? t().list.pair(words.probability, format.percent(value / 100)) : words.probability;
    return (
        <Dropdown label={label} active={value > 0}>
            <label class="slider">
                <span>{words.probability}{" "}<output>{format.percent(value / 100)}</output></span>
                <input type="range" min="0" max="100" step="5" value={value}
                    onInput={(e) => select({ prob_min: e.currentTarget.value === "0" ? "" : String(Number(e.currentTarget.value) / 100) }, true)} />
            </label>
        </Dropdown>
    );
}

/** The quick views; they exclude one another. */
function QuickViews({ catalog, query }: { catalog: Catalog; query: URLSearchParams }) {
    const words = t().filter;
    const niveau = query.get("niveau") ?? "";
    const noService = query.get("sans_revision") === "1";
    const { urgent, surveillance } = catalog.thresholds;
    const views = [
        { label: words.all, on: niveau === "" && !noService, set: { niveau: "", sans_revision: "" } },
        { label: words.urgent(format.percent(urgent)), on: niveau === "urgent", set: { niveau: "urgent", sans_revision: "" } },
        { label: words.watch(format.percent(surveillance)), on: niveau === "surveiller", set: { niveau: "surveiller", sans_revision: "" } },
        { label: words.noService, on: noService, set: { niveau: "", sans_revision: "1" } },
    ];
    return (
        <div class="segments" role="group" aria-label={words.quick}>
            {views.map((v) => (
                <button type="button" class="segment" aria-pressed={v.on} onClick={() => select(v.set)}>{v.label}</button>
            ))}
        </div>
    );
}

/** compact: the page has no search; what was searched for elsewhere can be taken out here. */
export function Filters({ catalog, query, compact }: {
    catalog: Catalog;
    query: URLSearchParams;
    compact?: boolean;
}) {
    const words = t().filter;
    // Of the whole fleet: a chosen model must not hide the others.
    const summary = useApi<Summary>(apiPath("summary", query)).data;
    const models = (summary?.by_model ?? []).flatMap((m) => (m.modele === null ? [] : [{ value: m.modele, label: m.modele }]));
    const statuts = STATUTS.map((s) => ({ value: s, label: statutLabel(catalog, s), statut: s }));
    const failures = catalog.failures.map((f) => ({ value: String(f.number), label: failureLabel(catalog, f.number) }));
    const years = query.get("annee");
    return (
        <div class={`filters${compact ? " filters-compact" : ""}`} role="group" aria-label={words.heading}>
            <QuickViews catalog={catalog} query={query} />
            <div class="filters-choices">
                <Choice name="modele" label={words.model} options={models} query={query} />
                <Choice name="statut" label={words.statut} options={statuts} query={query} />
                <Choice name="panne" label={words.failure} options={failures} query={query} />
                <LeastProbability query={query} />
                {compact && query.get("q") && (
                    <Removable what={`« ${query.get("q")} »`} onRemove={() => select({ q: "" })} />
                )}
                {years && <Removable what={words.year(years)} onRemove={() => select({ annee: "" })} />}
                {isSelective(query) && (
                    <button type="button" class="button button-quiet" onClick={clearSelection}>
                        <IconClose size={14} />{words.clear}
                    </button>
                )}
            </div>
        </div>
    );
}

/** A part of the selection that came by a link and has no control of its own here. */
function Removable({ what, onRemove }: { what: string; onRemove: () => void }) {
    return (
        <button type="button" class="control control-active" aria-label={t().filter.remove(what)} onClick={onRemove}>
            <span>{what}</span><IconClose size={14} />
        </button>
    );
}

/** "12 of 50 vehicles", or how many there are. */
export function countText(total: number, fleet: number): string {
    return total === fleet ? t().filter.fleet(format.num(fleet), isOne(fleet)) : t().filter.active(format.num(total), format.num(fleet));
}
