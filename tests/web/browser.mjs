/* The pages in a real browser, served by the real program: what they show is what the API and gold
 * say, in every theme and language, by mouse and by keyboard, on every screen.
 *
 * usage: node tests/web/browser.mjs PROGRAM      prints `N passed, N failed`
 *   PROGRAM   build/autostream, with the pages in it
 * Environment: CHROMIUM, the browser; else the chromium on the path. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { addRun, DAY, emptyLake, FIRST_DAY, goldOf, lake, NEXT_DAY, readCsv, serve } from "./lake.mjs";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [program] = process.argv.slice(2);
assert.ok(program, "usage: browser.mjs PROGRAM");

const THEMES = ["sombre", "verre", "clair"];
const LANGS = ["fr", "en"];
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const WAIT_MS = 60_000; // only a stuck page waits so long; a busy machine is no failure

let passed = 0;
let failed = 0;

async function check(name, body) {
    try {
        await body();
        passed++;
        if (process.env.VERBOSE) console.log(`ok: ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAILED: ${name}\n${error.stack}`);
    }
}

// ---- the browser ----

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
    args: ["--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
});

/** A fresh profile with one page, which notes what it complains about and where it asks. */
async function open(base, viewport = DESK, more = {}) {
    const context = await browser.newContext({ viewport, locale: "fr-FR", acceptDownloads: true, ...more });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
        const url = new URL(request.url());
        if (url.origin !== new URL(base).origin && url.protocol !== "data:") complaints.push(`asked ${url.origin}`);
    });
    return { page, complaints, close: () => context.close(), go: (path) => visit(page, base + path) };
}

/** Waits until the page shows its answers, and all rows of its table, and hears the reader. */
async function settle(page) {
    await page.waitForFunction(() =>
        performance.getEntriesByName("awake").length > 0
        && document.getElementById("page-title") !== null
        && document.querySelector('.skeleton, main [aria-busy="true"], [data-whole="false"]') === null);
}

async function visit(page, url) {
    await page.goto(url);
    await settle(page);
}

const heading = (page) => page.locator("#page-title").innerText();

/** The vehicles of the grid, all its rows drawn. */
async function vinsOf(page) {
    await settle(page);
    return page.locator(".grid tbody .cell-vin").allInnerTexts();
}

const queryOf = (page) => Object.fromEntries(new URL(page.url()).searchParams);
const api = async (base, path) => (await fetch(`${base}/api/v1/${path}`)).json();

// ---- the tests ----

const data = lake(program, [FIRST_DAY, DAY], 50);
const server = await serve(program, data);
const gold = goldOf(data);
const vins = gold.map((row) => row.vin);
const first = vins[0];
const PATHS = ["/", "/analyses", "/donnees", `/vehicule/${first}`, "/qualite", "/modele"];

assert.equal(gold.length, 50);
assert.notEqual(gold[0].statut, "OK");

