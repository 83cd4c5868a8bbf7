/* Small pictures, drawn in the colour of the text around them. They say nothing on their own: words
 * stand beside them, so screen readers pass over them. */
import type { JSX } from "preact";
import type { Statut } from "../api/types";

type Shape = JSX.Element | JSX.Element[];

/** Strokes and colours stand in the style sheet: as attributes of each of the many icons they cost the first picture time. */
function icon(shape: Shape, filled = false) {
    return function Icon({ size = 16 }: { size?: number }) {
        const side = `${size / 16}rem`;
        return (
            <svg class={filled ? "icon icon-filled" : "icon"} style={size === 16 ? undefined : `width:${side};height:${side}`} viewBox="0 0 16 16" aria-hidden="true">
                {shape}
            </svg>
        );
    };
}

/** The signs that the terminal shows: triangle, diamond, circle, tick. */
const SIGNS: Record<Statut, ReturnType<typeof icon>> = {
    CRITIQUE: icon(<path d="M8 1.8 15 14H1z" />, true),
    ALERTE: icon(<path d="M8 1 15 8l-7 7-7-7z" />, true),
    SURVEILLANCE: icon(<circle cx="8" cy="8" r="5.8" />, true),
    OK: icon(<path d="m2.5 8.6 3.6 3.6 7.4-8" stroke-width="2.4" />),
};

export function StatutSign({ statut, size = 12 }: { statut: Statut; size?: number }) {
    const Sign = SIGNS[statut];
    return <Sign size={size} />;
}

export const IconDashboard = icon([<path d="M2 13a6 6 0 1 1 12 0" />, <path d="m8 13 3-4.5" />]);
export const IconChart = icon([<path d="M2.5 2v11.5H14" />, <path d="M5.5 11V8M8.5 11V4.5M11.5 11V6.5" />]);
export const IconTable = icon([<rect x="2" y="2.5" width="12" height="11" rx="1.5" />, <path d="M2 6.2h12M2 9.8h12M6 6.2v7.3" />]);
export const IconQuality = icon([<path d="M8 1.5 13.5 4v4c0 3.4-2.3 5.6-5.5 6.5C4.8 13.6 2.5 11.4 2.5 8V4z" />, <path d="m5.6 8 1.7 1.7 3.2-3.4" />]);
export const IconModel = icon([<circle cx="8" cy="3.3" r="1.6" />, <circle cx="3.8" cy="12.5" r="1.6" />, <circle cx="12.2" cy="12.5" r="1.6" />, <path d="M8 5v3M8 8c0 2-4.2 1-4.2 3M8 8c0 2 4.2 1 4.2 3" />]);
export const IconSearch = icon([<circle cx="7" cy="7" r="4.5" />, <path d="m10.5 10.5 3.5 3.5" />]);
export const IconClose = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const IconDown = icon(<path d="m4 6 4 4 4-4" />);
export const IconUp = icon(<path d="m4 10 4-4 4 4" />);
export const IconBoth = icon([<path d="m5 6 3-3 3 3" />, <path d="m5 10 3 3 3-3" />]);
export const IconLeft = icon(<path d="M10 3.5 5.5 8l4.5 4.5" />);
export const IconRight = icon(<path d="M6 3.5 10.5 8 6 12.5" />);
export const IconFirst = icon([<path d="M11.5 3.5 7 8l4.5 4.5" />, <path d="M4.5 3.500v9" />]);
export const IconLast = icon([<path d="M4.5 3.5 9 8l-4.5 4.5" />, <path d="M11.5 3.500v9" />]);
export const IconPrint = icon([<path d="M4.5 6V2h7v4M4.5 11H2.500V6.500h11V11h-2" />, <path d="M4.5 9.500h7V14h-7z" />]);
export const IconDownload = icon([<path d="M8 2v8M4.8 7 8 10.2 11.2 7" />, <path d="M2.5 13.500h11" />]);
export const IconSettings = icon([<path d="M2 4.500h7M12.5 4.500H14M2 11.500h1.500M7 11.500h7" />, <circle cx="10.7" cy="4.5" r="1.8" />, <circle cx="5.2" cy="11.5" r="1.8" />]);
export const IconColumns = icon([<rect x="2" y="2.5" width="12" height="11" rx="1.5" />, <path d="M6 2.500v11M10 2.500v11" />]);
export const IconWrench = icon(<path d="M13.7 4.2 11.4 6.5 9.5 4.600l2.3-2.300a3.6 3.6 0 0 0-4.7 4.700L2.3 11.800a1.35 1.35 0 0 0 1.9 1.900L9 8.900a3.6 3.6 0 0 0 4.7-4.700z" />);
export const IconArrow = icon(<path d="M3 8h9.500M9 4.5 12.5 8 9 11.5" />);
