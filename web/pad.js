// The square to draw on, and ten digits that it can draw by itself.

export const SIDE = 280;
const PEN = 22;

// Strokes of the digits 0 to 9, as SVG paths in the square.
export const DIGITS = [
    "M140 52C82 52 76 228 140 228S198 52 140 52Z",
    "M112 88L148 54V226",
    "M88 98C92 38 190 40 186 100C182 146 112 184 88 222H196",
    "M92 72C128 34 190 54 182 96C176 126 142 132 124 134C162 132 196 150 188 190C178 236 110 240 84 206",
    "M108 56L88 152H192M168 92V228",
    "M188 58H112L100 132C140 108 194 126 188 176C182 234 114 238 88 206",
    "M172 54C114 80 84 142 94 190C104 238 176 240 182 190C186 146 118 134 98 178",
    "M86 62H192C168 108 142 164 130 230",
    "M178 82C166 40 104 44 106 86C108 130 186 140 184 190C180 240 94 238 98 188C102 146 176 126 178 82Z",
    "M182 98C176 44 100 44 100 98C100 146 172 146 182 98C184 142 178 190 162 230",
];

export class Pad {
    #pen;
    #last = null;
    #example = false; // whether the digit is one of the page's, to which nobody would add a stroke

    // Calls `changed` after each change of the drawing.
    constructor(canvas, changed) {
        canvas.width = canvas.height = SIDE;
        this.#pen = canvas.getContext("2d", { willReadFrequently: true });
        Object.assign(this.#pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });
        this.changed = changed;
        canvas.addEventListener("pointerdown", (event) => {
            event.preventDefault();
            if (this.#example) {
                this.clear();
            }
            this.#line(event, canvas);
        });
        addEventListener("pointermove", (event) => this.#last && this.#line(event, canvas));
        for (const end of ["pointerup", "pointercancel"]) {
            addEventListener(end, () => (this.#last = null));
        }
    }

    clear() {
        this.#pen.clearRect(0, 0, SIDE, SIDE);
        this.#example = false;
        this.changed();
    }

    drawDigit(digit) {
        this.clear();
        this.#pen.stroke(new Path2D(DIGITS[digit]));
        this.#example = true;
        this.changed();
    }

    // SIDE × SIDE numbers from 0 to 1, row by row.
    ink() {
        const { data } = this.#pen.getImageData(0, 0, SIDE, SIDE);
        return Float32Array.from({ length: SIDE * SIDE }, (_, pixel) => data[4 * pixel + 3] / 255);
    }

    #line({ clientX, clientY }, canvas) {
        const { left, top, width, height } = canvas.getBoundingClientRect();
        const point = [((clientX - left) * SIDE) / width, ((clientY - top) * SIDE) / height];
        this.#pen.beginPath();
        this.#pen.moveTo(...(this.#last ?? point));
        this.#pen.lineTo(...point);
        this.#pen.stroke();
        this.#last = point;
        this.changed();
    }
}
