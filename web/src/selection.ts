/* The selection of vehicles, as the address and the API spell it. */

export const SELECTION = ["q", "modele", "statut", "panne", "prob_min", "niveau", "sans_revision", "annee"] as const;
export type SelectionKey = (typeof SELECTION)[number];

/** The selection's parameters of a query, and `extra` ones if they are there. */
export function selectionOf(query: URLSearchParams, ...extra: string[]): URLSearchParams {
    const out = new URLSearchParams();
    for (const name of [...SELECTION, ...extra]) {
        const value = query.get(name);
        if (value !== null && value !== "") out.set(name, value);
    }
    return out;
}

export function isSelective(query: URLSearchParams): boolean {
    return [...selectionOf(query).keys()].length > 0;
}

/** A path below /api/v1/ with the run of the address and these parameters. */
export function apiPath(path: string, query: URLSearchParams, params: URLSearchParams | Record<string, string> = {}): string {
    const all = new URLSearchParams(params);
    const run = query.get("run");
    if (run) all.set("run", run);
    const text = all.toString();
    return text === "" ? path : `${path}?${text}`;
}

/* What the pages that come later ask for, so that it can be asked ahead without them. */
export const analyticsPath = (query: URLSearchParams): string => apiPath("analytics", query, selectionOf(query));
export const qualityPath = (query: URLSearchParams): string => apiPath("quality", query);
export const modelPath = (query: URLSearchParams): string => apiPath("model", query);

export const PERIODS = ["day", "week", "month"] as const;
export type Period = (typeof PERIODS)[number];

export function periodOf(query: URLSearchParams): Period {
    return PERIODS.find((p) => p === query.get("by")) ?? "day";
}

export const trendsPath = (query: URLSearchParams): string => apiPath("trends", query, { by: periodOf(query) });

const SAMPLES = 5;

/** The page of a table, from 1. */
export function pageOf(query: URLSearchParams): number {
    return Math.max(1, Math.floor(Number(query.get("page"))) || 1);
}

/** Most urgent first, the order that needs no saying. */
export const URGENCY = "urgence";
export const SIZE = 50;

export const sortOf = (query: URLSearchParams): string => query.get("sort") || URGENCY;
export const sizeOf = (query: URLSearchParams): number => Math.min(500, Math.max(1, Math.floor(Number(query.get("size"))) || SIZE));

/** The selection and its order, as links to its vehicles carry them. */
export function orderOf(query: URLSearchParams): URLSearchParams {
    const params = selectionOf(query);
    if (sortOf(query) !== URGENCY) params.set("sort", sortOf(query));
    return params;
}

export function gridPath(query: URLSearchParams): string {
    const params = orderOf(query);
    params.set("page", String(pageOf(query)));
    params.set("size", String(sizeOf(query)));
    return apiPath("vehicles", query, params);
}

export const vehiclePath = (query: URLSearchParams, vin: string): string =>
    apiPath(`vehicles/${encodeURIComponent(vin)}`, query, selectionOf(query, "sort"));

/** One page of refused records, for one reason when the address names one. */
export function quarantinePath(query: URLSearchParams): string {
    const reason = query.get("reason");
    return apiPath("quarantine", query, { ...(reason ? { reason } : {}), page: String(pageOf(query)), size: String(SAMPLES) });
}

/** The values of a parameter that takes several ("A,B"). */
export function several(query: URLSearchParams, name: SelectionKey): string[] {
    return (query.get(name) ?? "").split(",").filter((value) => value !== "");
}
