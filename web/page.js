// The page: what is drawn goes through the layer, and what the layer says of it is shown.

import { OUTPUTS, readCheckpoint } from "./checkpoint.js";
import { normalise } from "./image.js";
import { Layer } from "./layer.js";
import { DIGITS, Pad, SIDE } from "./pad.js";
import { bell, paint } from "./pictures.js";

const FIRST = 8; // components that are shown at once
const $ = (id) => document.getElementById(id);
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
const percent = (share) => `${Math.round(100 * share)} %`;
const argmax = (values) => values.indexOf(Math.max(...values));
const sum = (values) => values.reduce((total, value) => total + value, 0);

function softmax(scores) {
    const powers = [...scores].map((score) => Math.exp(score - Math.max(...scores)));
    return powers.map((power) => power / sum(powers));
}

// A bar to the right for a positive value, to the left for a negative one, which has half the room.
const bar = (value, all) => {
    const largest = Math.max(...all, ...all.map((other) => -2 * other), Number.MIN_VALUE);
    const width = (200 / 3) * Math.abs(value / largest);
    return `<span class="bar"><span class="${value < 0 ? "against" : "for"}" style="width: ${width}%"></span></span>`;
};

async function load(name) {
    const response = await fetch(name);
    if (!response.ok) {
        throw new Error(`${name} is missing: the command "bash web/build.sh" builds the module.`);
    }
    return response.arrayBuffer();
}

class Page {
    #layer;
    #own; // the page's own model, to go back to
    #model;
    #pictures;
    #pad;
    #digit = null; // the score to explain; null for the highest
    #component = null; // the component whose pixels are shown; null for all

    constructor(instance, own) {
        this.#layer = new Layer(instance);
        this.#own = own;
        this.#pad = new Pad($("pad"), () => this.#show());
        this.#controls();
        this.#take(own, "The model of this page");
        this.#pad.drawDigit(new URLSearchParams(location.search).get("draw") ?? 3);
    }