/** Nothing that axe calls a violation, of WCAG 2.2 A and AA and of its best practices. */
async function axeFinds(page) {
    await page.evaluate(AXE);
    const found = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations
        .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`));
    assert.deepEqual(found, []);
}

async function everyPage() {
    const tab = await open(server.url, DESK, { reducedMotion: "reduce" });
    for (const path of PATHS) {
        for (const theme of THEMES) {
            for (const lang of LANGS) {
                await check(`${path} loads in ${theme}, ${lang}`, async () => {
                    tab.complaints.length = 0;
                    await tab.go(`${path}?theme=${theme}&lang=${lang}`);
                    const root = tab.page.locator("html");
                    assert.equal(await root.getAttribute("lang"), lang);
                    assert.equal(await root.getAttribute("data-theme"), theme);
                    assert.equal(await tab.page.locator(".notice[role=alert]").count(), 0);
                    assert.deepEqual(tab.complaints, []);
                });
            }
            await check(`axe finds nothing on ${path} in ${theme}`, async () => {
                await tab.page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
                await axeFinds(tab.page);
            });
        }
    }
    await tab.close();
}

/** The first picture is text; what comes before Preact takes it over must not be lost on the reader. */
async function waking() {
    const asleep = () => (window.PerformanceObserver = class { observe() {} }); // until the page's own wait is over
    await check("an answer that comes before the page wakes is shown", async () => {
        const tab = await open(server.url);
        await tab.page.addInitScript(asleep);
        await tab.page.route("**/api/v1/model*", async (route) => {
            await tab.page.waitForSelector(".skeleton");
            await route.continue();
        });
        await tab.go("/modele");
        assert.ok(await tab.page.locator(".confusion").count() > 0);
        assert.deepEqual(tab.complaints, []);
        await tab.close();
    });
    await check("a click wakes the page and does what it should", async () => {
        const tab = await open(server.url);
        await tab.page.addInitScript(asleep);
        await tab.page.goto(`${server.url}/`);
        await tab.page.locator(".filter-toggle").dispatchEvent("click");
        assert.equal(await tab.page.locator(".filter-toggle").getAttribute("aria-expanded"), "true");
        await tab.close();
    });
}

/** The band of the usual range stands out from what it lies on by 3:1, as WCAG asks of pictures that say something. */
async function contrast() {
    const tab = await open(server.url);
    for (const theme of THEMES) {
        await check(`the usual range can be seen in ${theme}`, async () => {
            await tab.go(`/?theme=${theme}`);
            const ratios = await tab.page.evaluate(() => {
                const paint = document.createElement("canvas").getContext("2d");
                const style = getComputedStyle(document.documentElement);
                const luminance = (...layers) => { // the later on top
                    for (const name of layers) {
                        paint.fillStyle = style.getPropertyValue(`--${name}`);
                        paint.fillRect(0, 0, 1, 1);
                    }
                    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((x) => x / 255)
                        .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
                };
                const usual = luminance("usual");
                return [["surface-solid", "track"], ["surface-solid"], ["bg", "surface"]].map((layers) => luminance(...layers))
                    .map((under) => Math.max(usual, under) / Math.min(usual, under));
            });
            assert.ok(ratios.every((ratio) => ratio >= 3), ratios.join(", "));
        });
    }
    await tab.close();
}

/** Selections and orders: what gold's rows give, in gold's own values. */
const least = (p) => (row) => Number(row.prob_panne) >= p;
const byNumber = (name, way) => (a, b) => (a[name] === null) - (b[name] === null) || way * (Number(a[name]) - Number(b[name])) || (a.vin < b.vin ? -1 : 1);
const VIEWS = [
    { query: "", keep: () => true },
    { query: "statut=CRITIQUE", keep: (row) => row.statut === "CRITIQUE" },
    { query: "statut=CRITIQUE,OK&modele=Daily,Master", keep: (row) => ["CRITIQUE", "OK"].includes(row.statut) && ["Daily", "Master"].includes(row.modele) },
    { query: "panne=1,4", keep: (row) => ["1", "4"].includes(row.type_panne_predit) },
    { query: "prob_min=0.3", keep: least(0.3) },
    { query: "niveau=urgent", keep: least(0.7) },
    { query: "niveau=surveiller", keep: least(0.3) },
    { query: "sans_revision=1", keep: (row) => row.date_last_revis === null },
    { query: "q=75100", keep: (row) => row.vin.includes("75100") },
    { query: "q=SPRINT", keep: (row) => row.modele.toLowerCase().includes("sprint") },
    { query: "sort=-km_actuel", keep: () => true, order: byNumber("km_actuel", -1) },
    { query: "sort=score_risque", keep: () => true, order: byNumber("score_risque", 1) },
    { query: "sort=-score_risque&niveau=surveiller", keep: least(0.3), order: byNumber("score_risque", -1) },
];

async function gridEqualsGold() {
    const tab = await open(server.url);
    for (const { query, keep, order } of VIEWS) {
        await check(`the grid of ?${query} is gold's own`, async () => {
            const rows = gold.filter(keep);
            if (order) rows.sort(order);
            const wanted = rows.map((row) => row.vin);
            await tab.go(`/donnees?${query}`);
            assert.deepEqual(await vinsOf(tab.page), wanted);
            const answer = await api(server.url, `vehicles?${query}`);
            assert.deepEqual(answer.rows.map((row) => row.vin), wanted);
            assert.equal(answer.total, wanted.length);
        });
    }
    await check("pages of the grid follow one another", async () => {
        await tab.go("/donnees?size=20");
        const seen = await vinsOf(tab.page);
        while (await tab.page.locator(".pager-steps button").nth(2).isEnabled()) {
            await tab.page.locator(".pager-steps button").nth(2).click();
            await settle(tab.page);
            seen.push(...await vinsOf(tab.page));
        }
        assert.deepEqual(seen, vins);
        assert.equal(queryOf(tab.page).page, "3");
    });
    await check("no match says so and offers to clear the filters", async () => {
        await tab.go("/donnees?q=nobody-has-this");
        await tab.page.locator("main .notice button").click();
        await tab.page.locator(".grid").waitFor();
        assert.deepEqual(await vinsOf(tab.page), vins);
    });
    await tab.close();
}

