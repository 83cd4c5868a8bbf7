/* Analyses: how risk, statuts, failures and kilometres are spread over the selection, and how they
 * went over time. Each chart leads to the vehicles behind it. */
import type { ComponentChildren } from "preact";
import type { Analytics as Answer, Catalog, RiskByModel, Statut, Trends } from "../api/types";
import { useApi } from "../api/use";
import { failureLabel, statutLabel, STATUTS, TO_ACT, useCatalog } from "../catalog";
import { Chart } from "../components/Chart";
import { Filters } from "../components/Filters";
import { IconArrow, StatutSign } from "../components/icons";
import { PageTitle } from "../components/PageTitle";
import { StatutBar } from "../components/pictures";
import { failed, Notice, Problems, Skeleton } from "../components/States";
import * as format from "../format";
import { isOne, t } from "../i18n";
import { places, scale } from "../plot/axis";
import { Bars } from "../plot/Bars";
import { Columns } from "../plot/Columns";
import { Curve } from "../plot/Curve";
import { go, href, setQuery, type Place } from "../router";
import { analyticsPath, isSelective, periodOf, PERIODS, selectionOf, trendsPath } from "../selection";
import { useWhole } from "../whole";

const MODELS_SHOWN = 12;

/** What every chart needs: the words of the trade, the answer, and links into Données. */
interface Context {
    catalog: Catalog;
    answer: Answer;
    /** The vehicles of the selection that also have this. */
    link: (more: Record<string, string>) => string;
    selected: boolean;
}

const name = (modele: string | null) => modele ?? t().list.unknownModel;
const toneOf = (s: Statut) => `tone-${s.toLowerCase()}`;
const pair = (label: string, text: string) => t().list.pair(label, text);
const failing = (m: Pick<RiskByModel, "by_statut">) => TO_ACT.reduce((n, s) => n + m.by_statut[s], 0);

function More({ to, children }: { to: string; children: ComponentChildren }) {
    return <p class="chart-more"><a href={to}>{children}<IconArrow /></a></p>;
}

/** A statut as the name of a row, with its sign. */
function named(catalog: Catalog, s: Statut): ComponentChildren {
    return <><StatutSign statut={s} />{statutLabel(catalog, s)}</>;
}

function vehicles(n: number): string {
    return t().analytics.seeSome(format.num(n), isOne(n));
}

// ---- shares of the statuts ----

function Statuts({ catalog, answer, link, selected }: Context) {
    const words = t().analytics;
    const count = (s: Statut) => answer.by_statut.find((x) => x.statut === s)?.vehicles ?? 0;
    const share = (s: Statut) => (answer.total > 0 ? count(s) / answer.total : 0);
    const title = selected ? words.statutsSelected : words.statutsTitle;
    return (
        <Chart
            kicker={words.statuts}
            title={title(format.percent(share("OK")), format.num(count("CRITIQUE")), isOne(count("CRITIQUE")))}
            table={{
                caption: words.statuts,
                columns: [{ label: words.statut }, { label: words.vehicles, right: true }, { label: words.share, right: true }],
                rows: STATUTS.map((s) => [<a href={link({ statut: s })}>{statutLabel(catalog, s)}</a>, format.num(count(s)), format.percent(share(s), 1)]),
            }}
        >
            <Bars bars={STATUTS.map((s) => ({
                name: named(catalog, s), tone: toneOf(s), href: link({ statut: s }),
                parts: [{ share: share(s), tone: toneOf(s) }],
                value: <>{format.num(count(s))} <span class="muted">{format.percent(share(s))}</span></>,
            }))} />
        </Chart>
    );
}

// ---- failures ----

function Legend({ catalog, statuts }: { catalog: Catalog; statuts: readonly Statut[] }) {
    return (
        <ul class="plot-legend" aria-hidden="true">
            {statuts.map((s) => <li class={toneOf(s)}>{named(catalog, s)}</li>)}
        </ul>
    );
}

