// Uses the page in Chromium as a person would, and takes pictures of it: node web/look.mjs CHROMIUM FOLDER
//
// Fails unless the page reads its ten digits and a stroke of the mouse rightly, explains a component, clears, takes a
// model, refuses a file that is none, and throws no error. FOLDER takes desktop.png and phone.png.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, resolve } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const LIMIT = 60_000; // ms for everything
const [chromium, folder] = process.argv.slice(2);
const here = new URL(".", import.meta.url).pathname;

// Chromium without a window, and one tab of it, by the DevTools protocol over a pipe.
class Browser {
    #process;
    #waiting = new Map();
    #session;
    errors = [];

    constructor(program, profile) {
        const options =
            "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
            `--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe --user-data-dir=${profile}`;
        this.#process = spawn(program, options.split(" "), { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
        this.closed = new Promise((done) => this.#process.on("exit", done));
        let text = "";
        this.#process.stdio[4].setEncoding("utf8").on("data", (part) => {
            const messages = (text + part).split("\0");
            text = messages.pop();
            messages.forEach((message) => this.#receive(JSON.parse(message)));
        });
    }

    #receive({ id, result, error, method, params }) {
        if (method === "Runtime.exceptionThrown") {
            this.errors.push(params.exceptionDetails.exception?.description);
        }
        const { done, failed } = this.#waiting.get(id) ?? {};
        error ? failed?.(new Error(error.message)) : done?.(result);
    }

    send(method, params = {}) {
        const id = this.#waiting.size + 1;
        this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: this.#session })}\0`);
        return new Promise((done, failed) => this.#waiting.set(id, { done, failed }));
    }

    async open() {
        const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
        this.#session = (await this.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
        await this.send("Runtime.enable");
    }

    // The value of an expression in the page, once it is one that counts as true.
    async value(expression) {
        for (;;) {
            const { result } = await this.send("Runtime.evaluate", { expression, returnByValue: true });
            if (result.value) {
                return result.value;
            }
            await new Promise((done) => setTimeout(done, 20));
        }
    }

    async picture(path) {
        const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
        writeFileSync(path, Buffer.from(data, "base64"));
    }

    close() {
        this.#process.kill();
        return this.closed;
    }
}

async function use(browser, address) {
    await browser.open();
    const size = (width, mobile) =>
        browser.send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile });
    const go = async (path) => {
        await browser.send("Page.navigate", { url: `${address}${path}` });
        await browser.value(`location.search === "${path.slice(1)}" && document.querySelector("#answer")?.textContent`);
    };
    const text = (selector) => browser.value(`document.querySelector("${selector}").textContent`);
    const click = (selector) => browser.value(`document.querySelector("${selector}").click() ?? true`);
    const choose = async (path) => {
        const { root } = await browser.send("DOM.getDocument");
        const { nodeId } = await browser.send("DOM.querySelector", { nodeId: root.nodeId, selector: "#file" });
        await browser.send("DOM.setFileInputFiles", { nodeId, files: [resolve(path)] });
    };

    await size(1280, false);
    await go("/?draw=8");
    assert.equal(await text("#answer"), "8");
    for (let digit = 0; digit < 10; digit++) {
        await click(`#digits button:nth-child(${digit + 1})`);
        assert.equal(await text("#answer"), String(digit));
    }

    const { left, top, width } = await browser.value('document.querySelector("#pad").getBoundingClientRect().toJSON()');
    for (const [type, part] of [["mousePressed", 0.2], ["mouseMoved", 0.5], ["mouseMoved", 0.8], ["mouseReleased", 0.8]]) {
        const [x, y] = [left + width / 2, top + part * width];
        await browser.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: 1, clickCount: 1 });
    }
    assert.equal(await text("#answer"), "1"); // the stroke alone: it takes the place of the digit that the page drew
    await click("[data-digit='7']");
    await click(".card");
    assert.match(await text("#whose"), /^what component \d+ adds to the score$/);
    assert.equal(await text(".card[aria-pressed=true] b"), await text("#pixel-sum"));
    const two = "[data-digit='2']";
    await browser.value(`document.querySelector("${two}").focus() ?? true`);
    await browser.send("Input.dispatchKeyEvent", { type: "keyDown", key: "Enter", code: "Enter", text: "\r" });
    await browser.value(`document.activeElement.matches("${two}[aria-pressed=true]")`);
    await click("#clear");
    assert.equal(await text("#answer"), "?");

    await choose(`${here}page.js`);
    assert.equal(await text("#refused"), "page.js: This is not a model that gmlayer has saved.");
    await choose(`${here}model.safetensors`);
    await browser.value('!document.querySelector("#back").hidden');
    assert.match(await text("#model"), /^model\.safetensors: 32 components with a tied covariance of rank 16/);

    await go("/?draw=3");
    await browser.picture(`${folder}/desktop.png`);
    await size(390, true);
    await browser.picture(`${folder}/phone.png`);
    assert.deepEqual(browser.errors, []);
}

const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url, "http://page");
    const name = pathname === "/" ? "/index.html" : pathname;
    response.setHeader("Content-Type", TYPES[extname(name)] ?? "application/octet-stream");
    try {
        response.end(readFileSync(join(here, name)));
    } catch {
        response.writeHead(404).end();
    }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
mkdirSync(folder, { recursive: true });
const profile = join(folder, "profile");
rmSync(profile, { recursive: true, force: true });
const browser = new Browser(chromium, resolve(profile));
try {
    const limit = new Promise((_, failed) => setTimeout(failed, LIMIT, new Error("the page took too long")).unref());
    const gone = browser.closed.then(() => Promise.reject(new Error("Chromium has ended")));
    await Promise.race([use(browser, `http://127.0.0.1:${server.address().port}`), limit, gone]);
    console.log("the page reads its digits, draws, explains, clears and opens models");
} finally {
    await browser.close();
    server.close();
}
