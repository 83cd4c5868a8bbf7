/* One measure over days or runs: a line with its points, the usual range as a band, the ends of both
 * axes in words. Its data stands in the table of the chart around it. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import * as format from "../format";

const WIDTH_AT_FIRST = 640;
const H = 180;
const LEFT = 56;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 24;

export interface LinePoint {
    date: string;
    value: number | null;
}

/** Round steps that cover low..high: 1, 2 or 5 times a power of ten, about three of them. */
export function steps(low: number, high: number): number[] {
    const span = high - low || Math.abs(high) || 1;
    const raw = span / 3;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? raw;
    const out: number[] = [];
    for (let i = Math.floor(low / step); i * step < high + step && out.length < 8; i++) out.push(i * step);
    return out;
}

/** domain: the ends of the vertical axis; without it they follow the values. */
export function LineChart({ points, label, usual, domain, text }: {
    points: LinePoint[];
    label: string;
    usual?: { low: number | null; high: number | null } | undefined;
    domain?: [number, number];
    text: (value: number) => string;
}) {
    const box = useRef<HTMLDivElement>(null);
    const [W, setWidth] = useState(WIDTH_AT_FIRST);
    useLayoutEffect(() => {
        // Drawn as wide as it is shown, so that its words keep their size.
        const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(240, Math.round(entry.contentRect.width))));
        if (box.current) {
            setWidth(Math.max(240, Math.round(box.current.clientWidth)));
            observer.observe(box.current);
        }
        return () => observer.disconnect();
    }, []);
    const known = points.filter((p): p is { date: string; value: number } => p.value !== null);
    const band = usual && usual.low !== null && usual.high !== null ? { low: usual.low, high: usual.high } : null;
    const values = [...known.map((p) => p.value), ...(band ? [band.low, band.high] : [])];
    const ticks = domain ? [domain[0], (domain[0] + domain[1]) / 2, domain[1]] : steps(Math.min(...values), Math.max(...values));
    const low = ticks[0] ?? 0;
    const high = ticks[ticks.length - 1] ?? 1;
    const first = Date.parse(points[0]?.date ?? "");
    const time = (date: string) => Date.parse(date) - first;
    const whole = time(points[points.length - 1]?.date ?? "") || 1;
    const x = (date: string) => LEFT + (time(date) / whole) * (W - LEFT - RIGHT);
    const y = (value: number) => TOP + (1 - (value - low) / (high - low || 1)) * (H - TOP - BOTTOM);
    const at = known.map((p) => ({ ...p, x: x(p.date), y: y(p.value) }));
    return (
        <div class="line-chart" ref={box}>
            <svg width={W} height={H} viewBox={`0 0 ${W} ${H}`} role="img" aria-label={label}>
                {band && <rect class="line-usual" x={LEFT} width={W - LEFT - RIGHT} y={y(band.high)} height={Math.max(1, y(band.low) - y(band.high))} />}
                {ticks.map((v) => (
                    <g>
                        <line class="line-grid" x1={LEFT} x2={W - RIGHT} y1={y(v)} y2={y(v)} />
                        <text x={LEFT - 8} y={y(v) + 4} text-anchor="end">{text(v)}</text>
                    </g>
                ))}
                <polyline class="line-line" points={at.map((p) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`).join(" ")} />
                {at.length <= 40 && at.map((p) => <circle class="line-dot" cx={p.x} cy={p.y} r="3.5"><title>{format.date(p.date)} : {text(p.value)}</title></circle>)}
                <text x={LEFT} y={H - 6}>{format.date(points[0]?.date, "day")}</text>
                <text x={W - RIGHT} y={H - 6} text-anchor="end">{format.date(points[points.length - 1]?.date, "day")}</text>
            </svg>
        </div>
    );
}
