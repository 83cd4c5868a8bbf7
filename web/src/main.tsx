/* The entry: takes the answers that came with the page, asks for what else it needs, then draws. */
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/pages.css";
import "./styles/boards.css";
import "./styles/print.css";
import { render } from "preact";
import { takeAnswers } from "./api/client";
import { App, loadTheRest } from "./app";
import { startLive } from "./live";
import { startRouter } from "./router";
import { firstAnswers, startWarming } from "./warm";

takeAnswers();
startRouter();
void firstAnswers().then(() => {
    render(<App />, document.getElementById("app") as HTMLElement);
    startLive();
    startWarming();
    if (document.readyState === "complete") loadTheRest();
    else window.addEventListener("load", loadTheRest);
});
