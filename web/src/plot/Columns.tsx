/* Columns side by side: the bins of a histogram, or one a run. */
import { Frame, type FrameProps, type Mark } from "./Frame";

export interface Part {
    value: number;
    /** A class that sets the colour: "tone-critique"; without it the accent. */
    tone?: string | undefined;
}

/** columns: of each its parts, the lowest first; lines: thresholds across the plot. */
export function Columns({ columns, lines = [], ...frame }: Omit<FrameProps, "ticks"> & { ticks: number[]; columns: Part[][]; lines?: Mark[] }) {
    const width = 1 / columns.length;
    const most = frame.ticks[frame.ticks.length - 1] || 1;
    const bar = Math.min(width * 0.92, 0.12);
    return (
        <Frame {...frame} points={columns.map((_, i) => (i + 0.5) * width)} width={width}>
            <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
                {columns.map((parts, i) => {
                    let below = 0;
                    return parts.map((part) => {
                        const height = part.value / most;
                        below += height;
                        return height > 0 && <rect class={part.tone} x={(i + 0.5) * width - bar / 2} y={1 - below} width={bar} height={height} />;
                    });
                })}
            </svg>
            {lines.map((line) => <span class="plot-line" style={{ left: `${line.at * 100}%` }}><span>{line.text}</span></span>)}
        </Frame>
    );
}