function Failures({ catalog, answer, link }: Context) {
    const words = t().analytics;
    const rows = [...answer.failures].sort((a, b) => b.vehicles - a.vehicles || a.panne - b.panne);
    const first = rows[0];
    const total = rows.reduce((n, r) => n + r.vehicles, 0);
    const label = (panne: number) => failureLabel(catalog, panne);
    const title = first && first.vehicles > 0 ? words.failuresTitle(label(first.panne), format.num(first.vehicles), isOne(first.vehicles)) : words.failuresNone;
    const most = first?.vehicles || 1;
    return (
        <Chart kicker={words.failures} title={title} note={words.failuresNote}
            table={{
                caption: words.failures,
                columns: [{ label: words.failure }, { label: words.vehicles, right: true }, ...TO_ACT.map((s) => ({ label: statutLabel(catalog, s), right: true }))],
                rows: rows.map((r) => [<a href={link({ panne: String(r.panne) })}>{label(r.panne)}</a>, format.num(r.vehicles), ...TO_ACT.map((s) => format.num(r.by_statut[s]))]),
            }}
        >
            {total > 0 && (
                <>
                    <Legend catalog={catalog} statuts={TO_ACT} />
                    <Bars name={words.vehicles} bars={rows.map((r) => ({
                        name: label(r.panne), value: format.num(r.vehicles), href: link({ panne: String(r.panne) }),
                        parts: TO_ACT.map((s) => ({ share: r.by_statut[s] / most, tone: toneOf(s) })),
                        hint: [label(r.panne), ...TO_ACT.map((s) => pair(statutLabel(catalog, s), format.num(r.by_statut[s])))],
                    }))} />
                    {first && <More to={link({ panne: String(first.panne) })}>{vehicles(first.vehicles)}</More>}
                </>
            )}
        </Chart>
    );
}

// ---- risk by model ----

function Models({ answer, link }: Context) {
    const words = t().analytics;
    const rows = [...answer.risk_by_model].sort((a, b) => (b.score_risque_moy ?? -1) - (a.score_risque_moy ?? -1));
    const shown = rows.filter((r) => r.score_risque_moy !== null).slice(0, MODELS_SHOWN);
    const first = shown[0];
    const score = (v: number | null) => format.num(v, 1);
    const title = first ? words.modelsTitle(name(first.modele), score(first.score_risque_moy)) : words.modelsNoScore;
    const to = (r: RiskByModel) => link({ ...(r.modele === null ? {} : { modele: r.modele }), sort: "-score_risque" });
    return (
        <Chart kicker={words.models} title={title} note={<>{rows.length > shown.length && shown.length === MODELS_SHOWN && `${words.more(format.num(MODELS_SHOWN))} `}{words.modelsNote}</>}
            table={{
                caption: words.models,
                columns: [{ label: words.model }, { label: words.vehicles, right: true }, { label: words.scored, right: true }, { label: words.score, right: true },
                    { label: words.meanProbability, right: true }, { label: words.failing, right: true }],
                rows: rows.map((r) => [<a href={to(r)}>{name(r.modele)}</a>, format.num(r.vehicles), format.num(r.scored), score(r.score_risque_moy), format.percent(r.prob_panne_moy, 1), format.num(failing(r))]),
            }}
        >
            {shown.length > 0 && (
                <Bars name={words.scoreAxis} bars={shown.map((r) => ({
                    name: name(r.modele), value: score(r.score_risque_moy), href: to(r), parts: [{ share: (r.score_risque_moy ?? 0) / 100 }],
                    hint: [name(r.modele), pair(words.score, score(r.score_risque_moy)), pair(words.scored, `${format.num(r.scored)} / ${format.num(r.vehicles)}`),
                        pair(words.meanProbability, format.percent(r.prob_panne_moy, 1))],
                }))} />
            )}
            {first && <More to={to(first)}>{vehicles(first.vehicles)}</More>}
        </Chart>
    );
}

// ---- probability, with the thresholds ----

