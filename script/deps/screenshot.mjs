/* The browser's side of script/screenshot.
 *
 * usage: node screenshot.mjs ADDRESS FOLDER */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [address, folder] = process.argv.slice(2);

const { rows } = await (await fetch(`${address}/api/v1/vehicles?size=1`)).json();
const PAGES = {
    "tableau-de-bord": "/", "analyses": "/analyses", "donnees": "/donnees", "vehicule": `/vehicule/${rows[0].vin}`,
    "qualite": "/qualite", "modele": "/modele",
};
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const shots = [];
for (const [name, path] of Object.entries(PAGES)) {
    for (const theme of ["sombre", "verre"]) shots.push({ name: `${name}.${theme}`, path, theme, lang: "fr", viewport: DESK });
}
shots.push({ name: "dashboard.en", path: "/", theme: "sombre", lang: "en", viewport: DESK });
shots.push({ name: "telephone.verre", path: "/", theme: "verre", lang: "fr", viewport: PHONE });
shots.push({ name: "telephone.clair", path: `/vehicule/${rows[0].vin}`, theme: "clair", lang: "fr", viewport: PHONE });

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
    args: ["--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
});
for (const { name, path, theme, lang, viewport } of shots) {
    const context = await browser.newContext({ viewport, reducedMotion: "reduce", isMobile: viewport === PHONE });
    // The day of the pictures, so that the age of the data is the same whenever they are taken.
    await context.clock.setFixedTime(new Date("2026-11-23T12:00:00Z"));
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(`${address}${path}?theme=${theme}&lang=${lang}`);
    await page.waitForFunction(() => document.getElementById("page-title") !== null
        && document.querySelector('.skeleton, main [aria-busy="true"]') === null
        && [...document.querySelectorAll(".plot")].every((plot) => plot.querySelector("svg") !== null
            || plot.getBoundingClientRect().top > innerHeight));
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await context.close();
}
await browser.close();
