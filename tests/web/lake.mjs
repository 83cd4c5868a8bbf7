/* Lakes and servers for the tests of the pages: made by the program itself, gone when the tests end. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const FIRST_DAY = "2026-11-22";
export const DAY = "2026-11-23";
export const NEXT_DAY = "2026-11-24";

const folders = [];
const servers = [];

// However the tests end.
process.on("exit", () => {
    for (const server of servers) server.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function command(program, data, day, ...words) {
    const env = { ...process.env, AUTOSTREAM_LANG: "en" };
    delete env.AUTOSTREAM_DATA;
    execFileSync(program, ["--quiet", "--data", data, "--run-date", day, ...words], { stdio: ["ignore", "ignore", "pipe"], env });
}

/** One more run: raw data of this many vehicles, the model when there is none, results. */
export function addRun(program, data, day, vehicles, train) {
    command(program, data, day, "generate", "--vehicles", String(vehicles), "--seed", day.slice(-2), "--format", "ndjson",
        ...(vehicles === 50 ? ["--days", "6", "--messages-per-day", "2", "--faults", "3%"] : []));
    if (train) command(program, data, day, "train", "--seed", "42");
    command(program, data, day, "run");
}

export function emptyLake() {
    const data = mkdtempSync(join(tmpdir(), "autostream-web-"));
    folders.push(data);
    return data;
}

/** A lake with these runs; vehicles: how many each has. */
export function lake(program, days, vehicles) {
    const data = emptyLake();
    days.forEach((day, i) => addRun(program, data, day, vehicles, i === 0));
    return data;
}

/** A server on a free port; gives {url, close}. */
export function serve(program, data) {
    const child = spawn(program, ["--data", data, "--lang", "en", "serve", "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
    const server = { pid: child.pid, url: "", close: () => child.kill("SIGTERM") };
    servers.push(server);
    return new Promise((resolve, reject) => {
        let said = "";
        const hear = (chunk) => {
            said += chunk;
            const url = /http:\/\/[\w.:[\]]+/.exec(said)?.[0];
            if (url) resolve(Object.assign(server, { url }));
        };
        child.stdout.on("data", hear);
        child.stderr.on("data", hear);
        child.once("exit", (status) => reject(new Error(`serve ended with ${status}: ${said}`)));
    });
}

/** The rows of a CSV text (RFC 4180) as objects of texts; "" is null. */
export function readCsv(text, separator = ",") {
    const rows = [[""]];
    let quoted = false;
    for (let i = 0; i < text.length; i++) {
        const c = text[i];
        const row = rows[rows.length - 1];
        if (quoted) {
            if (c !== '"') row[row.length - 1] += c;
            else if (text[i + 1] === '"') row[row.length - 1] += text[++i];
            else quoted = false;
        } else if (c === '"') quoted = true;
        else if (c === separator) row.push("");
        else if (c === "\n") rows.push([""]);
        else if (c !== "\r") row[row.length - 1] += c;
    }
    if (rows[rows.length - 1].length === 1) rows.pop();
    const [head, ...body] = rows;
    return body.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i] === "" ? null : row[i]])));
}

const URGENCY = ["OK", "SURVEILLANCE", "ALERTE", "CRITIQUE"];

/** Gold's own rows, most urgent first. */
export function goldOf(data) {
    return readCsv(readFileSync(join(data, "gold/reporting_final.csv"), "utf8")).sort((a, b) =>
        URGENCY.indexOf(b.statut) - URGENCY.indexOf(a.statut) || Number(b.prob_panne) - Number(a.prob_panne) || (a.vin < b.vin ? -1 : 1));
}
