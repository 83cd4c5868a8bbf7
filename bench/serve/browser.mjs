/* Times the pages in a real browser, from the request to the complete first view, each time with a
 * fresh profile; then the switch from page to page, and the bytes of the first load.
 *
 * usage: node browser.mjs ADDRESS [ROUNDS]     prints a line of a Markdown table
 *
 * Complete: every answer drawn, nothing waiting any more. The page itself watches for it at each
 * frame, so that the time of the tool that drives the browser does not count. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [address, rounds = "10"] = process.argv.slice(2);

/** Keeps the moments when the page became complete; runs in the page, before its own scripts. */
function watch() {
    const complete = () => document.getElementById("page-title") !== null
        && document.querySelector('.skeleton, main [aria-busy="true"]') === null
        && [...document.querySelectorAll(".plot")].every((plot) => plot.querySelector("svg") !== null
            || plot.getBoundingClientRect().top > innerHeight);
    window.completeAt = null;
    window.awaitComplete = () => {
        window.completeAt = null;
        const look = () => (complete() ? (window.completeAt = performance.now()) : requestAnimationFrame(look));
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
const firsts = [];
const switches = {};
let bytes = 0;
let requests = 0;
for (let round = 0; round < Number(rounds); round++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.addInitScript(watch);
    const network = await context.newCDPSession(page);
    await network.send("Network.enable");
    let received = 0;
    let asked = 0;
    network.on("Network.loadingFinished", (event) => (received += event.encodedDataLength));
    network.on("Network.requestWillBeSent", () => asked++);
    await page.goto(address);
    await page.waitForFunction(() => window.completeAt !== null);
    firsts.push(await page.evaluate(() => window.completeAt));
    await page.waitForLoadState("load");
    await page.waitForTimeout(1500); // what the page asks for while nothing else is to do
    bytes = Math.max(bytes, received);
    requests = Math.max(requests, asked);
    for (const path of ["/analyses", "/donnees", "/qualite", "/modele", "/"]) {
        await page.hover(`.nav a[href="${path}"]`); // as a person does, a moment before the click
        await page.waitForTimeout(100);
        const time = await page.evaluate(async (to) => {
            const link = document.querySelector(`.nav a[href="${to}"]`);
            const before = performance.now();
            link.click();
            window.awaitComplete();
            while (window.completeAt === null) await new Promise(requestAnimationFrame);
            return window.completeAt - before;
        }, path);
        (switches[path] ??= []).push(time);
    }
    await context.close();
}
await browser.close();
const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
const { rows: [run] } = { rows: (await (await fetch(`${address}/api/v1/runs`)).json()).runs };
console.log(`${run.vehicles} vehicles (load average ${load})\n`);
console.log("| what | median of " + rounds + " (least to most) |\n|---|---|");
console.log(`| first view complete, cold cache | ${ms(firsts)} |`);
for (const [path, times] of Object.entries(switches)) console.log(`| switch to ${path} | ${ms(times)} |`);
console.log(`| transferred, with what is fetched ahead | ${(bytes / 1000).toFixed(0)} kB in ${requests} requests |`);
