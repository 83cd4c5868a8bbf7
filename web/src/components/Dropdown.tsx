/* A button that opens a panel below it; Escape and a click elsewhere close it. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { IconDown } from "./icons";

export function Dropdown({ label, icon, active, children, align }: {
    label: ComponentChildren;
    icon?: ComponentChildren;
    active?: boolean;
    align?: "right";
    children: ComponentChildren;
}) {
    const [open, setOpen] = useState(false);
    const root = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    const id = useId();
    useEffect(() => {
        if (!open) return undefined;
        const outside = (event: Event) => {
            if (!root.current?.contains(event.target as Node)) setOpen(false);
        };
        const escape = (event: KeyboardEvent) => {
            if (event.key !== "Escape") return;
            setOpen(false);
            button.current?.focus();
        };
        document.addEventListener("pointerdown", outside);
        document.addEventListener("focusin", outside);
        document.addEventListener("keydown", escape);
        return () => {
            document.removeEventListener("pointerdown", outside);
            document.removeEventListener("focusin", outside);
            document.removeEventListener("keydown", escape);
        };
    }, [open]);
    return (
        <div class="dropdown" ref={root}>
            <button type="button" ref={button} class={`control${active ? " control-active" : ""}`}
                aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
                {icon}
                <span>{label}</span>
                <IconDown size={14} />
            </button>
            <div id={id} class={`dropdown-panel${align === "right" ? " dropdown-right" : ""}`} hidden={!open}>
                {open && children}
            </div>
        </div>
    );
}
