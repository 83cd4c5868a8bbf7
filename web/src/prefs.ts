/* The reader's language and theme: from the address, else as chosen last time, else as the browser says. */
import type { Lang } from "./api/types";

export const THEMES = ["sombre", "verre", "clair"] as const;
export type Theme = (typeof THEMES)[number];
export const LANGS = ["fr", "en"] as const;

function pick<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const is = (value: string | null): value is T => (allowed as readonly (string | null)[]).includes(value);
    const asked = new URLSearchParams(location.search).get(name);
    if (is(asked)) return asked;
    try {
        const kept = localStorage.getItem(`autostream.${name}`);
        if (is(kept)) return kept;
    } catch {
        // Storage may be switched off; the fallback will do.
    }
    return fallback;
}

/** The first of the browser's languages that we speak; French when there is none. */
function browserLang(): Lang {
    for (const tag of navigator.languages) {
        const lang = tag.slice(0, 2).toLowerCase();
        if (lang === "fr" || lang === "en") return lang;
    }
    return "fr";
}

function read(): { lang: Lang; theme: Theme } {
    const light = matchMedia("(prefers-color-scheme: light)").matches;
    return {
        lang: pick<Lang>("lang", LANGS, browserLang()),
        theme: pick<Theme>("theme", THEMES, light ? "clair" : "sombre"),
    };
}

export const prefs = read();

function apply(): void {
    document.documentElement.lang = prefs.lang;
    document.documentElement.dataset["theme"] = prefs.theme;
}

/** Takes language and theme from the address (it changed). */
export function reread(): void {
    Object.assign(prefs, read());
    apply();
}

/** Sets and remembers a preference. */
export function prefer(name: "lang" | "theme", value: string): void {
    try {
        localStorage.setItem(`autostream.${name}`, value);
    } catch {
        // As above: it holds for this page at least.
    }
}

apply();