async function filtersByHand() {
    const tab = await open(server.url);
    const { page } = tab;
    await check("quick view, search, sort and statut change address and rows alike", async () => {
        await tab.go("/donnees");
        await page.locator(".segment").nth(1).click();
        await page.waitForURL(/niveau=urgent/);
        await settle(page);
        assert.deepEqual(await vinsOf(page), gold.filter(least(0.7)).map((row) => row.vin));
        await page.locator(".segment").first().click();
        await page.locator("#filter-q").fill(first.toLowerCase());
        await page.waitForURL(/q=/);
        await settle(page);
        assert.deepEqual(await vinsOf(page), [first]);
        await page.locator("#filter-q").fill("");
        await page.waitForURL((url) => !url.searchParams.has("q"));
        await page.getByRole("button", { name: "Probabilité", exact: true }).click();
        await page.waitForURL(/sort=-prob_panne/);
        await settle(page);
        assert.equal(await page.locator("[aria-sort=descending]").count(), 1);
        assert.deepEqual(await vinsOf(page), [...gold].sort(byNumber("prob_panne", -1)).map((row) => row.vin));
    });
    await tab.close();
}

async function exports() {
    const tab = await open(server.url);
    await check("the export holds the selection, in gold's own values", async () => {
        await tab.go("/donnees?niveau=surveiller&sort=-km_actuel");
        await tab.page.getByRole("button", { name: "Exporter" }).click();
        const links = await tab.page.locator(".export-links a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
        const wanted = gold.filter(least(0.3)).sort(byNumber("km_actuel", -1));
        const plain = readCsv(await (await fetch(server.url + links.find((l) => l.includes("format=csv")))).text());
        assert.deepEqual(plain.map((row) => row.vin), wanted.map((row) => row.vin));
        plain.forEach((row, i) => {
            for (const name of ["modele", "statut", "type_panne_predit", "date_last_revis", "raisons"]) assert.equal(row[name], wanted[i][name], name);
            for (const name of ["prob_panne", "km_actuel", "score_risque"]) assert.equal(row[name] === null ? null : Number(row[name]), wanted[i][name] === null ? null : Number(wanted[i][name]), name);
        });
        const bytes = Buffer.from(await (await fetch(server.url + links.find((l) => l.includes("format=excel-fr")))).arrayBuffer());
        assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
        const excel = readCsv(bytes.subarray(3).toString("utf8"), ";");
        assert.deepEqual(excel.map((row) => Number(row.prob_panne.replace(",", "."))), wanted.map((row) => Number(row.prob_panne)));
        assert.ok(excel.some((row) => row.prob_panne.includes(",")));
    });
    await tab.close();
}

async function addresses() {
    const tab = await open(server.url);
    const { page } = tab;
    await check("a link opens the same view elsewhere", async () => {
        await tab.go("/donnees?statut=OK&sort=-km_actuel&size=10&page=2&lang=en&theme=verre");
        const other = await open(server.url);
        await visit(other.page, page.url());
        assert.deepEqual(await vinsOf(other.page), await vinsOf(page));
        assert.deepEqual(await vinsOf(page), gold.filter((row) => row.statut === "OK").sort(byNumber("km_actuel", -1)).slice(10, 20).map((row) => row.vin));
        assert.equal(await heading(other.page), "Data");
        await other.close();
    });
    await check("back and forward walk through the pages", async () => {
        await tab.go("/?lang=fr&theme=sombre");
        await page.locator(".nav a", { hasText: "Données" }).click();
        await page.locator(".cell-vin").nth(2).click();
        await page.waitForURL(/vehicule/);
        await settle(page);
        assert.equal(await heading(page), vins[2]);
        await page.goBack();
        await settle(page);
        assert.deepEqual(await vinsOf(page), vins);
        await page.goBack();
        await settle(page);
        assert.match(await heading(page), new RegExp(first));
        await page.goForward();
        await settle(page);
        assert.equal(await heading(page), "Données");
    });
    await check("an earlier run can be chosen", async () => {
        await tab.go(`/?run=${FIRST_DAY}`);
        const answer = await api(server.url, `vehicles?run=${FIRST_DAY}&size=1`);
        assert.match(await heading(page), new RegExp(answer.rows[0].vin));
        assert.equal(await page.locator(".ribbon").count(), 1);
    });
    for (const [path, what] of [["/vehicule/NOBODY", "NOBODY"], ["/donnees?sort=nothing", "nothing"], ["/donnees?run=2001-01-01", "2001"]]) {
        await check(`${path} is answered with what is wrong`, async () => {
            await tab.go(path);
            assert.match(await page.locator("main .notice").innerText(), new RegExp(what));
        });
    }
    await tab.close();
}

async function findings() {
    const tab = await open(server.url);
    const { page } = tab;
    const count = (keep) => gold.filter(keep).length;
    await check("the dashboard names the vehicle to call first, and all that are critical", async () => {
        await tab.go("/?lang=fr");
        assert.match(await heading(page), new RegExp(first));
        const shown = await page.locator(".hero-vin, .act-vin").allInnerTexts();
        const critical = gold.filter((row) => row.statut === "CRITIQUE").map((row) => row.vin);
        assert.deepEqual(shown.slice(0, critical.length), critical.slice(0, shown.length));
        assert.equal(await page.locator("[data-kpi=critiques] .kpi-value").innerText(), String(critical.length));
    });
    await check("a usual range is not parted by the end of a line", async () => {
        for (const lang of ["fr", "en"]) {
            await tab.go(`/?lang=${lang}`);
            const range = /\([^)]*\)/.exec(await page.locator(".hero-lines p").first().innerText());
            assert.ok(range && !range[0].includes(" "), `${range}`);
        }
    });
    await check("a filter leaves the fleet's figures alone", async () => {
        await tab.go("/?lang=fr&niveau=urgent");
        assert.equal(await page.locator("[data-kpi=vehicles] .kpi-value").innerText(), "50");
        assert.match(await page.locator("[data-kpi=vehicles] .kpi-selection").innerText(), new RegExp(String(count(least(0.7)))));
    });
    await check("the charts count what gold counts, and lead to it", async () => {
        await tab.go("/analyses?lang=fr");
        const row = page.locator(".row", { hasText: "Critique" }).first();
        assert.match(await row.locator(".row-value").innerText(), new RegExp(`^${count((r) => r.statut === "CRITIQUE")}\\b`));
        const kinds = [1, 2, 3, 4, 5].map((n) => count((r) => r.type_panne_predit === String(n))).sort((a, b) => b - a);
        const chart = page.locator(".chart", { hasText: "Pannes prédites" });
        await chart.locator("summary").click();
        const table = chart.locator("table");
        await table.waitFor();
        assert.deepEqual((await table.locator("tbody tr td:nth-child(2)").evaluateAll((all) => all.map((td) => Number(td.textContent)))), kinds);
        await page.locator(".thresholds a").nth(1).click();
        await page.waitForURL(/donnees\?prob_min=0\.4/);
        await settle(page);
        assert.deepEqual(await vinsOf(page), gold.filter(least(0.4)).map((r) => r.vin));
    });
    await check("a bar opens its vehicles, and says more when it is pointed at", async () => {
        await tab.go("/analyses?lang=fr");
        const bar = page.locator(".chart", { hasText: "Pannes prédites" }).locator(".row").first();
        await bar.hover();
        assert.match(await bar.locator(".hint").innerText(), /Critique\s:\s\d/);
        await bar.click();
        await page.waitForURL(/donnees\?panne=\d/);
    });
    await check("a click on a column opens its vehicles", async () => {
        await tab.go("/analyses?lang=fr");
        const plot = page.locator(".chart", { hasText: "seuils" }).locator(".plot-area");
        await plot.scrollIntoViewIfNeeded();
        const box = await plot.boundingBox();
        const at = [box.x + box.width * 0.92, box.y + box.height / 2];
        await page.mouse.move(...at);
        assert.match(await plot.locator(".hint").innerText(), /^90\D+95/);
        await page.mouse.click(...at);
        await page.waitForURL(/prob_min=0\.9/);
        await settle(page);
        assert.deepEqual((await vinsOf(page)).sort(), gold.filter(least(0.9)).map((r) => r.vin).sort());
    });
    await check("values that were replaced are named in words", async () => {
        await page.route("**/api/v1/quality*", async (route) => {
            const response = await route.fetch();
            const json = await response.json();
            json.lineage.telemetry.imputed = { temp_moteur: 2, vitesse: 1 };
            await route.fulfill({ response, json });
        });
        await tab.go("/qualite?lang=fr");
        assert.match(await page.locator(".figures .note").innerText(), /Température moteur 2, Vitesse 1\./);
        await page.unroute("**/api/v1/quality*");
    });
    await check("quarantined records can be read, by reason", async () => {
        const answer = await api(server.url, "quality");
        assert.ok(answer.quarantine.records > 0);
        const { reason } = answer.quarantine.reasons[0];
        await tab.go(`/qualite?reason=${encodeURIComponent(reason)}`);
        const found = await api(server.url, `quarantine?reason=${encodeURIComponent(reason)}&size=5`);
        assert.deepEqual(await page.locator(".sample-list pre").allTextContents(), found.rows.map((r) => r.raw));
    });
    await tab.close();
}

