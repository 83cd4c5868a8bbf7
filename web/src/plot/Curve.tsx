/* One figure over days or runs, or over a probability: a line with its points, the usual range as a
 * band behind it. */
import { Frame, type FrameProps } from "./Frame";

/** More points than this are no longer marked one by one. */
const DOTS_AT_MOST = 60;

export interface Point {
    at: number; // 0..1
    value: number | null; // null: a gap
}

/** usual: the band; ideal: with the diagonal, where a probability is as announced. */
export function Curve({ points, usual, ideal, ...frame }: FrameProps & {
    points: Point[];
    usual?: { low: number | null; high: number | null } | undefined;
    ideal?: boolean;
}) {
    const low = frame.ticks[0] ?? 0;
    const span = (frame.ticks[frame.ticks.length - 1] ?? 1) - low || 1;
    const y = (value: number) => 1 - (value - low) / span;
    const text = (p: Point, value: number) => `${p.at.toFixed(4)} ${y(value).toFixed(4)}`;
    const line = points.map((p, i) => (p.value === null ? "" : `${i === 0 || points[i - 1]?.value === null ? "M" : "L"}${text(p, p.value)}`)).join("");
    // A line of no length is a dot that stays round when the box is squeezed.
    const alone = (i: number) => (points[i - 1]?.value ?? null) === null && (points[i + 1]?.value ?? null) === null;
    const dots = points.map((p, i) => (p.value !== null && (points.length <= DOTS_AT_MOST || alone(i)) ? `M${text(p, p.value)}h0` : "")).join("");
    return (
        <Frame {...frame} points={points.map((p) => p.at)}>
            <svg class="curve" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
                {usual && usual.low !== null && usual.high !== null
                    && <rect class="curve-usual" x="0" width="1" y={y(usual.high)} height={Math.max(0.005, y(usual.low) - y(usual.high))} />}
                {ideal && <path class="curve-ideal" d="M0 1L1 0" />}
                <path class="curve-line" d={line} />
                <path class="curve-dots" d={dots} />
            </svg>
        </Frame>
    );
}
