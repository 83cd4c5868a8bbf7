/* Rows, each a name, a bar and its value, most of them links to the vehicles behind it. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Share, type Part } from "../components/pictures";
import { Hint } from "./Frame";

export interface Bar {
    name: ComponentChildren;
    /** Of the name: "tone-critique". */
    tone?: string;
    parts: Part[];
    value: ComponentChildren;
    href?: string;
    /** More than the row says; its first line is a heading. */
    hint?: string[];
}

function Row({ bar }: { bar: Bar }) {
    const [on, setOn] = useState(false);
    const inside = (
        <>
            <span class={`row-name ${bar.tone ?? ""}`}>{bar.name}</span>
            <Share parts={bar.parts} />
            <span class="row-value">{bar.value}</span>
            {bar.hint && <span class="visually-hidden">{bar.hint.slice(1).join(", ")}</span>}
            {bar.hint && on && <Hint at={0.5} lines={bar.hint} />}
        </>
    );
    const over = bar.hint && {
        onPointerEnter: () => setOn(true), onPointerLeave: () => setOn(false), onFocusIn: () => setOn(true), onFocusOut: () => setOn(false),
        onKeyDown: (e: KeyboardEvent) => e.key === "Escape" && setOn(false),
    };
    return <li {...over}>{bar.href === undefined ? <div class="row">{inside}</div> : <a class="row" href={bar.href}>{inside}</a>}</li>;
}

/** name: what the bars' length means. */
export function Bars({ bars, name }: { bars: Bar[]; name?: string | undefined }) {
    return (
        <>
            <ul class="rows">{bars.map((bar) => <Row bar={bar} />)}</ul>
            {name && <p class="plot-name" aria-hidden="true">{name}</p>}
        </>
    );
}
