/* The frame of every page: header with the choices, navigation, notices of new runs, the page. */
import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Runs } from "./api/types";
import { useApi } from "./api/use";
import { IconChart, IconClose, IconDashboard, IconModel, IconQuality, IconSettings, IconTable } from "./components/icons";
import { SearchBox } from "./components/Filters";
import { PageTitle } from "./components/PageTitle";
import { Skeleton } from "./components/States";
import * as format from "./format";
import { t } from "./i18n";
import { published } from "./live";
import { Dashboard } from "./pages/Dashboard";
import { LANGS, prefs, THEMES } from "./prefs";
import { choose, go, href, place, setQuery, type PageName, type Place } from "./router";
import { useStore } from "./store";

export type Page = ComponentType<{ place: Place }>;

const NAVIGATION = [
    { page: "dashboard", path: "/", Icon: IconDashboard },
    { page: "analytics", path: "/analyses", Icon: IconChart },
    { page: "data", path: "/donnees", Icon: IconTable },
    { page: "quality", path: "/qualite", Icon: IconQuality },
    { page: "model", path: "/modele", Icon: IconModel },
] as const;

/** Pages that come when they are first wanted. */
const LATER: Partial<Record<PageName, () => Promise<Page>>> = {
    data: () => import("./pages/Data").then((m) => m.Data),
    vehicle: () => import("./pages/Vehicle").then((m) => m.Vehicle),
    analytics: () => import("./pages/Analytics").then((m) => m.Analytics),
    quality: () => import("./pages/Quality").then((m) => m.Quality),
    model: () => import("./pages/Model").then((m) => m.Model),
};

const PAGES: Partial<Record<PageName, Page>> = { dashboard: Dashboard, unknown: Unknown };

/** Loads a page that is not there yet. */
export async function load(name: PageName): Promise<Page> {
    const known = PAGES[name];
    if (known) return known;
    const page = await (LATER[name] as () => Promise<Page>)();
    PAGES[name] = page;
    return page;
}

/** Whether a page can be drawn without waiting for its script. */
export function isLoaded(name: PageName): boolean {
    return PAGES[name] !== undefined;
}

/** Fetches the other pages while nothing else is to do, so that opening one is immediate. */
export function loadTheRest(): void {
    const idle = window.requestIdleCallback ?? ((f: () => void) => setTimeout(f, 500));
    for (const name of Object.keys(LATER) as PageName[]) idle(() => void load(name).catch(() => undefined));
}

function Unknown() {
    const words = t().states;
    return (
        <>
            <PageTitle title={words.notFound} name={t().pages.unknown} />
            <p>{words.notFoundDetail}</p>
            <p><a class="button button-primary" href={href("/")}>{words.toDashboard}</a></p>
        </>
    );
}

// ---- choices ----

function RunChoice({ runs, query }: { runs: Runs | undefined; query: URLSearchParams }) {
    const words = t().app;
    const chosen = query.get("run") ?? runs?.latest ?? "";
    const known = runs?.runs.some((r) => r.run_date === chosen);
    return (
        <label class="field">
            <span>{words.run}</span>
            <select class="control" value={chosen} disabled={!runs || runs.runs.length === 0}
                onChange={(e) => {
                    const date = e.currentTarget.value;
                    setQuery({ run: date === runs?.latest ? "" : date, page: "" });
                }}>
                {!known && <option value={chosen}>{format.date(chosen)}</option>}
                {runs?.runs.map((r) => (
                    <option value={r.run_date}>
                        {r.run_date === runs.latest ? words.latestRun(format.date(r.run_date)) : format.date(r.run_date)}
                    </option>
                ))}
            </select>
        </label>
    );
}

function Choices({ runs, query }: { runs: Runs | undefined; query: URLSearchParams }) {
    const words = t().app;
    return (
        <>
            <RunChoice runs={runs} query={query} />
            <label class="field">
                <span class="field-quiet">{words.theme}</span>
                <select class="control" value={prefs.theme} onChange={(e) => choose("theme", e.currentTarget.value)}>
                    {THEMES.map((name) => <option value={name}>{words.themes[name]}</option>)}
                </select>
            </label>
            <label class="field">
                <span class="field-quiet">{words.language}</span>
                <select class="control" value={prefs.lang} onChange={(e) => choose("lang", e.currentTarget.value)}>
                    {LANGS.map((name) => <option value={name} lang={name}>{words.languages[name]}</option>)}
                </select>
            </label>
        </>
    );
}