type ThresholdName = "surveillance" | "alerte" | "attention" | "critique";
const THRESHOLDS: ThresholdName[] = ["surveillance", "alerte", "attention", "critique"];

/** The marks of an axis from 0 to 1. */
const TENTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/** The statut of a vehicle predicted to fail with a probability in this bin. */
function statutAt(catalog: Catalog, from: number): Statut {
    const middle = from + 0.001;
    return middle >= catalog.thresholds.critique ? "CRITIQUE" : middle >= catalog.thresholds.alerte ? "ALERTE" : "SURVEILLANCE";
}

function Probabilities({ catalog, answer, link }: Context) {
    const words = t().analytics;
    const { from, width, counts, of_ok } = answer.prob_histogram;
    const low = (i: number) => Math.round((from + i * width) * 1e6) / 1e6;
    const range = (i: number) => `${format.percent(low(i))} – ${format.percent(low(i + 1))}`;
    const { thresholds } = catalog;
    const urgent = counts.reduce((n, c, i) => n + (low(i) >= thresholds.critique ? c : 0), 0);
    const title = words.probabilitiesTitle(format.num(urgent), format.percent(thresholds.critique), isOne(urgent));
    const sick = (i: number) => (counts[i] ?? 0) - (of_ok[i] ?? 0);
    const to = (i: number) => link({ prob_min: i === 0 ? "" : String(low(i)), sort: "prob_panne" });
    return (
        <Chart kicker={words.probabilities} title={title}
            note={<>
                {words.thresholds}
                <ul class="thresholds">
                    {THRESHOLDS.map((n) => <li><a href={link({ prob_min: String(thresholds[n]) })}>{format.percent(thresholds[n])}</a>{" "}{words.threshold[n]}</li>)}
                </ul>
            </>}
            table={{
                caption: words.probabilities,
                columns: [{ label: words.range }, { label: words.vehicles, right: true }, { label: words.predictedFailing, right: true }, { label: words.predictedOk, right: true }],
                rows: counts.map((c, i) => [<a href={to(i)}>{range(i)}</a>, format.num(c), format.num(sick(i)), format.num(of_ok[i])]),
            }}
        >
            <Legend catalog={catalog} statuts={STATUTS} />
            <Columns label={title} height={15} ticks={scale(counts, { zero: true, whole: true })} text={format.num} name={words.probabilityAxis}
                below={TENTHS.map((at) => ({ at, text: format.percent(at) }))}
                columns={counts.map((_, i) => [{ value: of_ok[i] ?? 0, tone: toneOf("OK") }, { value: sick(i), tone: toneOf(statutAt(catalog, low(i))) }])}
                lines={THRESHOLDS.map((n) => ({ at: thresholds[n], text: format.percent(thresholds[n]) }))}
                hint={(i) => [range(i), pair(words.predictedFailing, format.num(sick(i))), pair(words.predictedOk, format.num(of_ok[i]))]}
                onPick={(i) => go(to(i))} />
            <More to={link({ niveau: "urgent" })}>{vehicles(urgent)}</More>
        </Chart>
    );
}

// ---- risk score ----

function Risks({ answer, link }: Context) {
    const words = t().analytics;
    const { from, to, width, counts, missing } = answer.risk_histogram;
    const low = (i: number) => format.num(from + i * width);
    const range = (i: number) => `${low(i)} – ${low(i + 1)}`;
    const most = counts.indexOf(Math.max(...counts));
    const n = counts[most] ?? 0;
    const title = n > 0 ? words.risksTitle(format.num(n), low(most), low(most + 1), isOne(n)) : words.modelsNoScore;
    return (
        <Chart kicker={words.risks} title={title}
            note={missing > 0 && <a href={link({ sans_revision: "1" })}>{words.riskMissing(format.num(missing), isOne(missing))}</a>}
            table={{
                caption: words.risks,
                columns: [{ label: words.range }, { label: words.vehicles, right: true }],
                rows: [...counts.map((c, i) => [range(i), format.num(c)]), [t().kpi.noService, format.num(missing)]],
            }}
        >
            {n > 0 && (
                <Columns label={title} height={13} ticks={scale(counts, { zero: true, whole: true })} text={format.num} name={words.riskAxis}
                    below={TENTHS.map((at) => ({ at, text: format.num(from + at * (to - from)) }))}
                    columns={counts.map((value) => [{ value }])} hint={(i) => [range(i), pair(words.vehicles, format.num(counts[i]))]} />
            )}
            <More to={link({ sort: "-score_risque" })}>{words.see}</More>
        </Chart>
    );
}

