/* The statut of a vehicle: by word, sign and colour. */
import type { Catalog, Statut } from "../api/types";
import { statutLabel } from "../catalog";
import { StatutSign } from "./icons";

export function StatutBadge({ catalog, statut, large }: { catalog: Catalog | undefined; statut: Statut; large?: boolean }) {
    return (
        <span class={`badge badge-${statut.toLowerCase()}${large ? " badge-large" : ""}`}>
            <StatutSign statut={statut} size={large ? 13 : 11} />
            {statutLabel(catalog, statut)}
        </span>
    );
}
