/* Times the pages in a real browser, from the request to the complete first view, each time with a
 * fresh profile; then the switch from page to page, and the bytes of the first load.
 *
 * usage: node browser.mjs ADDRESS [ROUNDS [OTHER]]     prints a Markdown table
 *   OTHER   a second server, asked in turn with the first: two programs under the same load
 *
 * Complete: every answer and every plot of the first screen is drawn, nothing on it waits any more, and
 * the frame with all that has had its style, layout and paint; for the first view also not before the
 * browser showed its first content. Awake: it hears the reader, too. The page itself watches, so that the tool that drives the browser does not count.
 *
 * The first view is timed twice: in a window that opens for it, when the browser still makes its own controls on the same
 * processors, and in one that has been open for a while, as when a link is followed. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [address, rounds = "10", other] = process.argv.slice(2);

/** Keeps the moment when the page became complete; runs in the page, before its own scripts. */
function watch() {
    const complete = () => document.getElementById("page-title") !== null
        && document.querySelector('.skeleton, main [aria-busy="true"]') === null
        && [...document.querySelectorAll(".plot")].every((plot) => plot.querySelector("svg") !== null
            || plot.getBoundingClientRect().top > innerHeight)
        // A list that is not whole yet ends below the screen.
        && [...document.querySelectorAll('[data-whole="false"]')].every((list) => list.getBoundingClientRect().bottom > innerHeight);
    window.completeAt = null;
    window.awaitComplete = () => {
        window.completeAt = null;
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => (window.completeAt = performance.now());
        // A frame's callbacks run before its style, layout and paint; a message from there comes after them.
        const look = () => (complete() ? port2.postMessage(null) : requestAnimationFrame(look));
        requestAnimationFrame(look);
    };
    window.awaitComplete();
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const ms = (values) => `${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
    args: ["--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
});

const note = (times, what, time) => (times[what] ??= []).push(time);

/** An empty window with a fresh profile. */
async function openWindow() {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.addInitScript(watch);
    return { context, page };
}

async function firstView(page, server) {
    await page.goto(server);
    await page.waitForFunction(() => window.completeAt !== null && performance.getEntriesByName("first-contentful-paint").length > 0);
    return page.evaluate(() => Math.max(window.completeAt, performance.getEntriesByName("first-contentful-paint")[0].startTime));
}

async function visitFromOpenWindow(server, times) {
    const { context, page } = await openWindow();
    await page.waitForTimeout(1500); // what the browser does for a new window
    note(times, "first view complete, cold cache, window open before", await firstView(page, server));
    await context.close();
}

/** One visit with a fresh profile: first view, what came over the wire, and a switch to each page. */
async function visit(server, times) {
    const { context, page } = await openWindow();
    const network = await context.newCDPSession(page);
    await network.send("Network.enable");
    let received = 0;
    let asked = 0;
    network.on("Network.loadingFinished", (event) => (received += event.encodedDataLength));
    network.on("Network.requestWillBeSent", () => asked++);
    note(times, "first view complete, cold cache", await firstView(page, server));
    await page.waitForLoadState("load");
    await page.waitForTimeout(1500); // what the page asks for while nothing else is to do
    const awake = await page.evaluate(() => performance.getEntriesByName("awake")[0]?.startTime);
    if (awake !== undefined) note(times, "first view awake", awake);
    note(times, "bytes", received);
    note(times, "requests", asked);
    for (const path of ["/analyses", "/donnees", "/qualite", "/modele", "/"]) {
        await page.hover(`.nav a[href="${path}"]`); // as a person does, a moment before the click
        await page.waitForTimeout(100);
        note(times, `switch to ${path}`, await page.evaluate(async (to) => {
            const link = document.querySelector(`.nav a[href="${to}"]`);
            const before = performance.now();
            link.click();
            window.awaitComplete();
            while (window.completeAt === null) await new Promise(requestAnimationFrame);
            return window.completeAt - before;
        }, path));
    }
    await context.close();
}

const servers = [address, other].filter(Boolean).map((server) => ({ server, times: {} }));
for (let round = 0; round < Number(rounds); round++) {
    for (const { server, times } of servers) await visit(server, times);
    for (const { server, times } of servers) await visitFromOpenWindow(server, times);
}
await browser.close();
const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
for (const { server, times: { bytes, requests, ...times } } of servers) {
    const { runs: [run] } = await (await fetch(`${server}/api/v1/runs`)).json();
    console.log(`${run.vehicles} vehicles, ${server} (load average ${load})\n`);
    console.log(`| what | median of ${rounds} (least to most) |\n|---|---|`);
    for (const [what, measured] of Object.entries(times)) console.log(`| ${what} | ${ms(measured)} |`);
    console.log(`| transferred, with what is fetched ahead | ${(Math.max(...bytes) / 1000).toFixed(0)} kB in ${Math.max(...requests)} requests |\n`);
}
