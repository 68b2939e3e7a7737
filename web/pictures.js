// Pictures of numbers: positive ones in the colour "for", negative ones in the colour "against".

const IMAGE_SIDE = 28;
const [WIDTH, HEIGHT, FLOOR] = [120, 54, 42]; // of a bell curve

// A colour of the style sheet, as red, green and blue.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim().split(" ").map(Number);

// 784 numbers; the largest in size has the full colour. `ink` lies below them in grey.
export function paint(canvas, values, ink = []) {
    canvas.width = canvas.height = IMAGE_SIDE;
    const context = canvas.getContext("2d");
    const image = context.createImageData(IMAGE_SIDE, IMAGE_SIDE);
    const [above, below, grey] = ["--for", "--against", "--ink"].map(colour);
    const largest = Math.max(...values.map(Math.abs), Number.MIN_VALUE);
    values.forEach((value, pixel) => {
        const strength = Math.abs(value / largest) ** 0.7;
        const under = 0.12 * (ink[pixel] ?? 0) * (1 - strength);
        const alpha = strength + under;
        const mixed = (value > 0 ? above : below).map((part, place) => (strength * part + under * grey[place]) / (alpha || 1));
        image.data.set([...mixed, 255 * alpha], 4 * pixel);
    });
    context.putImageData(image, 0, 0);
    return canvas;
}

// The bell curve of inputs with this mean and deviation, on an axis from -reach to reach; what is above 0 is filled.
export function bell({ mean, deviation }, reach) {
    const spread = Math.max(deviation, reach / 100);
    const points = (from) =>
        Array.from({ length: 61 }, (_, step) => from + ((reach - from) * step) / 60).map((z) => {
            const height = Math.exp(-0.5 * ((z - mean) / spread) ** 2);
            const [x, y] = [((z + reach) / (2 * reach)) * WIDTH, FLOOR - (FLOOR - 4) * height];
            return `${x.toFixed(1)} ${y.toFixed(1)}`;
        });
    return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
        <path class="fires" d="M${WIDTH / 2} ${FLOOR}L${points(0).join("L")}L${WIDTH} ${FLOOR}Z"/>
        <path class="curve" d="M${points(-reach).join("L")}"/>
        <path class="axis" d="M0 ${FLOOR}H${WIDTH}M${WIDTH / 2} 2V${FLOOR}"/>
        <text x="${WIDTH / 2}" y="${HEIGHT - 2}">0</text>
    </svg>`;
}
