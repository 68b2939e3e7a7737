// Uses the page in Chromium as a person would, and takes pictures of it: node web/look.mjs CHROMIUM FOLDER
//
// Fails unless the page reads its ten digits and a stroke of the pointer rightly, explains a component, clears, takes a
// model and refuses a file that is none. FOLDER takes desktop.png and phone.png.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { promisify } from "node:util";

const [chromium, folder] = process.argv.slice(2);
const here = new URL(".", import.meta.url).pathname;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

// Holds the page in a frame, which may be narrower than Chromium's window, and uses it.
const frame = (width, height, use) => `<!doctype html><body style="margin:0"><pre id="said" hidden></pre>
<iframe style="border:0;width:${width}px;height:${height}px"></iframe>
<script type="module">
    const iframe = document.querySelector("iframe");
    iframe.src = "/";
    (${use})(iframe, document.getElementById("said"));
</script>`;

async function use(iframe, said) {
    await new Promise((done) => (iframe.onload = done));
    const { document: page, PointerEvent, DataTransfer, File, Event } = iframe.contentWindow;
    const $ = (id) => page.getElementById(id);
    const until = async (holds) => {
        for (let tries = 0; tries < 200 && !holds(); tries++) {
            await new Promise((done) => setTimeout(done, 25));
        }
    };
    const say = (what, value) => (said.textContent += `${what}: ${value}\n`);
    await until(() => $("answer").textContent !== "");

    let read = "";
    for (const button of [...$("digits").children]) {
        button.click();
        read += $("answer").textContent;
    }
    say("digits", read);
    const { left, top, width } = $("pad").getBoundingClientRect();
    for (const [type, part] of [["pointerdown", 0.2], ["pointermove", 0.5], ["pointermove", 0.8], ["pointerup", 0.8]]) {
        const [clientX, clientY] = [left + 0.5 * width, top + part * width];
        $("pad").dispatchEvent(new PointerEvent(type, { clientX, clientY, bubbles: true, cancelable: true }));
    }
    say("stroke", $("answer").textContent);
    page.querySelector(".card").click();
    say("component", /^what component \d+ adds to the score$/.test($("whose").textContent));
    say("its share", page.querySelector(".card[aria-pressed=true] b").textContent === $("pixel-sum").textContent);
    $("clear").click();
    say("cleared", $("answer").textContent);

    const open = (name, content) => {
        const files = new DataTransfer();
        files.items.add(new File([content], name));
        $("file").files = files.files;
        $("file").dispatchEvent(new Event("change"));
    };
    open("none.safetensors", "no model");
    await until(() => $("refused").textContent !== "");
    say("refused", $("refused").textContent);
    open("own.safetensors", await (await fetch("/model.safetensors")).arrayBuffer());
    await until(() => $("model").textContent.startsWith("own"));
    say("opened", $("model").textContent);
}

const pages = {
    "/use": frame(1200, 1600, use),
    "/desktop": frame(1280, 1700, () => {}),
    "/phone": frame(390, 2500, () => {}),
};
const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url, "http://page");
    const name = pathname === "/" ? "/index.html" : pathname;
    try {
        response.setHeader("Content-Type", TYPES[extname(name)] ?? (pages[name] ? "text/html" : "application/octet-stream"));
        response.end(pages[name] ?? readFileSync(join(here, name)));
    } catch {
        response.writeHead(404).end();
    }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

async function browse(path, width, height, ...options) {
    const profile = mkdtempSync(join(tmpdir(), "page-"));
    const { stdout } = await promisify(execFile)(
        chromium,
        [
            ..."--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars".split(" "),
            ..."--disable-background-networking --disable-component-update --disable-sync".split(" "),
            `--user-data-dir=${profile}`,
            `--window-size=${width},${height}`,
            "--virtual-time-budget=20000",
            ...options,
            `http://127.0.0.1:${server.address().port}${path}`,
        ],
        { timeout: 120_000 },
    );
    rmSync(profile, { recursive: true, force: true });
    return stdout;
}

mkdirSync(folder, { recursive: true });
const said = (await browse("/use", 1200, 1600, "--dump-dom")).match(/<pre id="said"[^>]*>([^<]*)/)[1];
console.log(said.trim());
await browse("/desktop", 1280, 1700, `--screenshot=${folder}/desktop.png`);
await browse("/phone", 500, 2500, `--screenshot=${folder}/phone.png`);
server.close();

assert.equal(
    said,
    [
        "digits: 0123456789",
        "stroke: 1",
        "component: true",
        "its share: true",
        "cleared: ?",
        "refused: none.safetensors: This is not a model that gmlayer has saved.",
        "opened: own.safetensors: 32 components with a tied covariance of rank 16, 43,072 parameters.",
        "",
    ].join("\n"),
);
