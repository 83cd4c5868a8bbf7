/* Modèle: what the model is, how well it does with how much certainty, what it looks at, how far its
 * probabilities can be trusted, what it is for and what not. */
import type { ComponentChildren } from "preact";
import type { Catalog, Evaluation, Metric, Model as Answer } from "../api/types";
import { METRICS } from "../api/types";
import { useApi } from "../api/use";
import { failureOf, measureOf, measureText, useCatalog } from "../catalog";
import { Chart } from "../components/Chart";
import { PageTitle } from "../components/PageTitle";
import { Command, failed, Problems, Skeleton } from "../components/States";
import * as format from "../format";
import { isOne, local, t } from "../i18n";
import { Bars } from "../plot/Bars";
import { Curve } from "../plot/Curve";
import type { Place } from "../router";
import { modelPath } from "../selection";
import { bytes, Hash, Pairs } from "./Quality";

/** Shares of 0..1; the others are losses, which have no upper end. */
const LOSSES: readonly Metric[] = ["log_loss", "brier", "calibration_error"];
const BASELINES = ["majority", "service_interval"] as const;
const FEW_ROWS = 200;
const QUARTERS = [0, 0.25, 0.5, 0.75, 1];

const isLoss = (metric: Metric) => LOSSES.includes(metric);
const metricText = (metric: Metric, value: number | null | undefined) => (isLoss(metric) ? format.num(value, 3) : format.percent(value, 1));
const chosen = (answer: Answer): Evaluation | undefined => (answer.checked ? answer.evaluations[answer.checked] : undefined);

function className(catalog: Catalog, answer: Answer, index: number): string {
    const { label, name } = answer.classes[index] ?? { label: String(index), name: null };
    if (label === "0") return local(catalog.statuts.find((s) => s.name === "OK")?.label) || "OK";
    return local(failureOf(catalog, Number(label))?.label) || name || label;
}

const measureLabel = (catalog: Catalog, name: string) => local(measureOf(catalog, name)?.label) || name;

// ---- the card ----

function Card({ catalog, answer }: { catalog: Catalog; answer: Answer }) {
    const words = t().model;
    const pairs: [string, ComponentChildren][] = [
        [words.kind, <>{words.kinds[answer.kind] ?? answer.kind}{answer.trees !== null && <><br /><span class="muted">{words.trees(format.num(answer.trees), format.num(answer.nodes))}</span></>}</>],
        [words.trainedOn, answer.trained_on ? format.date(answer.trained_on, "long") : words.unknown],
        [words.trainedRows, answer.rows === null ? words.unknown : format.num(answer.rows)],
        [words.producer, [answer.producer, answer.producer_version].filter(Boolean).join(" ") || words.unknown],
        [words.seed, answer.seed === null ? words.unknown : String(answer.seed)],
        [words.size, bytes(answer.bytes)],
        [words.hash, <Hash text={answer.sha256} />],
    ];
    const text = (name: string, v: number | undefined) => (v === undefined ? format.NONE : measureText(catalog, name, v, false));
    const unit = (name: string) => local(measureOf(catalog, name)?.unit);
    return (
        <Chart kicker={words.card} title={`${words.kinds[answer.kind] ?? answer.kind}${answer.trained_on ? `, ${format.date(answer.trained_on, "long")}` : ""}`}
            table={{
                caption: words.inputs,
                summary: words.inputs,
                columns: [{ label: words.measure }, { label: words.inputUsual }, { label: words.median, right: true }],
                rows: answer.inputs.map((i) => [
                    `${measureLabel(catalog, i.name)}${unit(i.name) ? ` (${unit(i.name)})` : ""}`,
                    i.usual ? t().vehicle.range(text(i.name, i.usual.p05), text(i.name, i.usual.p95)) : format.NONE,
                    text(i.name, i.usual?.p50),
                ]),
            }}
        >
            <Pairs pairs={pairs} />
        </Chart>
    );
}