// ---- kilometres ----

function Kilometres({ catalog, answer, link }: Context) {
    const words = t().analytics;
    const rows = STATUTS.flatMap((s) => answer.by_statut.filter((x) => x.statut === s && x.vehicles > 0));
    const ok = rows.find((r) => r.statut === "OK")?.km_depuis_revis_moy;
    const worst = rows.find((r) => r.statut !== "OK" && r.km_depuis_revis_moy !== null);
    const title = worst && ok !== null && ok !== undefined
        ? words.kmsTitle(statutLabel(catalog, worst.statut), format.km(worst.km_depuis_revis_moy), format.km(ok)) : words.kmsPlain;
    const panels = [
        { label: words.kmSince, of: (r: (typeof rows)[number]) => r.km_depuis_revis_moy },
        { label: words.kmTotal, of: (r: (typeof rows)[number]) => r.km_actuel_moy },
    ];
    return (
        <Chart kicker={words.kms} title={title}
            table={{
                caption: words.kms,
                columns: [{ label: words.statut }, { label: words.vehicles, right: true }, ...panels.map((p) => ({ label: p.label, right: true }))],
                rows: rows.map((r) => [<a href={link({ statut: r.statut })}>{statutLabel(catalog, r.statut)}</a>, format.num(r.vehicles), ...panels.map((p) => format.km(p.of(r)))]),
            }}
        >
            <div class="plot-pair">
                {panels.map((p) => {
                    const most = Math.max(1, ...rows.map((r) => p.of(r) ?? 0));
                    return (
                        <div>
                            <h3>{p.label}</h3>
                            <Bars bars={rows.map((r) => ({
                                name: named(catalog, r.statut), tone: toneOf(r.statut), href: link({ statut: r.statut }),
                                parts: [{ share: (p.of(r) ?? 0) / most, tone: toneOf(r.statut) }], value: format.km(p.of(r)),
                            }))} />
                        </div>
                    );
                })}
            </div>
        </Chart>
    );
}

// ---- over time ----

type TrendRow = Trends["rows"][number];

/** whole: counts, whose axis has no fractions. */
function Course({ rows, label, of, text, date, whole }: {
    rows: TrendRow[];
    label: string;
    of: (r: TrendRow) => number | null;
    text: (v: number | null) => string;
    date: (d: string) => string;
    whole?: boolean;
}) {
    const last = rows[rows.length - 1];
    const at = places(rows.map((r) => r.date));
    const ends = [rows[0], last].flatMap((r) => (r ? [r.date] : []));
    const known = rows.map(of).filter((v) => v !== null);
    return (
        <div class="course">
            <h3>{label}{" "}<strong>{last && text(of(last))}</strong></h3>
            {rows.length > 1 && known.length > 0 && (
                <Curve label={label} height={7.5} ticks={scale(known, { whole: whole ?? false })} text={text} below={ends.map((d, i) => ({ at: i, text: date(d) }))}
                    points={rows.map((r, i) => ({ at: at[i] ?? 0, value: of(r) }))}
                    hint={(i) => (rows[i] ? [date(rows[i].date), pair(label, text(of(rows[i])))] : [])} />
            )}
        </div>
    );
}

