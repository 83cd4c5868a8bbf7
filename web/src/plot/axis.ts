/* Where the lines of a scale stand, and the places of dates. */
import { nice, ticks } from "d3-array";

/** About four round values, evenly spaced, from at most the least of `values` to at least the greatest. zero: from 0 on;
 * whole: counts, no fractions. At least one value. */
export function scale(values: number[], { zero = false, whole = false } = {}): number[] {
    let low = zero ? 0 : Math.min(...values);
    let high = Math.max(...values);
    if (low === high) {
        const some = whole ? 1 : Math.abs(low) * 0.05 || 1;
        low = zero || (whole && low === 0) ? low : low - some;
        high += some;
    }
    const steps = whole ? Math.min(4, high - low) : 4;
    return ticks(...nice(low, high, steps), steps);
}

/** Dates "YYYY-MM-DD" in order, as places 0..1 between the first and the last. */
export function places(dates: string[]): number[] {
    const days = dates.map((date) => Date.parse(date));
    const first = days[0] ?? 0;
    const span = (days[days.length - 1] ?? 0) - first || 1;
    return days.map((day) => (day - first) / span);
}
