/* Hears of new runs: the server tells by server-sent events, on connecting and whenever a run is
 * published. What is on screen is then asked for anew. A hidden page lets go of its connection
 * (browsers allow six to a host), and hears what it missed when it is seen again. */
import { invalidate, peek } from "./api/client";
import type { Runs } from "./api/types";
import { store } from "./store";

export interface Published {
    run_date: string;
    gold_sha256: string;
}

/** A run that was published while the page was open; null: none, or told already. */
export const published = store<Published | null>(null);

let known: string | null = null;
let source: EventSource | null = null;
let lost = false;

const idOf = (run: { run_date: string; gold_sha256: string }) => `${run.run_date} ${run.gold_sha256}`;

/** The run that the page was drawn from; "": there was none; null: not known yet. */
function drawn(): string | null {
    const answer = peek("runs");
    if (answer?.problem) return "";
    const runs = answer?.data as Runs | undefined;
    const latest = runs?.runs.find((r) => r.run_date === runs.latest);
    return runs === undefined ? null : latest ? idOf(latest) : "";
}

function hear(event: MessageEvent<string>): void {
    let run: Published;
    try {
        run = JSON.parse(event.data) as Published;
    } catch {
        return; // not ours to judge; the next event comes
    }
    const id = idOf(run);
    // The first event tells of a run that landed while the page was loading, too.
    const before = known ?? drawn();
    if (before !== null && before !== id) {
        invalidate();
        published.set(run);
    }
    known = id;
}

/** The server is back: what failed meanwhile is asked for again. */
function onOpen(): void {
    if (lost) invalidate();
    lost = false;
}

function connect(): void {
    if (source && source.readyState !== EventSource.CLOSED) return;
    source = new EventSource("/api/v1/events");
    source.addEventListener("open", onOpen);
    source.addEventListener("error", () => {
        lost = true;
    });
    source.addEventListener("run", hear as (event: Event) => void);
}

function disconnect(): void {
    source?.close();
    source = null;
}

export function startLive(): void {
    connect();
    document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible") connect();
        else disconnect();
    });
    window.addEventListener("pagehide", disconnect);
    window.addEventListener("pageshow", connect);
}
