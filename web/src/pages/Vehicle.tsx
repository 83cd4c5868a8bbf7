/* Véhicule: all about one vehicle, for the workshop: what to do and why, every measure beside its usual
 * range, what the model gives each failure, services, telemetry by day, past runs. Printable. */
import { useLayoutEffect, useState } from "preact/hooks";
import type { Catalog, VehicleDetail } from "../api/types";
import { useApi } from "../api/use";
import { failureLabel, kmLeft, measureOf, measureText, reasonSentence, sideOf, useCatalog } from "../catalog";
import { Chart } from "../components/Chart";
import { IconLeft, IconPrint, IconRight, IconWrench } from "../components/icons";
import { PageTitle } from "../components/PageTitle";
import { Bullet, Share } from "../components/pictures";
import { failed, Problems, Skeleton } from "../components/States";
import { StatutBadge } from "../components/Statut";
import * as format from "../format";
import { isOne, local, t } from "../i18n";
import { places, scale } from "../plot/axis";
import { Curve } from "../plot/Curve";
import { go, href, vehicleHref, type Place } from "../router";
import { selectionOf, vehiclePath } from "../selection";

/** Points of probability: 0.234 is "+23". */
const points = (share: number | null) => (share === null ? format.NONE : format.signed(Math.round(share * 100)));
const dayOf = (iso: string | null) => format.date(iso, "short");

// ---- head: which vehicle, how urgent, what to do ----

function Steps({ detail, params }: { detail: VehicleDetail | undefined; params: URLSearchParams }) {
    const words = t().vehicle;
    const step = (vin: string | null | undefined, label: string, before: boolean) => {
        const inside = before ? <><IconLeft />{label}</> : <>{label}<IconRight /></>;
        return vin
            ? <a class="control" href={vehicleHref(vin, params)} rel={before ? "prev" : "next"}>{inside}</a>
            : <span class="control control-off" aria-disabled="true">{inside}</span>;
    };
    const place = detail?.position ? words.position(format.num(detail.position), format.num(detail.total)) : words.notInSelection;
    return (
        <nav class="steps" aria-label={words.keys}>
            <a class="button button-quiet steps-back" href={href("/donnees", params)}><IconLeft />{words.back}</a>
            {step(detail?.previous, words.previous, true)}
            <span class="muted steps-place">{detail ? place : ""}</span>
            {step(detail?.next, words.next, false)}
            <button type="button" class="control steps-print" onClick={() => window.print()}><IconPrint />{words.print}</button>
        </nav>
    );
}

function Head({ catalog, detail }: { catalog: Catalog; detail: VehicleDetail }) {
    const words = t().vehicle;
    const { vehicle } = detail;
    const km = kmLeft(vehicle);
    const act = vehicle.statut !== "OK";
    const days = vehicle["jours_revis"];
    return (
        <section class={`card vehicle-head edge-${vehicle.statut.toLowerCase()}`}>
            <dl class="facts">
                <div><dt>{words.part}</dt><dd>{act ? failureLabel(catalog, vehicle.type_panne_predit) : words.noPart}</dd></div>
                <div><dt>{words.probability}</dt><dd>{format.percent(vehicle.prob_panne)}</dd></div>
                <div><dt>{words.kmLeft}</dt><dd>{km.text} {!vehicle.km_avant_panne || !act ? <small>{km.note}</small> : null}</dd></div>
                <div><dt>{words.health}</dt><dd>{vehicle.sante === null ? format.NONE : <>{format.num(vehicle.sante)}<small>{" / 100"}</small></>}</dd></div>
                <div><dt>{words.odometer}</dt><dd>{measureText(catalog, "km_actuel", vehicle["km_actuel"] as number | null)}</dd></div>
                <div>
                    <dt>{words.lastService}</dt>
                    <dd>
                        {vehicle.date_last_revis ? dayOf(vehicle.date_last_revis) : words.noServiceDate}{" "}
                        {typeof days === "number" && days >= 0 && <small>{words.daysAgo(format.num(days), isOne(days))}</small>}
                    </dd>
                </div>
            </dl>
            <p class="todo">
                <IconWrench size={20} />
                <span>
                    {act ? <><strong>{words.todo(local(detail.when))}</strong><br />{local(detail.advice)}</> : local(detail.advice) || words.nothing}
                </span>
            </p>
        </section>
    );
}

// ---- why ----

