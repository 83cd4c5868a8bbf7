/* A value that components can watch. */
import { useEffect, useReducer } from "preact/hooks";

export interface Store<T> {
    get(): T;
    set(value: T): void;
    watch(listener: () => void): () => void;
}

export function store<T>(value: T): Store<T> {
    const listeners = new Set<() => void>();
    return {
        get: () => value,
        set(next) {
            if (Object.is(next, value)) return;
            value = next;
            for (const listener of [...listeners]) listener();
        },
        watch(listener) {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
    };
}

/** The store's value; the component is drawn again when it changes. */
export function useStore<T>(source: Store<T>): T {
    const [, redraw] = useReducer((n: number) => n + 1, 0);
    useEffect(() => source.watch(() => redraw(0)), [source]);
    return source.get();
}