async function keyboard() {
    const tab = await open(server.url);
    const { page } = tab;
    const press = async (key, times = 1) => { for (let i = 0; i < times; i++) await page.keyboard.press(key); };
    const tabTo = async (what, most = 60) => {
        for (let i = 0; i < most; i++) {
            await press("Tab");
            if (await page.evaluate((s) => document.activeElement?.matches(s) ?? false, what)) return;
        }
        assert.fail(`${what} is not reached by ${most} tabs`);
    };
    await check("everything is reached by keyboard alone", async () => {
        await tab.go("/?lang=fr");
        await tabTo(".skip", 1);
        await tabTo(".nav a[href^='/donnees']");
        await press("Enter");
        await page.waitForURL(/donnees/);
        await settle(page);
        await page.waitForFunction(() => document.activeElement?.id === "page-title");
        await tabTo(".dropdown > button");
        await press("Enter");
        await tabTo(".dropdown-panel input");
        await press("Space");
        await page.waitForURL(/modele=/);
        await press("Escape");
        assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-expanded")), "false");
        await tabTo(".cell-vin");
        await press("Enter");
        await page.waitForURL(/vehicule/);
        await page.waitForFunction(() => document.getElementById("page-title")?.textContent?.includes("VIN-"));
        await settle(page);
        const before = await heading(page);
        await press("ArrowRight");
        await page.waitForFunction((vin) => document.getElementById("page-title")?.textContent !== vin, before);
        await settle(page);
        await press("ArrowLeft");
        await page.waitForFunction((vin) => document.getElementById("page-title")?.textContent === vin, before);
    });
    await check("a plot is read by keyboard, point by point, and leads to the vehicles", async () => {
        await tab.go("/analyses?lang=fr");
        const columns = (await api(server.url, "analytics")).prob_histogram.counts.length;
        await tabTo(".plot-area");
        const said = () => page.evaluate(() => document.activeElement?.getAttribute("aria-valuetext"));
        assert.match(await said(), /^0\D+5/);
        await press("End");
        assert.match(await said(), /^95\D+100/);
        assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-valuenow")), String(columns - 1));
        assert.equal(await page.locator(".plot-area .hint").count(), 1);
        await press("Escape");
        assert.equal(await page.locator(".plot-area .hint").count(), 0);
        await press("End");
        await press("ArrowLeft");
        await press("Enter");
        await page.waitForURL(/prob_min=0\.9&/);
    });
    await check("a chart's data opens by keyboard and links to the vehicles", async () => {
        await tab.go("/analyses?lang=fr");
        await tabTo(".chart-data summary");
        await press("Enter");
        await page.locator(".chart-data table").waitFor();
        await tabTo(".chart-data table a", 4);
        await press("Enter");
        await page.waitForURL(/donnees/);
    });
    await tab.close();
}

