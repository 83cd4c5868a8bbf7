/* What stands where an answer is not there: not yet, not at all, or not without a run. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Resource } from "../api/use";
import { t } from "../i18n";

/** A grey shape of the size of what comes. */
export function Skeleton({ height, width }: { height: number | string; width?: number | string }) {
    return <div class="skeleton" style={{ height, width: width ?? "100%" }} aria-hidden="true" />;
}

/** A command to type in a terminal, with a button that copies it. */
export function Command({ text }: { text: string }) {
    const [copied, setCopied] = useState(false);
    const copy = () => {
        void navigator.clipboard?.writeText(text).then(() => setCopied(true));
    };
    return (
        <p class="command">
            <code>{text}</code>
            {navigator.clipboard && (
                <button type="button" class="button button-quiet" onClick={copy}>
                    {copied ? t().states.copied : t().states.copy}
                </button>
            )}
        </p>
    );
}

/** A panel for a whole page or part of one: what is the matter, and what to do. */
export function Notice({ title, detail, children, alert }: {
    title: string;
    detail?: string | undefined;
    children?: ComponentChildren;
    alert?: boolean;
}) {
    return (
        <section class="card notice" role={alert ? "alert" : undefined}>
            <h2>{title}</h2>
            {detail && <p>{detail}</p>}
            {children}
        </section>
    );
}

/** Whether any of these answers failed. */
export function failed(of: Resource<unknown>[]): boolean {
    return of.some((r) => r.problem);
}

/** What went wrong first with these answers, and a button that asks again for all that failed; children: what else the
 * reader can do. */
export function Problems({ of, children }: { of: Resource<unknown>[]; children?: ComponentChildren }) {
    const words = t().states;
    const problem = of.find((r) => r.problem)?.problem;
    if (!problem) return null;
    const retry = () => of.forEach((r) => r.problem && r.retry());
    const again = (
        <p class="notice-buttons">
            <button type="button" class="button" onClick={retry}>{words.retry}</button>
            {problem.status >= 400 && !problem.empty && children}
        </p>
    );
    if (problem.empty) {
        return (
            <Notice title={words.empty} detail={words.emptyDetail}>
                <Command text="autostream demo" />
                <Command text="autostream run" />
                {again}
            </Notice>
        );
    }
    if (problem.status === 0) {
        return (
            <Notice title={words.unreachable} detail={words.unreachableDetail} alert>
                <Command text="autostream serve" />
                {again}
            </Notice>
        );
    }
    return (
        <Notice title={problem.message || words.failed} detail={problem.detail || `HTTP ${problem.status}`} alert>
            {again}
        </Notice>
    );
}
