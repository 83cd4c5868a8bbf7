/* The frame of a plot: values at the left, names below, and the point that the pointer or the keyboard
 * is on, with its hint. All places are shares of the width or the height: nothing is measured, the
 * browser alone fits a plot to its box, on any screen and on paper. Colours are the theme's. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";

/** A text at a place 0..1 of the horizontal axis. */
export interface Mark {
    at: number;
    text: string;
}

const percent = (share: number) => `${+(share * 100).toFixed(2)}%`;

/** What stands above a point; the first line is its heading. */
export function Hint({ at, lines }: { at: number; lines: string[] }) {
    return (
        <div class="hint" aria-hidden="true" style={{ left: percent(at), translate: percent(-at) }}>
            {lines.map((line, i) => (i === 0 ? <strong>{line}</strong> : <span>{line}</span>))}
        </div>
    );
}

export interface FrameProps {
    /** For screen readers; the table of the chart around it says the same in words. */
    label: string;
    /** In rem. */
    height: number;
    /** The vertical axis: evenly spaced, the ends of the scale among them. */
    ticks: number[];
    text: (value: number) => string;
    below: Mark[];
    /** What the axes mean. */
    name?: string | undefined;
    valueName?: string | undefined;
    /** What the hint of a point says. */
    hint: (index: number) => string[];
    /** A click on a point, or Enter. */
    onPick?: ((index: number) => void) | undefined;
}

/** points: where they stand, 0..1, in order; width: of a point's room, 0..1. */
export function Frame({ label, height, ticks, text, below, name, valueName, hint, onPick, points, width = 0, children }: FrameProps & {
    points: number[];
    width?: number;
    children: ComponentChildren;
}) {
    const [on, setOn] = useState(-1);
    const last = points.length - 1;
    const near = (event: MouseEvent) => {
        const box = (event.currentTarget as Element).getBoundingClientRect();
        const x = (event.clientX - box.left) / box.width;
        return points.reduce((best, at, i) => (Math.abs(at - x) < Math.abs((points[best] ?? 0) - x) ? i : best), 0);
    };
    const onKey = (event: KeyboardEvent) => {
        const to: Record<string, number> = { ArrowRight: on + 1, ArrowUp: on + 1, ArrowLeft: on - 1, ArrowDown: on - 1, Home: 0, End: last };
        const next = to[event.key];
        if (next !== undefined) setOn(Math.max(0, Math.min(last, next)));
        else if (event.key === "Escape") setOn(-1);
        else if (event.key === "Enter" && on >= 0 && onPick) onPick(on);
        else return;
        event.preventDefault();
    };
    const at = points[on];
    return (
        <div class={`plot${valueName ? " plot-named" : ""}`}>
            {valueName && <span class="plot-value-name" aria-hidden="true">{valueName}</span>}
            <div class="plot-values" aria-hidden="true">{ticks.map((value) => <span>{text(value)}</span>)}</div>
            <div class={`plot-area${onPick ? " plot-linked" : ""}`} style={{ height: `${height}rem`, "--steps": Math.max(1, ticks.length - 1) }}
                role="slider" tabIndex={0} aria-label={label} aria-roledescription={t().states.plot}
                aria-valuemin={0} aria-valuemax={Math.max(0, last)} aria-valuenow={Math.max(0, on)} aria-valuetext={hint(Math.max(0, on)).join(", ")}
                onPointerMove={(e) => setOn(near(e))} onPointerLeave={() => setOn(-1)} onBlur={() => setOn(-1)}
                onFocus={(e) => on < 0 && e.currentTarget.matches(":focus-visible") && setOn(0)}
                onKeyDown={onKey} onClick={(e) => onPick?.(near(e))}>
                {at !== undefined && <span class="plot-on" style={{ left: percent(at - width / 2), width: percent(width) }} />}
                {children}
                {at !== undefined && <Hint at={at} lines={hint(on)} />}
            </div>
            <div class="plot-below" aria-hidden="true">
                {below.map(({ at: place, text: name }) => <span style={{ left: percent(place), translate: place <= 0 ? "0" : place >= 1 ? "-100%" : "-50%" }}>{name}</span>)}
            </div>
            {name && <p class="plot-name" aria-hidden="true">{name}</p>}
        </div>
    );
}
