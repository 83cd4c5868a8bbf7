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

/** The values of a parameter that takes several ("A,B"). */
export function several(query: URLSearchParams, name: SelectionKey): string[] {
    return (query.get(name) ?? "").split(",").filter((value) => value !== "");
}
