/* A figure of the fleet: its number, the selection's beside it, its course over the runs. */
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { href } from "../router";
import { Sparkline } from "./pictures";

export interface KpiTile {
    id: string;
    label: string;
    hint?: string | undefined;
    value: string;
    /** The selection's figure, when there is a selection. */
    selection?: string | undefined;
    /** The figure of each run, oldest first; fewer than two: no curve. */
    history?: number[];
    /** How it changed since the run before. */
    change?: string | undefined;
    /** What the curve shows, in words. */
    trend?: string | undefined;
    tone?: string | undefined;
    note?: ComponentChildren;
    /** Parameters of Données that list what is counted. */
    link?: Record<string, string>;
}

export function Kpi({ tile }: { tile: KpiTile }) {
    const history = tile.history ?? [];
    return (
        <li class={`kpi ${tile.tone ?? ""}`} data-kpi={tile.id}>
            <span class="kpi-label" title={tile.hint}>
                {tile.link ? <a href={href("/donnees", tile.link)}>{tile.label}</a> : tile.label}
                {tile.hint && <span class="visually-hidden">{`: ${tile.hint}`}</span>}
            </span>
            <span class="kpi-figure">
                <strong class="kpi-value">{tile.value}</strong>
                {history.length > 1 && <Sparkline values={history} />}
            </span>
            {tile.selection !== undefined && (
                <span class="kpi-selection">{t().kpi.selection}{" "}<strong>{tile.selection}</strong></span>
            )}
            {(tile.change || tile.note) && <span class="kpi-note">{tile.change}{tile.note}</span>}
            {tile.trend && history.length > 1 && <span class="visually-hidden">{tile.trend}</span>}
        </li>
    );
}
