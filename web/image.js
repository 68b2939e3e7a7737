// A drawing as MNIST has its digits: 20 × 20 pixels at most, their centre of mass in the middle of 28 × 28.

const SIDE = 28;
const BOX = 20;

// The smallest rectangle that holds all ink: [left, top, right, bottom], or null without ink.
function bounds(ink, side) {
    let [left, top, right, bottom] = [side, side, 0, 0];
    for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
            if (ink[y * side + x] > 0) {
                left = Math.min(left, x);
                right = Math.max(right, x + 1);
                top = Math.min(top, y);
                bottom = y + 1;
            }
        }
    }
    return right > 0 ? [left, top, right, bottom] : null;
}

// The mean ink of a part of the drawing.
function mean(ink, side, [left, top, right, bottom]) {
    let [sum, weight] = [0, 0];
    for (let y = Math.floor(top); y < bottom; y++) {
        const height = Math.min(y + 1, bottom) - Math.max(y, top);
        for (let x = Math.floor(left); x < right; x++) {
            const area = height * (Math.min(x + 1, right) - Math.max(x, left));
            sum += area * (ink[y * side + x] ?? 0);
            weight += area;
        }
    }
    return weight > 0 ? sum / weight : 0;
}

// `ink`: side × side numbers from 0 to 1, row by row. Returns 784 such numbers.
export function normalise(ink, side) {
    const image = new Float32Array(SIDE * SIDE);
    const box = bounds(ink, side);
    if (box === null) {
        return image;
    }
    const [left, top, right, bottom] = box;
    const step = Math.max(right - left, bottom - top) / BOX;
    const [columns, rows] = [Math.ceil((right - left) / step - 1e-9), Math.ceil((bottom - top) / step - 1e-9)];
    const pixels = [];
    let [mass, massX, massY] = [0, 0, 0];
    for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
            const corner = [left + x * step, top + y * step];
            const value = mean(ink, side, [...corner, corner[0] + step, corner[1] + step]);
            pixels.push([x, y, value]);
            mass += value;
            massX += value * (x + 0.5);
            massY += value * (y + 0.5);
        }
    }
    const shift = (centre, size) => Math.max(0, Math.min(SIDE - size, Math.round(SIDE / 2 - centre / mass)));
    const [dx, dy] = [shift(massX, columns), shift(massY, rows)];
    for (const [x, y, value] of pixels) {
        image[(y + dy) * SIDE + x + dx] = value;
    }
    return image;
}
