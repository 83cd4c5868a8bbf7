/* Axes, hints and lines that our plots share. */
import type { EChartsOption } from "echarts";
import type { Statut } from "../api/types";
import type { Look } from "./Plot";

/** A hint's content: the first line is its heading. Built of text, so that data is never markup. */
export function hint(lines: string[]): HTMLElement {
    const box = document.createElement("div");
    lines.forEach((line, i) => {
        const item = document.createElement(i === 0 ? "strong" : "div");
        item.textContent = line;
        box.append(item);
    });
    return box;
}

/** What stands beside the pointer; `lines` gets the index of the point. */
export function tooltip(look: Look, lines: (index: number) => string[], axis = true): NonNullable<EChartsOption["tooltip"]> {
    return {
        trigger: axis ? "axis" : "item",
        axisPointer: { type: axis ? "shadow" : "none", shadowStyle: { color: look.usual, opacity: 0.15 } },
        confine: true,
        transitionDuration: 0,
        backgroundColor: look.surface,
        borderColor: look.line,
        textStyle: { color: look.text, fontSize: look.px },
        formatter: (found: unknown) => {
            const first = (Array.isArray(found) ? found[0] : found) as { dataIndex?: number } | undefined;
            return hint(lines(first?.dataIndex ?? 0));
        },
    };
}

const axisText = (look: Look) => ({ color: look.muted, fontSize: look.px });

export function categories(look: Look, names: string[], options: { name?: string; tall?: boolean; every?: number } = {}) {
    return {
        type: "category" as const,
        data: names,
        inverse: options.tall ?? false, // the first stands at the top
        axisTick: { show: false },
        axisLine: { lineStyle: { color: look.line } },
        axisLabel: {
            ...axisText(look),
            ...(options.tall ? { color: look.text, interval: 0, width: Math.min(look.px * 13, look.width * 0.32), overflow: "truncate" as const } : {}),
            ...(options.every ? { interval: options.every - 1 } : {}),
        },
        ...(options.name ? { name: options.name, nameLocation: "middle" as const, nameGap: look.px * 2.3, nameTextStyle: axisText(look) } : {}),
    };
}

export function values(look: Look, text: (value: number) => string, options: { name?: string; min?: number; max?: number; every?: number; whole?: boolean | undefined; scale?: boolean } = {}) {
    return {
        type: "value" as const,
        splitNumber: 4,
        scale: options.scale ?? false,
        ...(options.min === undefined ? {} : { min: options.min }),
        ...(options.max === undefined ? {} : { max: options.max }),
        ...(options.every === undefined ? {} : { interval: options.every }),
        ...(options.whole ? { minInterval: 1 } : {}),
        splitLine: { lineStyle: { color: look.line } },
        axisLabel: { ...axisText(look), formatter: text, hideOverlap: true },
        ...(options.name ? { name: options.name, nameLocation: "middle" as const, nameGap: look.px * 2.3, nameTextStyle: axisText(look) } : {}),
    };
}

export function statutColor(look: Look, statut: Statut): string {
    return { CRITIQUE: look.critique, ALERTE: look.alerte, SURVEILLANCE: look.surveillance, OK: look.ok }[statut];
}

export const endLabel = (look: Look) => ({ show: true, position: "right" as const, color: look.text, fontSize: look.px });
