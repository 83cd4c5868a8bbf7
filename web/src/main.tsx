/* The entry: takes the answers that came with the page, asks for what else it needs, then draws: first
 * the picture, as text that the browser parses in one go, then what makes it answer (Preact takes over
 * what stands there). Drawing node by node held the first picture up by half as long again. */
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/pages.css";
import "./styles/boards.css";
import "./styles/print.css";
import { hydrate } from "preact";
import { renderToString } from "preact-render-to-string";
import { takeAnswers } from "./api/client";
import { App, load, loadTheRest } from "./app";
import { startLive } from "./live";
import { place, startRouter } from "./router";
import { firstAnswers, startWarming } from "./warm";

const root = document.getElementById("app") as HTMLElement;
/** What a reader does first wakes the page before it reaches its target: no click is lost. */
const FIRST_SIGNS = ["pointerover", "pointerdown", "focusin", "keydown", "click"];
const WAIT = 1000; // ms; a page in the background shows nothing, and no browser must tell what it shows

let awake = false;

function wake(): void {
    if (awake) return;
    awake = true;
    for (const sign of FIRST_SIGNS) document.removeEventListener(sign, wake, true);
    hydrate(<App />, root);
    performance.mark("awake");
    startLive();
    startWarming();
    if (document.readyState === "complete") loadTheRest();
    else window.addEventListener("load", loadTheRest);
}

function draw(): void {
    try {
        root.innerHTML = renderToString(<App />);
    } catch (error) {
        console.error(error); // drawn by Preact instead, whose guard tells the reader
    }
    for (const sign of FIRST_SIGNS) document.addEventListener(sign, wake, true);
    new PerformanceObserver(wake).observe({ type: "paint", buffered: true });
    setTimeout(wake, WAIT);
}

takeAnswers();
startRouter();
void Promise.all([firstAnswers(), load(place.get().page).catch(() => undefined)]).then(draw);
