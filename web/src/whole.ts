/* What is below the screen does not hold up what is on it: a page draws what the first screen can hold,
 * and the rest right after the first picture. */
import { useEffect, useState } from "preact/hooks";
import { wasScrolled } from "./router";

/** Whether all is drawn: from the start when it `fits` or the reader comes back to a place further down. What is not
 * whole says so by data-whole="false". */
export function useWhole(fits: boolean): boolean {
    const [whole, setWhole] = useState(() => fits || wasScrolled());
    useEffect(() => {
        if (!whole) requestAnimationFrame(() => setTimeout(() => setWhole(true)));
    }, []);
    return whole;
}

/** The first of `rows` until the page is whole: those that the screen has room for when each is at least `height` px
 * high and nothing of them stands above `top` px. */
export function useFirst<T>(rows: T[], height: number, top: number): T[] {
    const room = Math.max(1, Math.ceil((innerHeight - top) / height));
    return useWhole(rows.length <= room) ? rows : rows.slice(0, room);
}