// ---- metrics ----

/** A share with its interval on the scale 0..1. */
function Interval({ value, interval }: { value: number; interval: [number, number] | undefined }) {
    const at = (x: number) => `${Math.max(0, Math.min(1, x)) * 100}%`;
    return (
        <span class="interval" aria-hidden="true">
            {interval && <span class="interval-band" style={{ left: at(interval[0]), width: `${Math.max(0.6, (interval[1] - interval[0]) * 100)}%` }} />}
            <span class="interval-mark" style={{ left: at(value) }} />
        </span>
    );
}

function Metrics({ answer }: { answer: Answer }) {
    const words = t().model;
    const found = chosen(answer);
    if (!found || !answer.checked) return <Chart kicker={words.metrics} title={words.noCheck}>{null}</Chart>;
    const shown = METRICS.filter((m) => found[m] !== undefined);
    const baselines = BASELINES.filter((b) => answer.evaluations[b]);
    const of = found.intervals?.macro_f1;
    const title = found.macro_f1 === undefined ? words.metrics
        : of ? words.metricsTitle(words.names.macro_f1, format.percent(found.macro_f1, 1), format.percent(of[0], 1), format.percent(of[1], 1))
            : words.metricsPlain(words.names.macro_f1, format.percent(found.macro_f1, 1));
    const rows = format.num(found.rows);
    return (
        <Chart kicker={words.metrics} title={title}
            note={<>
                {words.checks[answer.checked](rows)}{found.replicates ? `, ${words.replicates(format.num(found.replicates))}` : ""}. {baselines.length > 0 && words.baselineNote}
                {(found.rows ?? FEW_ROWS) < FEW_ROWS && <>{" "}<strong>{words.small(rows)}</strong></>}
            </>}
        >
            <div class="table-scroll" role="region" aria-label={words.metrics} tabIndex={0}>
                <table class="table metrics">
                    <caption class="visually-hidden">{words.metrics}</caption>
                    <thead>
                        <tr>
                            <th scope="col">{words.metric}</th>
                            <th scope="col" class="right">{words.value}</th>
                            <th scope="col">{words.interval}</th>
                            <th scope="col" class="wide-only"><span class="visually-hidden">{words.interval}</span></th>
                            {baselines.map((b) => <th scope="col" class="right">{words.baselines[b]}</th>)}
                        </tr>
                    </thead>
                    <tbody>
                        {shown.map((m) => {
                            const interval = found.intervals?.[m];
                            return (
                                <tr>
                                    <th scope="row">{words.names[m]}{isLoss(m) && <small class="muted metric-side">{words.lower}</small>}</th>
                                    <td class="right"><strong>{metricText(m, found[m])}</strong></td>
                                    <td class="nowrap">{interval ? t().vehicle.range(metricText(m, interval[0]), metricText(m, interval[1])) : format.NONE}</td>
                                    <td class="wide-only">{!isLoss(m) && <Interval value={found[m] ?? 0} interval={interval} />}</td>
                                    {baselines.map((b) => <td class="right muted">{metricText(m, answer.evaluations[b]?.[m])}</td>)}
                                </tr>
                            );
                        })}
                    </tbody>
                </table>
            </div>
        </Chart>
    );
}

// ---- confusion ----

