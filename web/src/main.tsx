/* The entry: takes the answers that came with the page, asks for what else it needs, then draws: first
 * the picture, as text that the browser parses in one go, then what makes it answer (Preact takes over
 * what stands there). Drawing node by node held the first picture up by half as long again. */
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/pages.css";
import "./styles/boards.css";
import "./styles/print.css";
import { hydrate, render } from "preact";
import { renderToString } from "preact-render-to-string";
import { arrived, takeAnswers } from "./api/client";
import { App, isLoaded, load, loadTheRest } from "./app";
import { startLive } from "./live";
import { prefs } from "./prefs";
import { place, startRouter } from "./router";
import { firstAnswers, startWarming } from "./warm";

const root = document.getElementById("app") as HTMLElement;
/** What a reader does first wakes the page before it reaches its target: no click is lost. */
const FIRST_SIGNS = ["pointerover", "pointerdown", "focusin", "keydown", "click"];
const WAIT = 1000; // ms; a page in the background shows nothing, and no browser must tell what it shows

let awake = false;
let drawn = "";

/** What the picture depends on. Preact takes over a picture of the same only: it does not look at attributes. */
const state = () => [location.href, arrived(), isLoaded(place.get().page), innerWidth, innerHeight, prefs.lang, prefs.theme].join(" ");

function wake(): void {
    if (awake) return;
    awake = true;
    for (const sign of FIRST_SIGNS) document.removeEventListener(sign, wake, true);
    if (drawn === state()) {
        hydrate(<App />, root);
    } else {
        root.textContent = "";
        render(<App />, root);
    }
    performance.mark("awake");
    startLive();
    startWarming();
    if (document.readyState === "complete") loadTheRest();
    else window.addEventListener("load", loadTheRest);
}

function draw(): void {
    try {
        root.innerHTML = renderToString(<App />);
        drawn = state();
    } catch (error) {
        console.error(error); // drawn by Preact instead, whose guard tells the reader
    }
    for (const sign of FIRST_SIGNS) document.addEventListener(sign, wake, true);
    new PerformanceObserver((seen) => seen.getEntriesByName("first-contentful-paint").length > 0 && wake()).observe({ type: "paint", buffered: true });
    setTimeout(wake, WAIT);
}

takeAnswers();
startRouter();
void firstAnswers(load(place.get().page).catch(() => undefined)).then(draw);
