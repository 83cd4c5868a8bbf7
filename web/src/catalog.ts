/* The words of the trade, from the server's catalogue: measures, parts, statuts. */
import type { Catalog, Column, Failure, Measure, Reason, Statut, Vehicle } from "./api/types";
import { useApi, type Resource } from "./api/use";
import * as format from "./format";
import { local, t } from "./i18n";

/** Most urgent first, as people read them. */
export const STATUTS: readonly Statut[] = ["CRITIQUE", "ALERTE", "SURVEILLANCE", "OK"];
/** Those that call for an action. */
export const TO_ACT: readonly Statut[] = ["CRITIQUE", "ALERTE", "SURVEILLANCE"];

export function useCatalog(): Resource<Catalog> {
    return useApi<Catalog>("catalog");
}

export function measureOf(catalog: Catalog, column: string): Measure | undefined {
    return catalog.measures.find((m) => m.column === column) ?? catalog.measures.find((m) => m.name === column);
}

export function failureOf(catalog: Catalog, number: number): Failure | undefined {
    return catalog.failures.find((f) => f.number === number);
}

export function failureLabel(catalog: Catalog, number: number): string {
    return local(failureOf(catalog, number)?.label) || String(number);
}

export function statutLabel(catalog: Catalog | undefined, statut: Statut): string {
    return local(catalog?.statuts.find((s) => s.name === statut)?.label) || statut;
}

export function statutWhen(catalog: Catalog, statut: Statut): string {
    return local(catalog.statuts.find((s) => s.name === statut)?.when);
}

/** A measure's value with as many decimals as people see, and its unit. */
export function measureText(catalog: Catalog, column: string, value: number | null, withUnit = true): string {
    const measure = measureOf(catalog, column);
    return format.unit(value, withUnit ? local(measure?.unit) : "", measure?.decimals ?? 2);
}

export type Side = "below" | "above" | "inside" | "unknown";

/** Where a value stands beside the usual range, both as people see them: 8.14 is not below 8.1. */
export function sideOf(catalog: Catalog, x: Omit<Reason, "points">): Side {
    if (x.value === null || x.low === null || x.high === null) return "unknown";
    const scale = 10 ** (measureOf(catalog, x.column)?.decimals ?? 2);
    const [value, low, high] = [x.value, x.low, x.high].map((v) => Math.round(v * scale)) as [number, number, number];
    if (value < low) return "below";
    return value > high ? "above" : "inside";
}

/** "Oil pressure 2.10 bar, below usual (3.00 to 5.00)". */
export function reasonSentence(catalog: Catalog, reason: Omit<Reason, "points">): string {
    const words = t().why;
    const label = local(measureOf(catalog, reason.column)?.label) || reason.column;
    if (reason.value === null) return words.notMeasured(label);
    const value = measureText(catalog, reason.column, reason.value);
    const side = sideOf(catalog, reason);
    if (side === "unknown") return words.plain(label, value);
    return words[side](
        label,
        value,
        measureText(catalog, reason.column, reason.low, false),
        measureText(catalog, reason.column, reason.high, false),
    );
}

/** Why, in one sentence: the strongest reason that speaks for the prediction. */
export function whySentence(catalog: Catalog, vehicle: Vehicle): string {
    const reason = vehicle.raisons.find((r) => r.points > 0) ?? vehicle.raisons[0];
    return reason ? reasonSentence(catalog, reason) : t().why.none;
}

/** Km left in words: a vehicle that nothing threatens has none to count. */
export function kmLeft(vehicle: Pick<Vehicle, "type_panne_predit" | "km_avant_panne">): { text: string; note: string } {
    const words = t().dashboard.km;
    if (vehicle.type_panne_predit === 0) return { text: format.NONE, note: words.none };
    if (vehicle.km_avant_panne === null) return { text: format.NONE, note: words.unknown };
    return { text: format.km(vehicle.km_avant_panne), note: vehicle.km_avant_panne === 0 ? words.zero : words.about };
}

/** The heading of a column: short, without its unit. */
export function columnLabel(catalog: Catalog, name: string): string {
    const short = t().data.short[name];
    if (short) return short;
    const column: Column | undefined = catalog.columns.find((c) => c.name === name);
    return local(measureOf(catalog, name)?.label) || local(column?.label) || name;
}

const TEXT_COLUMNS = new Set(["vin", "modele", "statut", "type", "niveau_alerte", "raisons", "date_last_revis", "type_panne_predit"]);
const CODED_COLUMNS = new Set(["annee"]);
const PROBABILITY = /^(p_\d|prob_panne)$/;

/** Whether a column's values are numbers to compare, set flush right. */
export function isNumeric(catalog: Catalog, name: string): boolean {
    if (TEXT_COLUMNS.has(name) || CODED_COLUMNS.has(name)) return false;
    return catalog.columns.some((c) => c.name === name);
}

/** A column's unit, "" when it has none, or when it stands with each value. */
export function columnUnit(catalog: Catalog, name: string): string {
    if (name === "km_avant_panne" || PROBABILITY.test(name)) return "";
    return local(measureOf(catalog, name)?.unit) || local(catalog.columns.find((c) => c.name === name)?.unit);
}

/** A value of a column as people read it, without the unit. */
export function columnText(catalog: Catalog, name: string, value: unknown): string {
    if (value === null || value === undefined || value === "") return format.NONE;
    if (name === "date_last_revis") return format.date(String(value));
    if (typeof value !== "number") return String(value);
    if (CODED_COLUMNS.has(name)) return String(value);
    if (PROBABILITY.test(name)) return format.percent(value);
    const decimals = measureOf(catalog, name)?.decimals ?? catalog.columns.find((c) => c.name === name)?.decimals;
    return format.num(value, decimals ?? 0);
}