function Confusion({ catalog, answer }: { catalog: Catalog; answer: Answer }) {
    const words = t().model;
    const matrix = answer.confusion;
    if (matrix.length === 0) return <Chart kicker={words.confusion} title={words.missingConfusion}>{null}</Chart>;
    const name = (i: number) => className(catalog, answer, i);
    const cells = matrix.flatMap((row, i) => row.map((n, j) => ({ i, j, n })));
    const total = cells.reduce((n, c) => n + c.n, 0);
    const wrong = cells.filter((c) => c.i !== c.j && c.n > 0).sort((a, b) => b.n - a.n);
    const mistakes = wrong.reduce((n, c) => n + c.n, 0);
    const worst = wrong[0];
    const share = (row: number[], n: number) => n / (row.reduce((a, b) => a + b, 0) || 1);
    return (
        <Chart kicker={words.confusion} title={mistakes > 0 ? words.confusionTitle(format.num(mistakes), format.num(total), isOne(mistakes)) : words.confusionNone(format.num(total))}
            note={worst && words.worst(name(worst.i), name(worst.j), format.num(worst.n))}>
            <div class="table-scroll" role="region" aria-label={words.confusion} tabIndex={0}>
                <table class="table confusion">
                    <caption class="visually-hidden">{words.confusion}</caption>
                    <thead>
                        <tr><td /><th scope="colgroup" colSpan={matrix.length} class="confusion-over">{words.predicted}</th></tr>
                        <tr><th scope="col">{words.truth}</th>{matrix.map((_, j) => <th scope="col">{name(j)}</th>)}</tr>
                    </thead>
                    <tbody>
                        {matrix.map((row, i) => (
                            <tr>
                                <th scope="row">{name(i)}</th>
                                {row.map((n) => (
                                    <td class={n === 0 ? "confusion-none" : undefined}>
                                        <span class="confusion-fill" style={{ opacity: n === 0 ? 0 : 0.12 + 0.38 * share(row, n) }} aria-hidden="true" />
                                        <span class="confusion-count">{format.num(n)}</span>
                                    </td>
                                ))}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </Chart>
    );
}

function Classes({ catalog, answer }: { catalog: Catalog; answer: Answer }) {
    const words = t().model;
    const rows = answer.class_metrics;
    if (rows.length === 0) return null;
    const name = (i: number) => className(catalog, answer, i);
    const least = rows.map((r, i) => ({ r, i })).filter(({ r }) => r.recall !== null).sort((a, b) => (a.r.recall ?? 0) - (b.r.recall ?? 0))[0];
    const title = least && (least.r.recall ?? 0) < 1 ? words.classesTitle(name(least.i), format.percent(least.r.recall, 1)) : words.classesPerfect;
    return (
        <Chart kicker={words.classes} title={title} note={words.classesNote}>
            <div class="table-scroll" role="region" aria-label={words.classes} tabIndex={0}>
                <table class="table">
                    <caption class="visually-hidden">{words.classes}</caption>
                    <thead>
                        <tr><th scope="col">{words.className}</th>{[words.rows, words.precision, words.recall, words.f1].map((w) => <th scope="col" class="right">{w}</th>)}</tr>
                    </thead>
                    <tbody>
                        {rows.map((r, i) => (
                            <tr>
                                <th scope="row">{name(i)}</th>
                                <td class="right">{format.num(r.rows)}</td>
                                {[r.precision, r.recall, r.f1].map((v) => <td class="right">{format.percent(v, 1)}</td>)}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </Chart>
    );
}

// ---- importance ----

function Importance({ catalog, answer }: { catalog: Catalog; answer: Answer }) {
    const words = t().model;
    const shuffled = answer.importance.some((r) => r.permutation !== null);
    const of = (r: Answer["importance"][number]) => (shuffled ? r.permutation : r.gini) ?? 0;
    const rows = [...answer.importance].sort((a, b) => of(b) - of(a));
    const first = rows[0];
    if (!first) return <Chart kicker={words.importance} title={words.importanceNone}>{null}</Chart>;
    const label = (r: (typeof rows)[number]) => measureLabel(catalog, r.feature);
    const title = words.importanceTitle(label(first));
    const text = (v: number | null) => format.percent(v, 1);
    const most = of(first) || 1;
    return (
        <Chart kicker={words.importance} title={title}
            table={{
                caption: words.importance,
                columns: [{ label: words.measure }, { label: words.permutation, right: true }, { label: words.gini, right: true }],
                rows: rows.map((r) => [label(r), text(r.permutation), text(r.gini)]),
            }}
        >
            <Bars name={shuffled ? words.importanceAxis : words.giniAxis} bars={rows.map((r) => ({
                name: label(r), value: text(of(r)), parts: [{ share: of(r) / most }],
                hint: [label(r), t().list.pair(words.permutation, text(r.permutation)), t().list.pair(words.gini, text(r.gini))],
            }))} />
        </Chart>
    );
}

// ---- reliability ----

function Reliability({ answer }: { answer: Answer }) {
    const words = t().model;
    const bins = answer.reliability.filter((b) => b.rows > 0);
    if (bins.length === 0) {
        const error = chosen(answer)?.calibration_error;
        return (
            <Chart kicker={words.reliability} title={words.reliabilityNone}>
                {error !== undefined && <p class="muted">{words.reliabilityNoneDetail(format.num(error, 3))}</p>}
            </Chart>
        );
    }
    const worst = [...bins].sort((a, b) => Math.abs(b.predicted - b.observed) - Math.abs(a.predicted - a.observed))[0];
    const text = (v: number) => format.percent(v, 1);
    const title = worst ? words.reliabilityTitle(text(worst.predicted), text(worst.observed)) : words.reliability;
    const range = (b: (typeof bins)[number]) => `${format.percent(b.from)} – ${format.percent(b.to)}`;
    return (
        <Chart kicker={words.reliability} title={title}
            table={{
                caption: words.reliability,
                columns: [{ label: t().analytics.range }, { label: words.rows, right: true }, { label: words.announced, right: true }, { label: words.observed, right: true }],
                rows: bins.map((b) => [range(b), format.num(b.rows), text(b.predicted), text(b.observed)]),
            }}
        >
            <Curve label={title} height={16} ideal ticks={QUARTERS} text={format.percent} name={words.announced} valueName={words.observed}
                below={QUARTERS.map((at) => ({ at, text: format.percent(at) }))} points={bins.map((b) => ({ at: b.predicted, value: b.observed }))}
                hint={(i) => {
                    const b = bins[i];
                    return b ? [range(b), t().list.pair(words.announced, text(b.predicted)), t().list.pair(words.observed, text(b.observed)), t().list.pair(words.rows, format.num(b.rows))] : [];
                }} />
        </Chart>
    );
}

function Use({ answer }: { answer: Answer }) {
    const words = t().model;
    return (
        <section class="card chart prose" aria-labelledby="use-title">
            <header class="card-head"><p class="kicker">{words.use}</p><h2 id="use-title" class="chart-title">{words.useTitle}</h2></header>
            <div class="use">
                <p>{local(answer.intended_use)}</p>
                <div>
                    <h3>{words.limits}</h3>
                    <ul class="limits">{answer.limits.map((l) => <li>{local(l)}</li>)}</ul>
                </div>
            </div>
        </section>
    );
}

// ---- the page ----

export function Model({ place }: { place: Place }) {
    const words = t().model;
    const { query } = place;
    const catalog = useCatalog();
    const answer = useApi<Answer>(modelPath(query));
    const asked = [answer, catalog];
    const data = answer.data;
    const accuracy = data ? chosen(data)?.accuracy : undefined;
    const title = !data ? words.title : accuracy === undefined ? words.noCheck : words.headline(format.percent(accuracy, 1));
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
                    {!data.matches_run && <div class="ribbon"><p>{words.other}</p><Command text="autostream run" /></div>}
                    <div class="boards">
                        <div class="board-stack">
                            <Metrics answer={data} />
                            <Importance catalog={catalog.data} answer={data} />
                            <Reliability answer={data} />
                        </div>
                        <div class="board-stack">
                            <Card catalog={catalog.data} answer={data} />
                            <Confusion catalog={catalog.data} answer={data} />
                            <Classes catalog={catalog.data} answer={data} />
                        </div>
                        <div class="board-wide"><Use answer={data} /></div>
                    </div>
                </div>
            )}
        </>
    );
}
