/* Asks ahead for what the reader is about to open: the vehicle or the table behind the link that the
 * pointer or the focus is on. The answer is then mostly there when the page is drawn. */
import { get } from "./api/client";
import { gridPath } from "./pages/Data";
import { vehiclePath } from "./pages/Vehicle";
import { placeOf } from "./router";

function warm(event: Event): void {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.origin !== location.origin || link.hasAttribute("download")) return;
    const target = placeOf(link.pathname, link.search);
    if (target.page === "vehicle") get(vehiclePath(target));
    else if (target.page === "data") get(gridPath(target));
}

export function startWarming(): void {
    document.addEventListener("pointerover", warm, { passive: true });
    document.addEventListener("focusin", warm);
}