function Trend({ query }: { query: URLSearchParams }) {
    const words = t().analytics;
    const by = periodOf(query);
    const trends = useApi<Trends>(trendsPath(query));
    if (trends.problem) return <Problems of={[trends]} />;
    if (!trends.data) return <Skeleton height={320} />;
    const { rows } = trends.data;
    const shown = trends.data.by;
    const date = (d: string) => (shown === "month" ? format.date(d, "month") : format.date(d, rows.length > 1 ? "day" : "short"));
    const last = rows[rows.length - 1];
    const before = rows[rows.length - 2];
    const title = !last ? words.trendsNone
        : before ? words.trendsTitle(format.num(last.vehicules_a_risque), format.num(before.vehicules_a_risque), date(before.date))
            : words.trendsOne(format.num(last.vehicules_a_risque), isOne(last.vehicules_a_risque));
    return (
        <Chart kicker={words.trends} title={title} note={words.trendsNote}
            table={{
                caption: words.trends,
                columns: [{ label: words.period[shown] }, ...[words.atRisk, words.active, words.messagesOf, words.meanProbability, words.temperature, words.voltage].map((label) => ({ label, right: true }))],
                rows: rows.map((r) => [shown === "month" ? format.date(r.date, "month") : format.date(r.date), format.num(r.vehicules_a_risque), format.num(r.vehicules_actifs), format.num(r.pannes_predites),
                    format.percent(r.prob_panne_moy, 1), format.num(r.temp_moy, 1), format.num(r.voltage_moy, 2)]),
            }}
        >
            <div class="segments" role="group" aria-label={words.by}>
                {PERIODS.map((p) => <button type="button" class="segment" aria-pressed={p === by} onClick={() => setQuery({ by: p === "day" ? "" : p }, true)}>{words.byName[p]}</button>)}
            </div>
            {last && (
                <div class="courses">
                    <Course rows={rows} label={words.atRisk} of={(r) => r.vehicules_a_risque} text={(v) => format.num(v)} date={date} whole />
                    <Course rows={rows} label={words.active} of={(r) => r.vehicules_actifs} text={(v) => format.num(v)} date={date} whole />
                    <Course rows={rows} label={words.meanProbability} of={(r) => r.prob_panne_moy} text={(v) => format.percent(v, 1)} date={date} />
                    <Course rows={rows} label={words.temperature} of={(r) => r.temp_moy} text={(v) => format.num(v, 1)} date={date} />
                    <Course rows={rows} label={words.voltage} of={(r) => r.voltage_moy} text={(v) => format.num(v, 2)} date={date} />
                </div>
            )}
        </Chart>
    );
}

// ---- one model ----

function mean(rows: RiskByModel[], of: (r: RiskByModel) => number | null, weight: (r: RiskByModel) => number): number | null {
    const known = rows.filter((r) => of(r) !== null && weight(r) > 0);
    const total = known.reduce((n, r) => n + weight(r), 0);
    return total === 0 ? null : known.reduce((n, r) => n + (of(r) ?? 0) * weight(r), 0) / total;
}

