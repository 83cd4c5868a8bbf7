/* Pictures drawn without a library: small curves, usual ranges, stacked bars. Each is hidden from
 * screen readers; the words or the table beside it say the same. */
import type { ComponentChildren } from "preact";
import type { ByStatut, Statut } from "../api/types";
import { STATUTS } from "../catalog";
import * as format from "../format";
import { StatutSign } from "./icons";

/** Points of a curve in a box of w x h with a margin, lowest value at the bottom. A level curve lies in the middle. */
function curve(values: number[], w: number, h: number, margin: number): [number, number][] {
    const low = Math.min(...values);
    const span = Math.max(...values) - low;
    const step = values.length > 1 ? (w - 2 * margin) / (values.length - 1) : 0;
    return values.map((v, i) => [
        margin + i * step,
        span === 0 ? h / 2 : h - margin - ((v - low) / span) * (h - 2 * margin),
    ]);
}

const pathOf = (points: [number, number][]) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

/** The course of a figure over the runs, a dot at the last; at least two values. */
export function Sparkline({ values, tone }: { values: number[]; tone?: string | undefined }) {
    const w = 96;
    const h = 28;
    const points = curve(values, w, h, 4);
    const [x, y] = points[points.length - 1] ?? [0, 0];
    return (
        <svg class={`sparkline ${tone ?? ""}`} viewBox={`0 0 ${w} ${h}`} preserveAspectRatio="none" aria-hidden="true">
            <polyline points={pathOf(points)} stroke-width="1.8" />
            {/* A line of no length is a dot that stays round when the box is squeezed. */}
            <path d={`M${x.toFixed(1)},${y.toFixed(1)}h0`} stroke-width="6" />
        </svg>
    );
}

/** A value beside its usual range: the band is the range, the mark the value; out: it stands outside. */
export function Bullet({ value, low, high, out }: { value: number | null; low: number | null; high: number | null; out: boolean }) {
    if (low === null || high === null) return <span class="bullet bullet-empty" aria-hidden="true" />;
    const all = value === null ? [low, high] : [low, high, value];
    const span = Math.max(...all) - Math.min(...all) || 1;
    const from = Math.min(...all) - span * 0.12;
    const at = (x: number) => `${(((x - from) / (span * 1.24)) * 100).toFixed(2)}%`;
    const width = `${(((high - low) / (span * 1.24)) * 100).toFixed(2)}%`;
    return (
        <span class="bullet" aria-hidden="true">
            <span class="bullet-usual" style={{ left: at(low), width }} />
            {value !== null && <span class={`bullet-mark${out ? " bullet-out" : ""}`} style={{ left: at(value) }} />}
        </span>
    );
}

/** A part of a bar: how much of its width, and a class that sets its colour. */
export interface Part {
    share: number | null;
    tone?: string | undefined;
}

/** Parts of a whole side by side, on the scale 0..1. */
export function Share({ parts }: { parts: Part[] }) {
    return (
        <span class="share" aria-hidden="true">
            {parts.map(({ share, tone }) => <span class={tone} style={{ width: `${Math.max(0, Math.min(1, share ?? 0)) * 100}%` }} />)}
        </span>
    );
}

/** Room that a digit, the edges and a sign take, as shares of the narrowest bar that is drawn. */
const ROOM = { digit: 0.04, edges: 0.03, sign: 0.075 };

/** What fits into a part of a bar: the number with its sign, the number, or nothing. */
function labelOf(statut: Statut, count: number, of: number): ComponentChildren {
    const text = format.num(count);
    const room = count / of - ROOM.edges - text.length * ROOM.digit;
    if (room < 0) return null;
    return <>{statut !== "OK" && room >= ROOM.sign && <StatutSign statut={statut} size={9} />}{text}</>;
}

/** Counts by statut as one bar, most urgent first; `of`: the count that fills the whole width. */
export function StatutBar({ counts, of }: { counts: ByStatut; of: number }) {
    return (
        <span class="statut-bar" aria-hidden="true">
            {STATUTS.filter((s) => counts[s] > 0).map((s) => (
                <span class={`fill-${s.toLowerCase()}`} style={{ flexGrow: counts[s], flexBasis: 0 }}>
                    {labelOf(s, counts[s], of)}
                </span>
            ))}
        </span>
    );
}
