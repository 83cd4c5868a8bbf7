/* The entry: asks for the first page's data at once, then draws. */
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/pages.css";
import "./styles/boards.css";
import "./styles/print.css";
import { render } from "preact";
import { App, loadTheRest } from "./app";
import { startLive } from "./live";
import { startRouter } from "./router";
import { firstAnswers, startWarming } from "./warm";

startRouter();
void firstAnswers().then(() => {
    render(<App />, document.getElementById("app") as HTMLElement);
    startLive();
    startWarming();
    if (document.readyState === "complete") loadTheRest();
    else window.addEventListener("load", loadTheRest);
});
