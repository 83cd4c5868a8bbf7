/* The heading of a page; also the title of the window, and where the focus goes when a page opens. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";

/** title: the heading; name: what the window is called when the heading says more than the name. */
export function PageTitle({ title, name, eyebrow, children }: {
    title: string;
    name?: string;
    eyebrow?: string;
    children?: ComponentChildren;
}) {
    const window = `${name ?? title} – ${t().app.name}`;
    useEffect(() => {
        document.title = window;
    }, [window]);
    return (
        <div class="page-title">
            {eyebrow && <p class="eyebrow">{eyebrow}</p>}
            <h1 id="page-title" tabIndex={-1}>{title}</h1>
            {children}
        </div>
    );
}
