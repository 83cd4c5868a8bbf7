/* Quality: see the routes in app.tsx. */
import { PageTitle } from "../components/PageTitle";
import { t } from "../i18n";
import type { Place } from "../router";

export function Quality(_: { place: Place }) {
    return <PageTitle title={t().pages.quality} />;
}
