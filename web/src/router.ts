/* Where the reader is: the address is the state. Plain links work; a click on one changes the page
 * without loading it anew, and back and forward restore the place in it. */
import { prefer, reread } from "./prefs";
import { store } from "./store";

export type PageName = "dashboard" | "analytics" | "data" | "vehicle" | "quality" | "model" | "unknown";

export interface Place {
    page: PageName;
    vin: string; // of the page vehicle, else ""
    query: URLSearchParams;
    path: string;
}

/** These stay in the address from page to page. */
const STICKY = ["run", "lang", "theme"] as const;

const PAGES: Record<string, PageName> = {
    "/": "dashboard",
    "/analyses": "analytics",
    "/donnees": "data",
    "/qualite": "quality",
    "/modele": "model",
};

function vinOf(path: string): string | null {
    const match = /^\/vehicule\/(.+)$/.exec(path);
    try {
        return match ? decodeURIComponent(match[1] as string) : null;
    } catch {
        return null; // a broken escape
    }
}

/** What an address of ours stands for: its path, and its query with the question mark. */
export function placeOf(path: string, search: string): Place {
    const vin = vinOf(path);
    const page = vin === null ? (PAGES[path.replace(/(.)\/$/, "$1")] ?? "unknown") : "vehicle";
    return { page, vin: vin ?? "", query: new URLSearchParams(search), path };
}

function read(): Place {
    return placeOf(location.pathname, location.search);
}

export const place = store<Place>(read());

/** An address of ours: path with these parameters (empty ones are left out), and what sticks. */
export function href(path: string, params: URLSearchParams | Record<string, string> = {}): string {
    const query = new URLSearchParams(params);
    for (const name of STICKY) {
        const value = place.get().query.get(name);
        if (value !== null && !query.has(name)) query.set(name, value);
    }
    for (const [name, value] of [...query]) if (value === "") query.delete(name);
    // Commas and colons read better unescaped, and are allowed.
    const text = query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
    return text === "" ? path : `${path}?${text}`;
}

export function vehicleHref(vin: string, params?: URLSearchParams): string {
    return href(`/vehicule/${encodeURIComponent(vin)}`, params ?? {});
}

/** Remembers how far the page is scrolled, for when the reader comes back. */
function rememberScroll(): void {
    history.replaceState({ y: window.scrollY }, "");
}

/** Whether the reader comes back to a place further down the page. */
export function wasScrolled(): boolean {
    return ((history.state as { y?: number } | null)?.y ?? 0) > 0;
}

function scrollTo(y: number): void {
    // After the page is drawn: at once, and not smoothly.
    requestAnimationFrame(() => window.scrollTo({ top: y, behavior: "instant" }));
}

/** Goes to an address of ours. replace: the step does not count for "back" (typing in a search). */
export function go(address: string, replace = false): void {
    const before = place.get();
    if (replace) {
        history.replaceState(history.state, "", address);
    } else {
        rememberScroll();
        history.pushState({ y: 0 }, "", address);
    }
    reread();
    const now = read();
    place.set(now);
    if (now.path !== before.path) scrollTo(0);
}

/** Stays on the page and changes parameters of the address; "" takes one out. */
export function setQuery(changes: Record<string, string>, replace = false): void {
    const query = new URLSearchParams(place.get().query);
    for (const [name, value] of Object.entries(changes)) {
        if (value === "") query.delete(name);
        else query.set(name, value);
    }
    const text = query.toString().replace(/%2C/g, ",");
    go(text === "" ? place.get().path : `${place.get().path}?${text}`, replace);
}

/** Chooses language or theme, for now and for the next visit. */
export function choose(name: "lang" | "theme", value: string): void {
    prefer(name, value);
    // In the address it would win over what was chosen: change it there too.
    if (place.get().query.has(name)) {
        setQuery({ [name]: value }, true);
    } else {
        reread();
        place.set(read());
    }
}

function onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link?.href || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/api/")) return;
    if (url.hash !== "" && url.pathname === location.pathname) return;
    event.preventDefault();
    go(url.pathname + url.search);
}

export function startRouter(): void {
    history.scrollRestoration = "manual";
    document.addEventListener("click", onClick);
    window.addEventListener("popstate", (event) => {
        reread();
        place.set(read());
        scrollTo((event.state as { y?: number } | null)?.y ?? 0);
    });
    window.addEventListener("pagehide", rememberScroll);
}
