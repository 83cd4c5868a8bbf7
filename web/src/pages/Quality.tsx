/* Qualité: what came, what was refused and why, what is missing, where the results come from, and
 * how this run stands beside the earlier ones. */
import type { ComponentChildren } from "preact";
import type { Catalog, Quality as Answer, Quarantine, QualityRun, TableQuality } from "../api/types";
import { useApi } from "../api/use";
import { columnLabel, useCatalog } from "../catalog";
import { Chart, type DataTable, DataTableView } from "../components/Chart";
import { IconLeft, IconRight } from "../components/icons";
import { PageTitle } from "../components/PageTitle";
import { failed, Problems, Skeleton } from "../components/States";
import * as format from "../format";
import { isOne, local, t } from "../i18n";
import { scale } from "../plot/axis";
import { Bars } from "../plot/Bars";
import { Columns } from "../plot/Columns";
import { href, setQuery, type Place } from "../router";
import { pageOf, qualityPath, quarantinePath } from "../selection";

const COLUMNS_SHOWN = 10;
const RUNS_NAMED = 8;

/** A size of a file: "12.3 kB". */
export function bytes(n: number | null | undefined): string {
    if (n === null || n === undefined) return format.NONE;
    const { units } = t().quality;
    const power = Math.min(units.length - 1, n < 1000 ? 0 : Math.floor(Math.log10(n) / 3));
    return format.unit(n / 1000 ** power, units[power] ?? "", power === 0 ? 0 : 1);
}

/** A long hash: its first digits, all of them to copy. */
export function Hash({ text }: { text: string | null | undefined }) {
    if (!text) return <>{format.NONE}</>;
    return <code class="hash" title={text}>{text.slice(0, 12)}<span class="hash-rest">{text.slice(12)}</span></code>;
}

export function Pairs({ pairs }: { pairs: [string, ComponentChildren][] }) {
    return <dl class="card-pairs">{pairs.map(([label, value]) => <div><dt>{label}</dt><dd>{value}</dd></div>)}</dl>;
}

// ---- counts ----

function Counts({ catalog, answer }: { catalog: Catalog; answer: Answer }) {
    const words = t().quality;
    const { telemetry, gold_rows } = answer.lineage;
    if (!telemetry) return null;
    const n = format.num;
    const tiles = [
        { label: words.records, value: n(telemetry.records) },
        { label: words.silverRows, value: n(telemetry.rows) },
        { label: words.quarantined, value: n(telemetry.quarantined) },
        { label: words.duplicates, value: n(telemetry.duplicates) },
        { label: words.conflicts, value: n(telemetry.conflicts) },
        { label: words.goldRows, value: n(gold_rows) },
        { label: words.orphans, value: n(answer.orphans.total) },
    ];
    const whole = telemetry.records === telemetry.rows + telemetry.quarantined + telemetry.duplicates;
    const imputed = Object.entries(telemetry.imputed ?? {}).filter(([, count]) => count > 0);
    const say = whole ? words.balance : words.unbalanced;
    return (
        <section class="figures" aria-label={words.counts}>
            <ul class="card kpis">
                {tiles.map((tile) => (
                    <li class="kpi">
                        <span class="kpi-label">{tile.label}</span>
                        <span class="kpi-figure"><strong class="kpi-value">{tile.value}</strong></span>
                    </li>
                ))}
            </ul>
            <p class="note">
                {say(n(telemetry.records), n(telemetry.rows), n(telemetry.quarantined), n(telemetry.duplicates))}
                {imputed.length > 0 && ` ${words.imputed(imputed.map(([name, count]) => `${columnLabel(catalog, name)} ${n(count)}`).join(", "))}`}
            </p>
        </section>
    );
}

// ---- nulls ----

