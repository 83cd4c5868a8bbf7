/* Asks the server, and remembers: an answer is kept by its address until a new run is published, so
 * that going back to a page draws it at once. */
import { prefs } from "../prefs";

/** What went wrong, in the reader's words (RFC 9457). status 0: the server did not answer. */
export class Problem extends Error {
    readonly status: number;
    readonly type: string;
    readonly detail: string;
    constructor(status: number, type: string, title: string, detail: string) {
        super(title);
        this.status = status;
        this.type = type;
        this.detail = detail;
    }
    /** No run is published yet. */
    get empty(): boolean {
        return this.type.endsWith("no-gold");
    }
}

export interface Answer {
    data?: unknown;
    problem?: Problem;
    promise: Promise<void>;
    generation: number;
    language: string;
}

const ANSWERS_AT_MOST = 200;
const answers = new Map<string, Answer>();
let generation = 0;
let arrivals = 0;
const listeners = new Set<() => void>();

export const API = "/api/v1/";

async function ask(path: string, answer: Answer): Promise<void> {
    try {
        const response = await fetch(API + path, {
            headers: { "Accept": "application/json, application/problem+json", "Accept-Language": answer.language },
        });
        const text = await response.text();
        let body: unknown;
        try {
            body = JSON.parse(text);
        } catch {
            body = null;
        }
        if (response.ok && body !== null) {
            answer.data = body;
        } else {
            const p = (body ?? {}) as Record<string, unknown>;
            const say = (name: string) => (typeof p[name] === "string" ? (p[name] as string) : "");
            answer.problem = new Problem(response.status, say("type"), say("title"), say("detail"));
        }
    } catch {
        answer.problem = new Problem(0, "unreachable", "", "");
    }
    arrivals++;
}

/** How many answers have come; the same number: the same is known. */
export function arrived(): number {
    return arrivals;
}

/** Takes the answers that the server put into the page: the first view then asks for nothing. */
export function takeAnswers(): void {
    const given = document.getElementById("answers");
    const found = JSON.parse(given?.textContent || "{}") as Record<string, unknown>;
    for (const [path, data] of Object.entries(found)) {
        answers.set(path, { data, generation, language: prefs.lang, promise: Promise.resolve() });
    }
    given?.remove();
}

/** The answer for this path below /api/v1/, asked for when it is new, stale, or failed before and `again`. */
export function get(path: string, again = false): Answer {
    const known = answers.get(path);
    const failed = known?.problem !== undefined;
    const foreign = failed && known?.language !== prefs.lang;
    if (known && known.generation === generation && !foreign && !(failed && again)) return known;
    const answer: Answer = { generation, language: prefs.lang, promise: Promise.resolve() };
    answer.promise = ask(path, answer);
    answers.delete(path);
    answers.set(path, answer);
    for (const oldest of answers.keys()) {
        if (answers.size <= ANSWERS_AT_MOST) break;
        answers.delete(oldest);
    }
    return answer;
}

/** The answer for this path, if it was asked for. */
export function peek(path: string): Answer | undefined {
    return answers.get(path);
}

/** Forgets all answers: what is on screen is asked for anew, and stays until the new is there. */
export function invalidate(): void {
    generation++;
    for (const listener of listeners) listener();
}

/** Calls back after each invalidate(); gives the function that ends it. */
export function onInvalidate(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
}
