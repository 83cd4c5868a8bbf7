/* A picture with a title that says the finding, and its data as a table. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";

export interface DataTable {
    caption: string;
    /** What opens it, when it is not the chart's own data. */
    summary?: string;
    columns: { label: string; right?: boolean }[];
    /** Texts as people read them; the first of a row is its heading. */
    rows: ComponentChildren[][];
}

export function DataTableView({ table }: { table: DataTable }) {
    const side = (i: number) => (table.columns[i]?.right ? "right" : undefined);
    return (
        <div class="table-scroll" role="region" aria-label={table.caption} tabIndex={0}>
            <table class="table">
                <caption class="visually-hidden">{table.caption}</caption>
                <thead>
                    <tr>{table.columns.map((c, i) => <th scope="col" class={side(i)}>{c.label}</th>)}</tr>
                </thead>
                <tbody>
                    {table.rows.map((row) => (
                        <tr>
                            {row.map((cell, i) => i === 0
                                ? <th scope="row" class={side(i)}>{cell}</th>
                                : <td class={side(i)}>{cell}</td>)}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

/** kicker: what is shown; title: what it says. The table is drawn when it is opened below the picture. */
export function Chart({ kicker, title, note, table, children }: {
    kicker?: string;
    title: string;
    note?: ComponentChildren;
    table?: DataTable;
    children: ComponentChildren;
}) {
    const [open, setOpen] = useState(false);
    return (
        <section class="card chart">
            <header class="card-head">
                {kicker && <p class="kicker">{kicker}</p>}
                <h2 class="chart-title">{title}</h2>
            </header>
            {children}
            {note && <p class="note">{note}</p>}
            {table && (
                <details class="chart-data" onToggle={(e) => setOpen(e.currentTarget.open)}>
                    <summary>{table.summary ?? t().states.showData}</summary>
                    {open && <DataTableView table={table} />}
                </details>
            )}
        </section>
    );
}