async function screens() {
    const phone = await open(server.url, PHONE, { hasTouch: true, isMobile: true });
    for (const path of PATHS) {
        for (const lang of LANGS) {
            await check(`${path} fits 390 px in ${lang}`, async () => {
                await phone.go(`${path}?lang=${lang}`);
                assert.ok(await phone.page.evaluate(() => document.documentElement.scrollWidth) <= PHONE.width);
            });
        }
    }
    await check("a phone shows the vehicle to call first on its first screen", async () => {
        await phone.go("/?lang=fr");
        const box = await phone.page.locator(".hero-vin").boundingBox();
        assert.ok(box && box.y + box.height < PHONE.height, JSON.stringify(box));
    });
    await phone.close();
    const wide = await open(server.url, { width: 3840, height: 2160 });
    await check("4k: the page grows with the screen", async () => {
        await wide.go("/analyses");
        assert.ok(parseFloat(await wide.page.evaluate(() => getComputedStyle(document.documentElement).fontSize)) > 20);
        assert.ok(await wide.page.evaluate(() => document.documentElement.scrollWidth) <= 3840);
    });
    await wide.close();
    const still = await open(server.url, DESK, { reducedMotion: "reduce" });
    await check("reduced motion: nothing moves", async () => {
        for (const path of PATHS) {
            await still.go(path);
            assert.equal(await still.page.evaluate(() => document.getAnimations().length), 0, path);
        }
    });
    await check("printed: black on white, no controls", async () => {
        await still.page.emulateMedia({ media: "print" });
        for (const path of PATHS) {
            await still.go(`${path}?theme=verre`);
            assert.equal(await still.page.locator("header.top").isVisible(), false);
            assert.equal(await still.page.evaluate(() => getComputedStyle(document.body).color), "rgb(0, 0, 0)");
            assert.ok((await still.page.pdf()).subarray(0, 5).toString() === "%PDF-");
        }
    });
    await still.close();
}

