/* Numbers and dates in the reader's language. What is unknown is a dash. */
import { prefs } from "./prefs";

export const NONE = "–";

const LOCALES = { fr: "fr-FR", en: "en-GB" } as const;
const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = prefs.lang + JSON.stringify(options);
    let format = numbers.get(key);
    if (!format) numbers.set(key, (format = new Intl.NumberFormat(LOCALES[prefs.lang], options)));
    return format;
}

/** A number with exactly this many decimals. */
export function num(value: number | null | undefined, decimals = 0): string {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const text = numberFormat({ minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
    return text.replace(/^-(0([.,]0+)?)$/, "$1");
}

/** A number with its sign: "+3", "−2", "0". */
export function signed(value: number, decimals = 0): string {
    return numberFormat({
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
        signDisplay: "exceptZero",
    }).format(value);
}

/** A number and its unit, which no line break parts. */
export function unit(value: number | null | undefined, name: string, decimals = 0): string {
    const text = num(value, decimals);
    return text === NONE || name === "" ? text : `${text}\u00a0${name}`;
}

export function km(value: number | null | undefined): string {
    return unit(value, "km");
}

/** A share 0..1 as a percentage. */
export function percent(share: number | null | undefined, decimals = 0): string {
    if (share === null || share === undefined || !Number.isFinite(share)) return NONE;
    const options = { style: "percent", minimumFractionDigits: decimals, maximumFractionDigits: decimals } as const;
    return numberFormat(options).format(share);
}

export type DateStyle = "long" | "short" | "month" | "day" | "compact";

const DATE_OPTIONS: Record<DateStyle, Intl.DateTimeFormatOptions> = {
    long: { day: "numeric", month: "long", year: "numeric" },
    short: { day: "numeric", month: "short", year: "numeric" },
    month: { month: "long", year: "numeric" },
    day: { day: "numeric", month: "short" },
    compact: { day: "2-digit", month: "2-digit", year: "numeric" },
};

/** A calendar date "YYYY-MM-DD"; anything else is given back as it is. */
export function date(text: string | null | undefined, style: DateStyle = "short"): string {
    if (!text) return NONE;
    const time = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
    if (Number.isNaN(time)) return text;
    const key = prefs.lang + style;
    let format = dates.get(key);
    if (!format) {
        format = new Intl.DateTimeFormat(LOCALES[prefs.lang], { ...DATE_OPTIONS[style], timeZone: "UTC" });
        dates.set(key, format);
    }
    return format.format(time);
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
