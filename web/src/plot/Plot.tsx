/* The one place that draws with ECharts: fetches it when the first plot is drawn, takes its colours
 * from the theme and its sizes from the root's font, so that it grows with the page. */
import type { EChartsType } from "echarts/core";
import type { EChartsOption } from "echarts";
import { useEffect, useRef } from "preact/hooks";
import { prefs } from "../prefs";

/** Colours of the theme, and the sizes to draw with: px is that of small text. */
export interface Look {
    text: string;
    muted: string;
    line: string;
    accent: string;
    usual: string;
    surface: string;
    critique: string;
    alerte: string;
    surveillance: string;
    ok: string;
    font: string;
    px: number;
    /** Of the plot, in pixels. */
    width: number;
}

function look(box: HTMLElement): Look {
    const style = getComputedStyle(document.documentElement);
    const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
    return {
        text: of("text"), muted: of("muted"), line: of("line"), accent: of("accent"), usual: of("usual"),
        surface: of("surface-solid"), critique: of("critique"), alerte: of("alerte"),
        surveillance: of("surveillance"), ok: of("ok"), font: of("font"), px: parseFloat(style.fontSize) * 0.8, width: box.clientWidth,
    };
}

type Library = typeof import("./echarts");
let library: Library | null = null;
let coming: Promise<Library> | null = null;

/** Fetches ECharts; at once when it is there. */
export function fetchPlots(): Promise<Library> {
    coming ??= import("./echarts").then((loaded) => (library = loaded));
    return coming;
}

/** label: for screen readers; height in rem; `of`: the data, a change of which draws anew; onPick: a
 * click on point `index` of series `series`. The table of the chart around it says the same in words. */
export function Plot({ label, height, of, option, onPick }: {
    label: string;
    height: number;
    of: unknown;
    option: (look: Look) => EChartsOption;
    onPick?: ((index: number, series: number) => void) | undefined;
}) {
    const box = useRef<HTMLDivElement>(null);
    const pick = useRef(onPick);
    pick.current = onPick;
    useEffect(() => {
        let chart: EChartsType | null = null;
        let gone = false;
        const draw = (loaded: Library) => {
            if (gone || !box.current) return;
            chart = loaded.init(box.current, null, { renderer: "svg" });
            const base = look(box.current);
            chart.setOption({ animation: false, textStyle: { fontFamily: base.font, fontSize: base.px }, ...option(base) });
            chart.on("click", (event) => {
                const { dataIndex, seriesIndex } = event as unknown as { dataIndex?: number; seriesIndex?: number };
                if (dataIndex !== undefined) pick.current?.(dataIndex, seriesIndex ?? 0);
            });
        };
        // Drawn when it comes near the screen, or to paper: a page of many plots opens at once.
        const start = () => {
            near.disconnect();
            window.removeEventListener("beforeprint", start);
            if (library) draw(library);
            else void fetchPlots().then(draw, () => undefined); // the table still says it
        };
        const near = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && start(), { rootMargin: "200px" });
        const observer = new ResizeObserver(() => chart?.resize());
        window.addEventListener("beforeprint", start);
        if (box.current) {
            near.observe(box.current);
            observer.observe(box.current);
        }
        return () => {
            gone = true;
            near.disconnect();
            window.removeEventListener("beforeprint", start);
            observer.disconnect();
            chart?.dispose();
        };
    }, [of, prefs.theme, prefs.lang, height]);
    return <div class={`plot${onPick ? " plot-linked" : ""}`} ref={box} role="img" aria-label={label} style={{ height: `${height}rem` }} />;
}