function OneModel({ catalog, answer, link, query }: Context & { query: URLSearchParams }) {
    const words = t().analytics;
    const rows = answer.risk_by_model;
    const key = (r: RiskByModel) => r.modele ?? "";
    const worst = [...rows].sort((a, b) => failing(b) - failing(a))[0];
    const row = rows.find((r) => key(r) === query.get("detail")) ?? worst;
    if (!row) return null;
    const pannes = row.by_panne.map((n, panne) => ({ panne, n })).filter((x) => x.panne > 0 && x.n > 0).sort((a, b) => b.n - a.n);
    const most = Math.max(1, ...pannes.map((p) => p.n));
    const to = (more: Record<string, string>) => link({ ...(row.modele === null ? {} : { modele: row.modele }), ...more });
    const sick = failing(row);
    const all = rows.reduce((n, r) => n + failing(r), 0);
    const facts = [
        { label: words.vehicles, value: format.num(row.vehicles), note: words.ofVehicles(format.num(answer.total)) },
        { label: words.failing, value: format.percent(sick / (row.vehicles || 1)), note: words.versusAll(format.percent(all / (answer.total || 1))) },
        { label: words.meanProbability, value: format.percent(row.prob_panne_moy), note: words.versusAll(format.percent(mean(rows, (r) => r.prob_panne_moy, (r) => r.vehicles))) },
        { label: words.score, value: format.num(row.score_risque_moy, 1), note: words.versusAll(format.num(mean(rows, (r) => r.score_risque_moy, (r) => r.scored), 1)) },
    ];
    return (
        <Chart kicker={words.detail} title={words.detailTitle(name(row.modele), format.num(sick), isOne(sick))}
            table={{
                caption: words.detail,
                columns: [{ label: words.failure }, { label: words.vehicles, right: true }],
                rows: row.by_panne.map((n, panne) => [<a href={to({ panne: String(panne) })}>{panne === 0 ? statutLabel(catalog, "OK") : failureLabel(catalog, panne)}</a>, format.num(n)]),
            }}
        >
            <label class="field">
                <span>{words.choose}</span>
                <select class="control" value={key(row)} onChange={(e) => setQuery({ detail: e.currentTarget.value }, true)}>
                    {rows.map((r) => <option value={key(r)}>{name(r.modele)}</option>)}
                </select>
            </label>
            <dl class="facts">
                {facts.map((f) => <div><dt>{f.label}</dt><dd>{f.value} <small>{f.note}</small></dd></div>)}
            </dl>
            <StatutBar counts={row.by_statut} of={row.vehicles} />
            {pannes.length === 0 ? <p class="muted">{words.noFailure}</p> : (
                <Bars bars={pannes.map((p) => ({
                    name: failureLabel(catalog, p.panne), value: format.num(p.n), href: to({ panne: String(p.panne) }), parts: [{ share: p.n / most }],
                }))} />
            )}
            <More to={to({})}>{vehicles(row.vehicles)}</More>
        </Chart>
    );
}

// ---- the page ----

/** The height that two boards take at least, with what stands above them, px. */
const TWO_BOARDS = 1000;

function Boards({ context, query, busy }: { context: Context; query: URLSearchParams; busy: boolean }) {
    const whole = useWhole(innerHeight > TWO_BOARDS);
    return (
        <div class="boards" aria-busy={busy}>
            <div class="board-stack" data-whole={whole}>
                <Statuts {...context} />
                <Probabilities {...context} />
                {whole && <><Kilometres {...context} /><OneModel {...context} query={query} /></>}
            </div>
            <div class="board-stack" data-whole={whole}>
                <Failures {...context} />
                <Models {...context} />
                {whole && <Risks {...context} />}
            </div>
            {whole && <div class="board-wide"><Trend query={query} /></div>}
        </div>
    );
}

export function Analytics({ place }: { place: Place }) {
    const words = t().analytics;
    const { query } = place;
    const selection = selectionOf(query);
    const catalog = useCatalog();
    const answer = useApi<Answer>(analyticsPath(query));
    const asked = [answer, catalog];
    const data = answer.data;
    const context: Context | null = catalog.data && data ? {
        catalog: catalog.data, answer: data, selected: isSelective(query),
        link: (more) => href("/donnees", { ...Object.fromEntries(selection), ...more }),
    } : null;
    return (
        <>
            <div class="page-top">
                <PageTitle title={words.title} eyebrow={data ? t().dashboard.eyebrow(format.date(data.run_date, "long")) : "\u00a0"} />
                <p class="muted" role="status" aria-live="polite">{data && words.intro(format.num(data.total), isOne(data.total))}</p>
            </div>
            {catalog.data && !failed(asked) && <div class="card tools"><Filters catalog={catalog.data} query={query} compact /></div>}
            {failed(asked) ? (
                <Problems of={asked} />
            ) : !context ? (
                <div class="boards"><Skeleton height={360} /><Skeleton height={360} /><Skeleton height={360} /><Skeleton height={360} /></div>
            ) : context.answer.total === 0 ? (
                <Notice title={words.none} detail={words.noneDetail} />
            ) : (
                <Boards context={context} query={query} busy={answer.busy} />
            )}
        </>
    );
}