function Reasons({ catalog, detail }: { catalog: Catalog; detail: VehicleDetail }) {
    const words = t().vehicle;
    const { vehicle, reasons } = detail;
    const ok = vehicle.type_panne_predit === 0;
    const label = failureLabel(catalog, vehicle.type_panne_predit);
    return (
        <section class="card chart" aria-labelledby="reasons-title">
            <header class="card-head">
                <p class="kicker">{words.reasons}</p>
                <h2 id="reasons-title" class="chart-title">{ok ? words.reasonsOk : words.reasonsTitle(label)}</h2>
            </header>
            {reasons.length === 0 && <p>{t().why.none}</p>}
            <ol class="reasons">
                {reasons.map((r) => (
                    <li>
                        <p>{reasonSentence(catalog, r)}</p>
                        <Bullet value={r.value} low={r.low} high={r.high} out={["below", "above"].includes(sideOf(catalog, r))} />
                        <p class="muted reasons-points">{words.points(points(r.points), ok ? t().vehicle.sound : label)}</p>
                    </li>
                ))}
            </ol>
        </section>
    );
}

function Measures({ catalog, detail }: { catalog: Catalog; detail: VehicleDetail }) {
    const words = t().vehicle;
    const label = detail.vehicle.type_panne_predit === 0 ? words.sound : failureLabel(catalog, detail.vehicle.type_panne_predit);
    const out = detail.measures.filter((m) => ["below", "above"].includes(sideOf(catalog, m))).length;
    const most = Math.max(0.01, ...detail.measures.map((m) => Math.abs(m.contribution ?? 0)));
    const total = format.num(detail.measures.length);
    const of = detail.measures.find((m) => m.low !== null)?.usual_of;
    return (
        <section class="card chart measures" aria-labelledby="measures-title">
            <header class="card-head">
                <p class="kicker">{words.measures}</p>
                <h2 id="measures-title" class="chart-title">{out > 0 ? words.measuresTitle(format.num(out), total, isOne(out)) : words.measuresNormal(total)}</h2>
            </header>
            <div class="table-scroll" role="region" aria-label={words.measures} tabIndex={0}>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{words.measure}</th>
                            <th scope="col" class="right">{words.value}</th>
                            <th scope="col" class="wide-only">{words.usual}</th>
                            <th scope="col" class="wide-only">{words.place}</th>
                            <th scope="col" class="right">{words.contribution}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {detail.measures.map((m) => {
                            const usual = m.low === null || m.high === null ? format.NONE
                                : words.range(measureText(catalog, m.column, m.low, false), measureText(catalog, m.column, m.high, false));
                            const side = sideOf(catalog, m);
                            const strange = side === "below" || side === "above";
                            return (
                                <tr>
                                    <th scope="row">{local(measureOf(catalog, m.column)?.label) || m.column}</th>
                                    <td class="right nowrap">
                                        {m.value === null ? format.NONE : measureText(catalog, m.column, m.value)}
                                        {strange && <span class="strange">{side === "below" ? "▼" : "▲"} {t().why.short[side]}</span>}
                                        <span class="muted narrow-only">{usual}</span>
                                    </td>
                                    <td class="muted nowrap wide-only">{usual}</td>
                                    <td class="wide-only"><Bullet value={m.value} low={m.low} high={m.high} out={strange} /></td>
                                    <td class="right nowrap">
                                        <span class="weight">
                                            <span class={`weight-bar${(m.contribution ?? 0) < 0 ? " weight-against" : ""}`} aria-hidden="true">
                                                <span style={{ width: `${(Math.abs(m.contribution ?? 0) / most) * 100}%` }} />
                                            </span>
                                            {points(m.contribution)}
                                        </span>
                                    </td>
                                </tr>
                            );
                        })}
                    </tbody>
                </table>
            </div>
            <p class="note">{of && <>{words.usualOf[of]}{" "}</>}{t().list.pair(words.contribution, words.contributionHint(label))}</p>
        </section>
    );
}

