/* Numbers and dates in the reader's language, by rules of our own: making the browser's formatters (Intl) took a third of the
 * time that the first picture's script took. What is unknown is a dash. */
import { t } from "./i18n";

export const NONE = "–";

const THOUSANDS = /\B(?=(\d{3})+$)/g;

/** Digits with the language's marks; no sign. */
function digits(value: number, decimals: number): string {
    const { group, point } = t().numbers;
    const [whole = "", fraction] = Math.abs(value).toFixed(decimals).split(".");
    const grouped = whole.length > 3 ? whole.replace(THOUSANDS, group) : whole;
    return fraction === undefined ? grouped : grouped + point + fraction;
}

/** A number with exactly this many decimals; what rounds to nothing has no sign. */
export function num(value: number | null | undefined, decimals = 0): string {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    return (value < 0 && Number(value.toFixed(decimals)) !== 0 ? "-" : "") + digits(value, decimals);
}

/** A number with its sign: "+3", "-2", "0". */
export function signed(value: number, decimals = 0): string {
    return (Number(value.toFixed(decimals)) > 0 ? "+" : "") + num(value, decimals);
}

/** A number and its unit, which no line break parts. */
export function unit(value: number | null | undefined, name: string, decimals = 0): string {
    const text = num(value, decimals);
    return text === NONE || name === "" ? text : `${text}\u00a0${name}`;
}

export function km(value: number | null | undefined): string {
    return unit(value, "km");
}

/** A share 0..1 as a percentage; 0.285 * 100 is 28.499999999999996 without the rounding. */
export function percent(share: number | null | undefined, decimals = 0): string {
    return share === null || share === undefined || !Number.isFinite(share) ? NONE : num(+(share * 100).toFixed(9), decimals) + t().numbers.percent;
}

export type DateStyle = "long" | "short" | "month" | "day";

/** A calendar date "YYYY-MM-DD"; anything else is given back as it is. */
export function date(text: string | null | undefined, style: DateStyle = "short"): string {
    if (!text) return NONE;
    const [year, month, day] = text.slice(0, 10).split("-").map(Number) as [number, number, number];
    const words = t().dates;
    const name = (style === "long" || style === "month" ? words.months : words.shortMonths)[month - 1];
    if (Number.isNaN(Date.parse(`${text.slice(0, 10)}T00:00:00Z`)) || name === undefined) return text;
    if (style === "month") return `${name} ${year}`;
    const first = `${day === 1 ? words.first : day}\u00a0${name}`;
    return style === "day" ? first : `${first} ${year}`;
}

/** Whole days from one date to another, both "YYYY-MM-DD". */
export function daysBetween(from: string, to: string): number {
    return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

/** Today in the reader's own calendar. */
export function today(): string {
    const now = new Date();
    const two = (n: number) => String(n).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