function Nulls({ catalog, level, report }: { catalog: Catalog; level: string; report: TableQuality | null }) {
    const words = t().quality;
    if (!report) return <Chart kicker={words.nulls(level)} title={words.noReport}>{null}</Chart>;
    const rows = [...report.columns].sort((a, b) => b.nulls - a.nulls);
    const missing = rows.filter((c) => c.nulls > 0);
    const first = missing[0];
    const label = (name: string) => columnLabel(catalog, name);
    const pct = (c: TableQuality["columns"][number]) => format.percent(c.null_pct / 100, 1);
    const structure = [
        report.missing_columns && words.schemaMissing(report.missing_columns),
        report.schema_issues && words.schemaIssues(report.schema_issues),
    ].filter(Boolean);
    return (
        <Chart kicker={words.nulls(level)} title={first ? words.nullsTitle(label(first.name), pct(first)) : words.nullsNone(format.num(report.rows))}
            note={<>{words.nullsNote(format.num(report.rows), format.num(rows.length))} {structure.length > 0 ? structure.join(" ") : words.noSchema}</>}
            table={{
                caption: words.nulls(level),
                columns: [{ label: words.column }, { label: words.missing, right: true }, { label: words.missingShare, right: true }],
                rows: rows.map((c) => [<>{label(c.name)} <code class="muted">{c.name}</code></>, format.num(c.nulls), pct(c)]),
            }}
        >
            {missing.length > 0 && (
                <Bars bars={missing.slice(0, COLUMNS_SHOWN).map((c) => ({
                    name: label(c.name), parts: [{ share: c.null_pct / 100 }], value: <>{format.num(c.nulls)} <span class="muted">{pct(c)}</span></>,
                }))} />
            )}
        </Chart>
    );
}

// ---- quarantine ----

function Samples({ answer, query }: { answer: Answer; query: URLSearchParams }) {
    const words = t().quality;
    const { reasons } = answer.quarantine;
    const reason = query.get("reason") ?? "";
    const page = pageOf(query);
    const found = useApi<Quarantine>(quarantinePath(query));
    const label = (code: string) => local(reasons.find((r) => r.reason === code)?.label) || code;
    const to = (n: number) => () => setQuery({ page: n === 1 ? "" : String(n) });
    if (found.problem) return <Problems of={[found]} />;
    const data = found.data;
    return (
        <div class="samples" aria-busy={found.busy}>
            <div class="samples-head">
                <h3 id="samples-title">{words.samples}</h3>
                <label class="field">
                    <span>{words.reason}</span>
                    <select class="control" value={reason} onChange={(e) => setQuery({ reason: e.currentTarget.value, page: "" })}>
                        <option value="">{words.all}</option>
                        {!reasons.some((r) => r.reason === reason) && reason !== "" && <option value={reason}>{reason}</option>}
                        {reasons.map((r) => <option value={r.reason}>{local(r.label) || r.reason} ({format.num(r.records)})</option>)}
                    </select>
                </label>
            </div>
            {!data ? <Skeleton height={240} /> : (
                <>
                    <ul class="sample-list" aria-labelledby="samples-title">
                        {data.rows.map((r) => (
                            <li>
                                <p><strong>{r.reasons.map(label).join(", ")}</strong></p>
                                <p class="note">{r.source}, {words.position.toLowerCase()} {format.num(r.position)}</p>
                                <pre tabIndex={0} aria-label={words.content}>{r.raw}{r.raw_bytes > 0 && new TextEncoder().encode(r.raw).length < r.raw_bytes && words.cut(format.num(r.raw_bytes))}</pre>
                            </li>
                        ))}
                    </ul>
                    {data.pages > 1 && (
                        <nav class="pager" aria-label={words.samples}>
                            <span class="pager-steps">
                                <button type="button" class="control" aria-label={t().data.previous} disabled={page <= 1} onClick={to(page - 1)}><IconLeft /></button>
                                <span class="pager-page">{t().data.pageOf(format.num(data.page), format.num(data.pages))}</span>
                                <button type="button" class="control" aria-label={t().data.next} disabled={page >= data.pages} onClick={to(page + 1)}><IconRight /></button>
                            </span>
                        </nav>
                    )}
                </>
            )}
        </div>
    );
}