function Classes({ catalog, detail }: { catalog: Catalog; detail: VehicleDetail }) {
    const words = t().vehicle;
    const rows = [...detail.probabilities].sort((a, b) => (b.p ?? 0) - (a.p ?? 0));
    const name = (panne: number) => (panne === 0 ? words.sound : failureLabel(catalog, panne));
    const best = rows[0];
    return (
        <section class="card chart" aria-labelledby="classes-title">
            <header class="card-head">
                <p class="kicker">{words.classes}</p>
                <h2 id="classes-title" class="chart-title">{best ? words.classesTitle(name(best.panne), format.percent(best.p)) : words.classes}</h2>
            </header>
            <table class="table classes">
                <thead class="visually-hidden"><tr><th scope="col">{words.failure}</th><th scope="col">{words.probability}</th></tr></thead>
                <tbody>
                    {rows.map((r) => (
                        <tr>
                            <th scope="row">{name(r.panne)}</th>
                            <td><span class="class-share"><Share parts={[{ share: r.p, tone: r.panne === 0 ? "tone-ok" : undefined }]} />{format.percent(r.p, 1)}</span></td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </section>
    );
}

// ---- the past ----

/** A figure over days or runs. */
function Course({ label, ticks, text, points, usual }: {
    label: string;
    ticks: number[];
    text: (value: number) => string;
    points: { date: string; value: number | null }[];
    usual?: { low: number | null; high: number | null } | undefined;
}) {
    const at = places(points.map((p) => p.date));
    const ends = [points[0], points[points.length - 1]].map((p, i) => ({ at: i, text: format.date(p?.date, "day") }));
    return (
        <Curve label={label} height={8.5} ticks={ticks} text={text} below={ends} usual={usual}
            points={points.map((p, i) => ({ at: at[i] ?? 0, value: p.value }))}
            hint={(i) => [dayOf(points[i]?.date ?? null), t().list.pair(label, points[i]?.value == null ? format.NONE : text(points[i].value))]} />
    );
}

function Services({ detail }: { detail: VehicleDetail }) {
    const words = t().vehicle;
    return (
        <section class="card chart" aria-labelledby="services-title">
            <header class="card-head"><h2 id="services-title" class="chart-title">{words.services}</h2></header>
            {detail.services.length === 0 ? <p class="muted">{words.noServices}</p> : (
                <table class="table">
                    <thead><tr><th scope="col">{words.date}</th><th scope="col">{words.type}</th><th scope="col" class="right">{words.km}</th></tr></thead>
                    <tbody>
                        {detail.services.map((s) => (
                            <tr><th scope="row">{s.date ? dayOf(s.date) : words.noServiceDate}</th><td>{s.type ? words.serviceTypes[s.type] ?? s.type : format.NONE}</td><td class="right">{format.km(s.km)}</td></tr>
                        ))}
                    </tbody>
                </table>
            )}
        </section>
    );
}

function Days({ catalog, detail }: { catalog: Catalog; detail: VehicleDetail }) {
    const words = t().vehicle;
    const { days } = detail;
    const names = catalog.measures.map((m) => m.name).filter((name) => days.some((d) => typeof d[name] === "number"));
    const strongest = measureOf(catalog, detail.reasons[0]?.column ?? "")?.name ?? "";
    const [chosen, choose] = useState("");
    const name = names.includes(chosen) ? chosen : names.includes(strongest) ? strongest : (names[0] ?? "");
    const measure = catalog.measures.find((m) => m.name === name);
    const usual = detail.measures.find((m) => m.column === measure?.column);
    const value = (d: (typeof days)[number], column: string) => (typeof d[column] === "number" ? (d[column] as number) : null);
    const text = (v: number) => format.num(v, measure?.decimals ?? 0);
    const known = days.map((d) => value(d, name)).filter((v) => v !== null);
    const band = [usual?.low ?? null, usual?.high ?? null].filter((v) => v !== null);
    return (
        <Chart
            kicker={words.days}
            title={days.length > 0 ? words.daysTitle(format.num(days.length), isOne(days.length)) : words.noDays}
            {...(days.length > 0 ? {
                table: {
                    caption: words.days,
                    columns: [{ label: words.day }, { label: words.messages, right: true },
                        ...names.map((n) => ({ label: `${local(measureOf(catalog, n)?.label)} (${local(measureOf(catalog, n)?.unit)})`, right: true }))],
                    rows: days.map((d) => [dayOf(d.event_date), format.num(d.messages), ...names.map((n) => measureText(catalog, n, value(d, n), false))]),
                },
            } : {})}
        >
            {days.length === 1 && <p class="muted">{words.oneDay}</p>}
            {days.length > 1 && measure && known.length > 0 && (
                <>
                    <label class="field">
                        <span>{words.show}</span>
                        <select class="control" value={name} onChange={(e) => choose(e.currentTarget.value)}>
                            {names.map((n) => <option value={n}>{local(measureOf(catalog, n)?.label)} ({local(measureOf(catalog, n)?.unit)})</option>)}
                        </select>
                    </label>
                    <Course label={local(measure.label)} ticks={scale([...known, ...band])} text={text}
                        points={days.map((d) => ({ date: d.event_date, value: value(d, name) }))}
                        usual={usual && { low: usual.low, high: usual.high }} />
                </>
            )}
        </Chart>
    );
}

function Runs({ catalog, detail }: { catalog: Catalog; detail: VehicleDetail }) {
    const words = t().vehicle;
    const { runs, vehicle } = detail;
    const newest = [...runs].reverse();
    return (
        <section class="card chart runs" aria-labelledby="runs-title">
            <header class="card-head">
                <p class="kicker">{words.history}</p>
                <h2 id="runs-title" class="chart-title">{words.historyTitle(format.num(runs.length), isOne(runs.length))}</h2>
            </header>
            {runs.length > 1
                ? <Course label={words.probability} ticks={[0, 0.5, 1]} text={format.percent} points={runs.map((r) => ({ date: r.run_date, value: r.prob_panne }))} />
                : <p class="muted">{words.oneRunOnly}</p>}
            <div class="table-scroll" role="region" aria-label={words.history} tabIndex={0}>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{words.run}</th>
                            <th scope="col">{words.status}</th>
                            <th scope="col">{words.failure}</th>
                            <th scope="col" class="right">{t().dashboard.probability}</th>
                            <th scope="col" class="right">{t().dashboard.kmLeft}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {newest.map((r) => (
                            <tr aria-current={r.run_date === detail.run_date ? "true" : undefined}>
                                <th scope="row" class="nowrap"><a href={href(`/vehicule/${encodeURIComponent(vehicle.vin)}`, { run: r.run_date })}>{dayOf(r.run_date)}</a></th>
                                <td><StatutBadge catalog={catalog} statut={r.statut} /></td>
                                <td>{r.type_panne_predit === 0 ? format.NONE : failureLabel(catalog, r.type_panne_predit)}</td>
                                <td class="right">{format.percent(r.prob_panne)}</td>
                                <td class="right nowrap">{kmLeft(r).text}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </section>
    );
}

// ---- the page ----

/** Left and right go to the neighbours, unless the reader is typing or moving in a control. */
function useKeys(detail: VehicleDetail | undefined, params: URLSearchParams): void {
    // Before the vehicle is shown: who sees it may press the next key.
    useLayoutEffect(() => {
        const listen = (event: KeyboardEvent) => {
            if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
            if ((event.target as Element).closest("input, select, textarea, [role=region], [role=slider]")) return;
            const vin = event.key === "ArrowLeft" ? detail?.previous : event.key === "ArrowRight" ? detail?.next : null;
            if (vin) go(vehicleHref(vin, params));
        };
        document.addEventListener("keydown", listen);
        return () => document.removeEventListener("keydown", listen);
    }, [detail, params.toString()]);
}

export function Vehicle({ place }: { place: Place }) {
    const words = t().vehicle;
    const { query, vin } = place;
    const params = selectionOf(query, "sort");
    const catalog = useCatalog();
    const answer = useApi<VehicleDetail>(vehiclePath(query, vin));
    const detail = answer.data;
    useKeys(detail, params);
    const asked = [answer, catalog];
    const vehicle = detail?.vehicle;
    return (
        <>
            <Steps detail={detail} params={params} />
            <div class="vehicle-title">
                <PageTitle title={vin} eyebrow={detail ? t().dashboard.eyebrow(format.date(detail.run_date, "long")) : "\u00a0"} />
                {vehicle && <StatutBadge catalog={catalog.data} statut={vehicle.statut} large />}
                <p class="muted">{vehicle ? [vehicle.modele ?? t().list.unknownModel, vehicle.annee].filter((x) => x !== null).join(" ") : "\u00a0"}</p>
            </div>
            {failed(asked) ? (
                <Problems of={asked}>
                    <a class="button button-primary" href={href("/donnees", { q: vin })}>{words.searchIt}</a>
                </Problems>
            ) : detail && catalog.data ? (
                <div class="vehicle" aria-busy={answer.busy}>
                    <Head catalog={catalog.data} detail={detail} />
                    <div class="vehicle-main">
                        <Reasons catalog={catalog.data} detail={detail} />
                        <Measures catalog={catalog.data} detail={detail} />
                        <Days catalog={catalog.data} detail={detail} />
                    </div>
                    <div class="vehicle-side">
                        <Classes catalog={catalog.data} detail={detail} />
                        <Services detail={detail} />
                        <Runs catalog={catalog.data} detail={detail} />
                    </div>
                </div>
            ) : (
                <div class="vehicle"><Skeleton height={130} /><Skeleton height={420} /><Skeleton height={420} /></div>
            )}
        </>
    );
}