    #controls() {
        DIGITS.forEach((path, digit) => {
            const button = document.createElement("button");
            button.setAttribute("aria-label", `Draw a ${digit}`);
            button.innerHTML = `<svg viewBox="40 20 200 240" aria-hidden="true"><path d="${path}"/></svg>`;
            button.onclick = () => this.#start(() => this.#pad.drawDigit(digit));
            $("digits").append(button);
        });
        $("clear").onclick = () => this.#start(() => this.#pad.clear());
        $("scores").onclick = ({ target }) => {
            const row = target.closest("[data-digit]");
            this.#digit = row && Number(row.dataset.digit);
            this.#show();
        };
        $("components").onclick = ({ target }) => {
            const card = target.closest("[data-component]");
            if (card) {
                const index = Number(card.dataset.component);
                this.#component = this.#component === index ? null : index;
                this.#show();
            }
        };
        $("all").onclick = () => {
            this.#component = null;
            this.#show();
        };
        $("others").ontoggle = () => this.#show();
        $("file").onchange = async ({ target }) => {
            const [file] = target.files;
            target.value = "";
            if (file) {
                this.#open(file.name, await file.arrayBuffer());
            }
        };
        $("back").onclick = () => this.#take(this.#own, "The model of this page");
        matchMedia("(prefers-color-scheme: dark)").onchange = () => this.#paintComponents();
    }

    // What is chosen belongs to one drawing.
    #start(draw) {
        [this.#digit, this.#component] = [null, null];
        draw();
    }

    #open(name, buffer) {
        try {
            this.#take(readCheckpoint(buffer), name);
        } catch (error) {
            $("refused").textContent = `${name}: ${error.message}`;
        }
    }

    #take(model, name) {
        if (!this.#layer.take(model)) {
            this.#layer.take(this.#model ?? this.#own);
            throw new Error("The model is too large for this page.");
        }
        this.#model = model;
        const { kind, components, rank, tied } = model.layer;
        const covariance = kind === "diagonal" ? "a diagonal covariance" : `a ${tied ? "tied" : "joint"} covariance of rank ${rank}`;
        const size = model.parameters.length.toLocaleString("en-GB");
        $("model").textContent = `${name}: ${components} components with ${covariance}, ${size} parameters.`;
        ["diagonal", "joint"].forEach((other) => (document.querySelector(`.${other}`).hidden = other !== kind));
        $("refused").textContent = "";
        $("back").hidden = model === this.#own;
        document.querySelectorAll(".count").forEach((place) => (place.textContent = components));
        [this.#digit, this.#component] = [null, null];
        this.#paintComponents();
    }

    #paintComponents() {
        this.#pictures = this.#model.pictures.map((values) => paint(document.createElement("canvas"), values));
        this.#show();
    }

    #show() {
        const image = normalise(this.#pad.ink(), SIDE);
        const scores = [...this.#layer.scores(image)];
        const empty = image.every((ink) => ink === 0);
        const best = argmax(scores);
        const digit = this.#digit ?? best;
        $("answer").textContent = empty ? "?" : best;
        $("sure").textContent = empty ? "Draw a digit to see its scores." : `wins, with a probability of ${percent(softmax(scores)[best])}`;
        document.body.classList.toggle("empty", empty);
        document.querySelectorAll(".digit").forEach((place) => (place.textContent = empty ? "a digit" : digit));
        document.querySelectorAll(".score").forEach((place) => (place.textContent = signed(scores[digit])));
        const focused = document.activeElement.dataset;
        this.#showScores(scores, empty ? null : digit);
        this.#showPixels(image, digit);
        this.#showComponents(digit);
        for (const [name, value] of Object.entries(focused)) {
            document.querySelector(`[data-${name}="${value}"]`)?.focus(); // the same button anew
        }
    }

    #showScores(scores, digit) {
        const probabilities = softmax(scores);
        $("scores").innerHTML = scores
            .map(
                (score, index) => `<button data-digit="${index}" aria-pressed="${index === digit}" class="row">
                    <b>${index}</b>${bar(score, scores)}<span>${signed(score)}</span><span>${percent(probabilities[index])}</span>
                </button>`,
            )
            .join("");
    }

    #showPixels(image, digit) {
        const slope = this.#layer.slope(digit, this.#component ?? undefined);
        const values = slope.map((value, pixel) => value * image[pixel]);
        paint($("pixels"), values, image);
        $("pixel-sum").textContent = signed(sum(values));
        const one = this.#component !== null;
        $("whose").textContent = one ? `what component ${this.#component + 1} adds to the score` : "the score";
        $("all").hidden = !one;
    }

    #showComponents(digit) {
        const components = this.#layer.components().map((component) => ({ ...component, share: component.shares[digit] }));
        components.sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
        const shares = components.map(({ share }) => share);
        const rest = components.slice(FIRST);
        $("others").hidden = rest.length === 0;
        $("rest").textContent = `The other ${rest.length} add ${signed(sum(shares.slice(FIRST)))} together`;
        const reach = Math.max(...components.map(({ mean, deviation }) => Math.abs(mean) + 2 * deviation)) || 1;
        const cards = (list) => list.map((component) => this.#card(component, reach, shares));
        $("first").replaceChildren(...cards(components.slice(0, FIRST)));
        $("rest-cards").replaceChildren(...($("others").open ? cards(rest) : []));
    }

    #card(component, reach, shares) {
        const card = document.createElement("button");
        card.className = "card";
        card.dataset.component = component.index;
        card.setAttribute("aria-pressed", component.index === this.#component);
        card.innerHTML = `<span class="name">Component ${component.index + 1}</span>${bell(component, reach)}
            <span class="firing">${percent(component.firing)} fire</span>
            <span class="share">${bar(component.share, shares)}<b>${signed(component.share)}</b></span>`;
        card.prepend(this.#pictures[component.index]);
        return card;
    }
}

try {
    const [module, model] = await Promise.all([load("gmlayer.wasm"), load("model.safetensors")]);
    const { instance } = await WebAssembly.instantiate(module);
    $("message").hidden = true;
    $("page").hidden = false;
    new Page(instance, readCheckpoint(model));
} catch (error) {
    [$("message").hidden, $("page").hidden] = [false, true];
    $("message").textContent = error.message;
}