function Refused({ answer, query }: { answer: Answer; query: URLSearchParams }) {
    const words = t().quality;
    const rows = [...answer.quarantine.reasons].sort((a, b) => b.records - a.records);
    const first = rows[0];
    if (!first) return <Chart kicker={words.quarantine} title={words.quarantineNone}><p class="muted">{words.quarantineNoneDetail}</p></Chart>;
    const label = (r: (typeof rows)[number]) => local(r.label) || r.reason;
    return (
        <Chart kicker={words.quarantine} title={words.quarantineTitle(label(first), format.num(first.records), isOne(first.records))}
            table={{ caption: words.quarantine, columns: [{ label: words.reason }, { label: words.records, right: true }], rows: rows.map((r) => [label(r), format.num(r.records)]) }}
        >
            <Bars bars={rows.map((r) => ({
                name: label(r), href: href("/qualite", { reason: r.reason }), parts: [{ share: r.records / first.records }], value: format.num(r.records),
            }))} />
            <Samples answer={answer} query={query} />
        </Chart>
    );
}

// ---- orphans ----

function Orphans({ answer }: { answer: Answer }) {
    const words = t().quality;
    const { total, rows } = answer.orphans;
    const yes = (x: boolean) => (x ? words.yes : words.no);
    const table: DataTable = {
        caption: words.orphans,
        columns: [{ label: t().data.short["vin"] ?? "VIN" }, { label: words.noService }, { label: words.noRegister }],
        rows: rows.map((r) => [r.vin, yes(r.sans_entretien), yes(r.sans_registre)]),
    };
    return (
        <Chart kicker={words.orphans} title={total > 0 ? words.orphansTitle(format.num(total), isOne(total)) : words.orphansNone}
            note={total > rows.length && words.orphansNote(format.num(rows.length))}>
            {rows.length > 0 && <div class="tall"><DataTableView table={table} /></div>}
        </Chart>
    );
}

// ---- lineage ----

function Provenance({ answer }: { answer: Answer }) {
    const words = t().quality;
    const { lineage } = answer;
    const { inputs, outputs } = lineage;
    const seconds = (name: string) => format.unit(lineage.seconds[name], words.seconds, 2);
    const pairs: [string, ComponentChildren][] = [
        [words.inputs, <>{words.inputsText(format.num(inputs.files), isOne(inputs.files ?? 0), bytes(inputs.bytes), format.num(inputs.ignored))}<br /><Hash text={inputs.sha256} /></>],
        [words.silver, <Hash text={lineage.silver_sha256} />],
        [words.modelUsed, <><Hash text={lineage.model.sha256} /> <a href={href("/modele")}>{words.toModel}</a></>],
        [words.gold, <Hash text={lineage.gold_sha256} />],
        [words.time, words.times(seconds("ingest"), seconds("silver"), seconds("gold"))],
    ];
    return (
        <Chart kicker={words.lineage} title={words.lineageTitle(lineage.program ?? format.NONE)} note={words.hashNote}
            table={{
                caption: words.outputs,
                summary: words.outputs,
                columns: [{ label: words.file }, { label: words.bytes, right: true }, { label: words.hash }],
                rows: outputs.map((f) => [<code>{f.path}</code>, bytes(f.bytes), <Hash text={f.sha256} />]),
            }}
        >
            <Pairs pairs={pairs} />
        </Chart>
    );
}

// ---- runs ----

