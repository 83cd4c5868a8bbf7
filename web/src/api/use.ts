/* Answers of the server as state of a component. */
import { useEffect, useReducer, useRef } from "preact/hooks";
import { get, onInvalidate, type Answer, type Problem } from "./client";

export interface Resource<T> {
    /** The answer; while another is under way, the one before. */
    data: T | undefined;
    problem: Problem | undefined;
    /** Asked, not yet answered. */
    busy: boolean;
    retry: () => void;
}

/** Asks for `path` (see client.get), again when it or the run changes; null asks nothing. */
export function useApi<T>(path: string | null): Resource<T> {
    const [, redraw] = useReducer((n: number) => n + 1, 0);
    const before = useRef<{ path: string; data: unknown } | null>(null);
    const answer: Answer | null = path === null ? null : get(path);
    const settled = answer?.data !== undefined || answer?.problem !== undefined;
    useEffect(() => onInvalidate(() => redraw(0)), []);
    useEffect(() => {
        if (!answer || settled) return undefined; // settled when drawn: nothing to wait for
        let mounted = true;
        void answer.promise.then(() => mounted && redraw(0));
        return () => {
            mounted = false;
        };
    }, [answer]);
    // What was shown for another table or another page's path is no stand-in.
    const kind = path?.split("?", 1)[0] ?? "";
    if (answer?.data !== undefined) before.current = { path: kind, data: answer.data };
    if (before.current?.path !== kind) before.current = null;
    return {
        data: (answer?.data ?? (answer?.problem ? undefined : before.current?.data)) as T | undefined,
        problem: answer?.problem,
        busy: answer !== null && !settled,
        retry: () => {
            if (path !== null) void get(path, true).promise.then(() => redraw(0));
            redraw(0);
        },
    };
}
