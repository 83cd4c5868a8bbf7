/* The catalogue of texts in the reader's language. */
import type { Text } from "../api/types";
import { prefs } from "../prefs";
import { en } from "./en";
import { fr, type Catalogue } from "./fr";

/** The texts, of the language chosen now: ask while drawing, do not keep. */
export function t(): Catalogue {
    return prefs.lang === "fr" ? fr : en;
}

/** The reader's side of a text that the server gives in both languages. */
export function local(text: Text | null | undefined): string {
    return text?.[prefs.lang] ?? "";
}

/** Whether a number takes the singular: French says "0 jour", English "0 days". */
export function isOne(n: number): boolean {
    return prefs.lang === "fr" ? Math.abs(n) < 2 : Math.abs(n) === 1;
}