function History({ answer }: { answer: Answer }) {
    const words = t().quality;
    const rows = answer.history;
    const last = rows[rows.length - 1];
    const before = rows[rows.length - 2];
    const n = format.num;
    const newest = rows.map((r, i) => ({ r, prior: rows[i - 1] })).reverse();
    const columns: [string, (r: QualityRun) => number][] = [
        [words.records, (r) => r.records], [words.silverRows, (r) => r.silver_rows], [words.quarantined, (r) => r.quarantined],
        [words.duplicates, (r) => r.duplicates], [words.goldRows, (r) => r.gold_rows], [words.noService, (r) => r.without_service], [words.noRegister, (r) => r.without_register],
    ];
    const cell = (r: QualityRun, prior: QualityRun | undefined, of: (r: QualityRun) => number) => {
        const delta = prior ? of(r) - of(prior) : 0;
        return <>{n(of(r))}{delta !== 0 && <small class="muted"> {format.signed(delta)}</small>}</>;
    };
    const refused = rows.map((r) => r.quarantined);
    const every = Math.ceil(rows.length / RUNS_NAMED);
    return (
        <Chart kicker={words.history}
            title={last && before ? words.historyTitle(n(last.quarantined), n(before.quarantined), format.date(before.run_date)) : words.historyOne}>
            {rows.length > 1 && Math.max(...refused) > 0 && (
                <Columns label={words.byRun} height={8} ticks={scale(refused, { zero: true, whole: true })} text={n} columns={refused.map((value) => [{ value }])}
                    below={rows.flatMap((r, i) => (i % every === 0 ? [{ at: (i + 0.5) / rows.length, text: format.date(r.run_date, "day") }] : []))}
                    hint={(i) => [format.date(rows[i]?.run_date), t().list.pair(words.quarantined, n(refused[i]))]} />
            )}
            <DataTableView table={{
                caption: words.history,
                columns: [{ label: words.run }, ...columns.map(([label]) => ({ label, right: true })), { label: words.modelUsed }],
                rows: newest.map(({ r, prior }) => [
                    <span class="nowrap"><a href={href("/qualite", { run: r.run_date })}>{format.date(r.run_date)}</a>{r.run_date === answer.run_date && <small class="muted"> {words.chosen}</small>}</span>,
                    ...columns.map(([, of]) => cell(r, prior, of)),
                    <><code>{r.model_sha256.slice(0, 8)}</code>{prior && prior.model_sha256 !== r.model_sha256 && <small class="muted"> {words.newModel}</small>}</>,
                ]),
            }} />
        </Chart>
    );
}

// ---- the page ----

export function Quality({ place }: { place: Place }) {
    const words = t().quality;
    const { query } = place;
    const catalog = useCatalog();
    const answer = useApi<Answer>(qualityPath(query));
    const asked = [answer, catalog];
    const data = answer.data;
    const telemetry = data?.lineage.telemetry;
    const refused = data?.quarantine.records ?? 0;
    const title = !data || !telemetry ? words.title
        : refused > 0 ? words.headline(format.num(refused), format.num(telemetry.records), isOne(refused)) : words.clean(format.num(telemetry.records));
    return (
        <>
            <div class="page-top">
                <PageTitle title={title} name={words.title} eyebrow={data ? t().list.pair(words.title, format.date(data.run_date, "long")) : "\u00a0"} />
            </div>
            {failed(asked) ? (
                <Problems of={asked} />
            ) : !data || !catalog.data ? (
                <div class="boards"><Skeleton height={360} /><Skeleton height={360} /></div>
            ) : (
                <div aria-busy={answer.busy}>
                    <Counts catalog={catalog.data} answer={data} />
                    <div class="boards">
                        <div class="board-stack">
                            <Refused answer={data} query={query} />
                        </div>
                        <div class="board-stack">
                            <Nulls catalog={catalog.data} level="gold" report={data.gold} />
                            <Nulls catalog={catalog.data} level="silver" report={data.silver} />
                            <Orphans answer={data} />
                            <Provenance answer={data} />
                        </div>
                        <div class="board-wide"><History answer={data} /></div>
                    </div>
                </div>
            )}
        </>
    );
}