function Header({ here, runs }: { here: Place; runs: Runs | undefined }) {
    const words = t().app;
    const [open, setOpen] = useState(false);
    return (
        <header class="top">
            <div class="top-bar">
                <a class="brand" href={href("/")} aria-label={`${words.name} – ${t().pages.dashboard}`}>
                    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M5 18h5l3-8 5 14 3-9h6" /></svg>
                    <span>{words.name}</span>
                </a>
                <nav class="nav" aria-label={words.navigation}>
                    <ul>
                        {NAVIGATION.map(({ page, path, Icon }) => (
                            <li>
                                <a href={href(path)} aria-current={here.page === page ? "page" : undefined}>
                                    <Icon size={18} /><span>{t().pages[page]}</span>
                                </a>
                            </li>
                        ))}
                    </ul>
                </nav>
                <div class="top-search">
                    <SearchBox id="top-q" value="" label={words.searchVin} hint={words.searchHint}
                        onSearch={(q) => q !== "" && go(href("/donnees", { q }), here.page === "data")} />
                </div>
                <button type="button" class="control top-open" aria-expanded={open} aria-controls="choices" onClick={() => setOpen(!open)}>
                    {open ? <IconClose size={18} /> : <IconSettings size={18} />}<span class="visually-hidden">{words.tools}</span>
                </button>
                <div id="choices" class={`choices-bar${open ? " open" : ""}`}>
                    <Choices runs={runs} query={here.query} />
                </div>
            </div>
        </header>
    );
}

// ---- notices ----

/** Tells of a run that was just published, and of one that is not the latest. */
function RunNotices({ here, runs }: { here: Place; runs: Runs | undefined }) {
    const words = t().app;
    const fresh = useStore(published);
    const pinned = here.query.get("run");
    const old = pinned !== null && runs !== undefined && pinned !== runs.latest;
    const latest = () => setQuery({ run: "", page: "" });
    return (
        <>
            {old && (
                <p class="ribbon">
                    {words.oldRun(format.date(pinned, "long"))}{" "}
                    <button type="button" class="link" onClick={latest}>{words.seeLatest}</button>
                </p>
            )}
            <div class="toasts" role="status" aria-live="polite">
                {fresh && (
                    <p class="toast">
                        <span>{(pinned ? words.newRunElsewhere : words.newRun)(format.date(fresh.run_date, "long"))}</span>
                        {pinned && <button type="button" class="link" onClick={() => { published.set(null); latest(); }}>{words.seeIt}</button>}
                        <button type="button" class="button button-quiet" aria-label={words.close} onClick={() => published.set(null)}><IconClose /></button>
                    </p>
                )}
            </div>
        </>
    );
}

// ---- the page ----

/** A page that fails while it is drawn leaves the frame standing. */
class Guard extends Component<{ children: ComponentChildren; of: string }, { failed: string | null }> {
    override state = { failed: null };
    static override getDerivedStateFromError = () => ({ failed: "yes" });
    override componentDidCatch(error: unknown) {
        console.error(error);
    }
    override componentDidUpdate(before: { of: string }) {
        if (before.of !== this.props.of && this.state.failed) this.setState({ failed: null });
    }
    override render() {
        if (!this.state.failed) return this.props.children;
        return (
            <section class="card notice" role="alert">
                <h1>{t().states.failed}</h1>
                <p><button type="button" class="button" onClick={() => location.reload()}>{t().states.retry}</button></p>
            </section>
        );
    }
}

function PageView({ here }: { here: Place }) {
    const [, redraw] = useState(0);
    const [failed, setFailed] = useState(false);
    const Shown = PAGES[here.page];
    const waited = useRef(false);
    useEffect(() => {
        // The heading that had the focus went when the page's script came.
        if (Shown && waited.current && document.activeElement === document.body) document.getElementById("page-title")?.focus({ preventScroll: true });
        waited.current = !Shown;
    }, [Shown]);
    useEffect(() => {
        if (Shown) return undefined;
        let wanted = true;
        setFailed(false);
        load(here.page).then(() => wanted && redraw((n) => n + 1), () => wanted && setFailed(true));
        return () => {
            wanted = false;
        };
    }, [here.page]);
    if (Shown) return <Shown key={here.page + here.vin} place={here} />;
    return (
        <>
            <PageTitle title={t().pages[here.page]} />
            {failed
                ? <section class="card notice" role="alert"><h2>{t().states.unreachable}</h2><p><button type="button" class="button" onClick={() => location.reload()}>{t().states.retry}</button></p></section>
                : <Skeleton height={320} />}
        </>
    );
}

/** Moves the focus to the heading when another page opens, and says its name. */
function useFocusOnNavigation(here: Place): void {
    const before = useRef(here.path);
    useEffect(() => {
        if (before.current === here.path) return;
        before.current = here.path;
        document.getElementById("page-title")?.focus({ preventScroll: true });
    }, [here.path]);
}

export function App() {
    const here = useStore(place);
    const runs = useApi<Runs>("runs");
    useFocusOnNavigation(here);
    return (
        <>
            <a class="skip" href="#content">{t().app.skip}</a>
            <Header here={here} runs={runs.data} />
            <main id="content" tabIndex={-1}>
                <RunNotices here={here} runs={runs.data} />
                <Guard of={here.path}><PageView here={here} /></Guard>
            </main>
        </>
    );
}