/** A page comes with its answers: it asks the API for nothing but events, unless a selection wants others. */
async function firstAnswers() {
    const tab = await open(server.url);
    const { page } = tab;
    let asked = [];
    page.on("request", (request) => asked.push(request.url().replace(/^.*\/api\/v1\//, "")));
    const askedOf = async (path) => {
        asked = [];
        await tab.go(path);
        return asked.filter((url) => !/^(http|events)/.test(url));
    };
    for (const path of ["/", "/?lang=en&theme=clair", "/donnees"]) {
        await check(`${path} draws what came with the page`, async () => assert.deepEqual(await askedOf(path), []));
    }
    await check("/analyses asks only for what lies in files", async () => assert.deepEqual(await askedOf("/analyses"), ["trends?by=day"]));
    await check("a selection and an earlier run ask for their own answers", async () => {
        assert.equal((await askedOf("/?niveau=urgent")).length, 2);
        assert.equal((await askedOf(`/?run=${FIRST_DAY}`)).length, 2);
        assert.equal((await askedOf("/donnees?page=2&size=10")).filter((url) => url.startsWith("vehicles")).length, 1);
    });
    await check("a link that is pointed at asks ahead, once, and changes nothing that is seen", async () => {
        await tab.go("/");
        asked = [];
        const before = await page.locator("#app").innerHTML();
        const answered = page.waitForResponse(/model/);
        await page.locator('.nav a[href="/modele"]').hover();
        await answered;
        await page.evaluate(() => new Promise((done) => setTimeout(done, 100))); // the page is drawn for nobody
        assert.equal(await page.locator("#app").innerHTML(), before);
        await page.locator('.nav a[href="/modele"]').click();
        await settle(page);
        assert.deepEqual(asked.filter((url) => url.startsWith("model")), ["model"]);
        assert.deepEqual(tab.complaints, []);
    });
    await tab.close();
}

async function newRun() {
    const tab = await open(server.url);
    const { page } = tab;
    await check("a new run appears without reload", async () => {
        await tab.go("/?lang=en");
        await page.evaluate(() => (window.stillHere = true));
        addRun(program, data, NEXT_DAY, 50, false);
        await page.locator(".toast").waitFor();
        await page.waitForFunction(() => document.querySelector(".eyebrow")?.textContent?.includes("24\u00a0November"));
        await settle(page);
        assert.match(await heading(page), new RegExp(goldOf(data)[0].vin));
        assert.equal(await page.evaluate(() => window.stillHere), true);
        assert.deepEqual(tab.complaints, []);
    });
    await check("a page that is loaded again shows the new run, not what it kept", async () => {
        await page.reload();
        await settle(page);
        assert.match(await heading(page), new RegExp(goldOf(data)[0].vin));
        assert.equal(await page.locator(".ribbon, .toast").count(), 0);
    });
    await tab.close();
}

async function noRun() {
    const empty = await serve(program, emptyLake());
    const tab = await open(empty.url);
    for (const path of PATHS) {
        await check(`${path} without any run says what to type`, async () => {
            await tab.go(`${path}?lang=en`);
            assert.match(await tab.page.locator("main").innerText(), /autostream (demo|run)/);
        });
    }
    await tab.close();
}

async function fleetOf(vehicles) {
    const folder = lake(program, [DAY], vehicles);
    const few = await serve(program, folder);
    const tab = await open(few.url);
    const [any] = goldOf(folder);
    for (const path of ["/", "/analyses", "/donnees", `/vehicule/${any.vin}`, "/qualite", "/modele"]) {
        await check(`${path} with ${vehicles} vehicles`, async () => {
            await tab.go(`${path}?lang=en`);
            assert.equal(await tab.page.locator(".notice[role=alert]").count(), 0);
            assert.deepEqual(tab.complaints, []);
        });
    }
    await check(`the grid counts ${vehicles} vehicles`, async () => {
        await tab.go("/donnees?lang=en");
        assert.match(await tab.page.locator(".page-top [role=status]").innerText(), new RegExp(`^${vehicles.toLocaleString("en-GB")} vehicle`));
        assert.equal((await vinsOf(tab.page))[0], any.vin);
    });
    await tab.close();
}

try {
    await everyPage();
    await waking();
    await contrast();
    await gridEqualsGold();
    await filtersByHand();
    await exports();
    await addresses();
    await findings();
    await keyboard();
    await screens();
    await firstAnswers();
    await newRun();
    await noRun();
    await fleetOf(1);
    await fleetOf(200_000);
} catch (error) {
    failed++;
    console.log(error.stack);
} finally {
    await browser.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
