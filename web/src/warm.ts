/* Asks ahead: for the first page's answers before anything is drawn, and for what the reader is about
 * to open, the page behind the link that the pointer or the focus is on. The answer is then mostly
 * there when the page is drawn, and its code is ready. */
import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import { get } from "./api/client";
import { load } from "./app";
import { dashboardPaths } from "./pages/Dashboard";
import { place, placeOf, type PageName, type Place } from "./router";
import { analyticsPath, gridPath, modelPath, qualityPath, quarantinePath, trendsPath, vehiclePath } from "./selection";

const FIRST_WAIT = 250; // ms; then the page is drawn as far as it is known

/** What the page of a place asks for. */
function pathsOf(target: Place): string[] {
    switch (target.page) {
        case "dashboard": return dashboardPaths(target);
        case "data": return [gridPath(target.query)];
        case "vehicle": return [vehiclePath(target.query, target.vin)];
        case "analytics": return [analyticsPath(target.query), trendsPath(target.query)];
        case "quality": return [qualityPath(target.query), quarantinePath(target.query)];
        case "model": return [modelPath(target.query)];
        default: return [];
    }
}

/** Waits for what the first page asks for and for its script, though not long: it is then drawn once, and whole. Two
 * pictures, one of them empty, took half as long again. */
export function firstAnswers(script: Promise<unknown>): Promise<unknown> {
    const asked = ["runs", "catalog", ...pathsOf(place.get())].map((path) => get(path).promise);
    return Promise.race([Promise.all([script, ...asked]), new Promise((done) => setTimeout(done, FIRST_WAIT))]);
}

const rehearsed = new Set<PageName>();

/** Draws a page once as text that nobody sees: the browser reads code only when it runs first, and a click should not wait for that. */
async function rehearse(target: Place, answers: Promise<void>[]): Promise<void> {
    if (rehearsed.has(target.page) || target.page === place.get().page) return;
    rehearsed.add(target.page);
    const [Page] = await Promise.all([load(target.page), ...answers]);
    if (place.get().page !== target.page) renderToString(h(Page, { place: target })); // the reader may be there by now
}

function warm(event: Event): void {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.origin !== location.origin || link.hasAttribute("download")) return;
    const target = placeOf(link.pathname, link.search);
    const answers = pathsOf(target).map((path) => get(path).promise);
    void rehearse(target, answers).catch(() => undefined);
}

export function startWarming(): void {
    document.addEventListener("pointerover", warm, { passive: true });
    document.addEventListener("focusin", warm);
}
