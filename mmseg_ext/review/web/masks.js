// Operations on masks. Nothing here knows of a page: tests run this file in node.
//
// A mask is an array of class indices, row by row. Coordinates are in pixels; the centre of the first pixel is at
// (0.5, 0.5). A region is an 8-connected component of one class, as a bitmap within its box. `background` is the value
// that stands for "no object"; null where every class has objects, and then `nothing` is what an eraser leaves.

/** @typedef {{width: number, height: number, data: Uint8Array}} Mask */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box without its right column and bottom row */
/** @typedef {{box: Box, bits: Uint8Array, count: number, value: number}} Region */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {Int32Array} Runs start, length, value before, value after of each run of changed pixels */

/** @param {number} width @param {number} height @returns {Mask} */
export function makeMask(width, height, data = new Uint8Array(width * height)) {
  if (data.length !== width * height) throw new Error(`${data.length} pixels, expected ${width} × ${height}`);
  return { width, height, data };
}

/** @param {Mask} mask @param {number} x @param {number} y */
export function isInside(mask, x, y) {
  return x >= 0 && y >= 0 && x < mask.width && y < mask.height;
}

/** Set the pixels whose centre is within `radius` of the line between two points.
 * @param {Mask} mask @param {Point} from @param {Point} to @param {number} radius @param {number} value */
export function paintLine(mask, from, to, radius, value) {
  const box = clip(mask, {
    left: Math.floor(Math.min(from.x, to.x) - radius), right: Math.ceil(Math.max(from.x, to.x) + radius),
    top: Math.floor(Math.min(from.y, to.y) - radius), bottom: Math.ceil(Math.max(from.y, to.y) + radius),
  });
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length2 = dx * dx + dy * dy;
  const radius2 = radius * radius + 1e-9;
  for (let y = box.top; y < box.bottom; y += 1) {
    for (let x = box.left; x < box.right; x += 1) {
      const px = x + 0.5 - from.x;
      const py = y + 0.5 - from.y;
      const t = length2 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
      const ex = px - t * dx;
      const ey = py - t * dy;
      if (ex * ex + ey * ey <= radius2) mask.data[y * mask.width + x] = value;
    }
  }
}

/** Set the pixels whose centre lies in a polygon, by the even-odd rule.
 * @param {Mask} mask @param {Point[]} points @param {number} value */
export function paintPolygon(mask, points, value) {
  for (let y = 0; y < mask.height; y += 1) {
    const crossings = [];
    for (let i = 0; i < points.length; i += 1) {
      const a = points[i];
      const b = points[(i + 1) % points.length];
      if ((a.y <= y + 0.5) === (b.y <= y + 0.5)) continue;
      crossings.push(a.x + ((y + 0.5 - a.y) / (b.y - a.y)) * (b.x - a.x));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const start = Math.max(0, Math.ceil(crossings[i] - 0.5));
      const end = Math.min(mask.width, Math.ceil(crossings[i + 1] - 0.5));
      if (start < end) mask.data.fill(value, y * mask.width + start, y * mask.width + end);
    }
  }
}

/** Find the region at a pixel.
 * @param {Mask} mask @param {number} x @param {number} y @returns {Region} */
export function regionAt(mask, x, y) {
  const seen = new Uint8Array(mask.data.length);
  const { box, count } = flood(mask, x, y, seen);
  const columns = box.right - box.left;
  const bits = new Uint8Array(columns * (box.bottom - box.top));
  for (let row = box.top; row < box.bottom; row += 1) {
    const start = row * mask.width + box.left;
    bits.set(seen.subarray(start, start + columns), (row - box.top) * columns);
  }
  return { box, bits, count, value: mask.data[y * mask.width + x] };
}

/** List all regions but those of the background by their first pixels, in their order.
 * @param {Mask} mask @param {number | null} background
 * @returns {{x: number, y: number, value: number, count: number, box: Box}[]} */
export function findRegions(mask, background) {
  const seen = new Uint8Array(mask.data.length);
  const found = [];
  for (let i = 0; i < mask.data.length; i += 1) {
    if (seen[i] || mask.data[i] === background) continue;
    const x = i % mask.width;
    const y = Math.floor(i / mask.width);
    found.push({ x, y, value: mask.data[i], ...flood(mask, x, y, seen) });
  }
  return found;
}

/** Mark the pixels of the region at a pixel.
 * @param {Mask} mask @param {number} x @param {number} y @param {Uint8Array} seen gets a 1 for each */
function flood(mask, x, y, seen) {
  const { width, height, data } = mask;
  const value = data[y * width + x];
  const box = { left: x, top: y, right: x + 1, bottom: y + 1 };
  const stack = [y * width + x];
  let count = 0;
  while (stack.length) {
    const seed = /** @type {number} */ (stack.pop());
    if (seen[seed]) continue;
    const row = Math.floor(seed / width);
    const first = row * width;
    let left = seed;
    let right = seed + 1;
    while (left > first && data[left - 1] === value) left -= 1;
    while (right < first + width && data[right] === value) right += 1;
    seen.fill(1, left, right);
    count += right - left;
    box.left = Math.min(box.left, left - first);
    box.right = Math.max(box.right, right - first);
    box.top = Math.min(box.top, row);
    box.bottom = Math.max(box.bottom, row + 1);
    for (const other of [row - 1, row + 1]) {
      if (other < 0 || other >= height) continue;
      const shift = (other - row) * width;
      const end = Math.min(first + width, right + 1) + shift; // one further: corners touch
      let inRun = false;
      for (let i = Math.max(first, left - 1) + shift; i < end; i += 1) {
        const isNew = data[i] === value && !seen[i];
        if (isNew && !inRun) stack.push(i);
        inRun = isNew;
      }
    }
  }
  return { box, count };
}

/** Give a region another class, or remove it.
 * @param {Mask} mask @param {Region} region @param {number} value */
export function setRegion(mask, region, value) {
  eachPixel(mask, region, (pixel) => { mask.data[pixel] = value; });
}

/** Fill the holes of a region: the 4-connected parts of the background that it encloses.
 * @param {Mask} mask @param {Region} region @param {number | null} background null: whatever it encloses
 * @returns {number} of pixels */
export function fillHoles(mask, region, background) {
  const { box, bits } = region;
  const columns = box.right - box.left + 2; // with a margin, which is outside
  const rows = box.bottom - box.top + 2;
  const closed = new Uint8Array(columns * rows);
  for (let y = 0; y < rows - 2; y += 1) {
    closed.set(bits.subarray(y * (columns - 2), (y + 1) * (columns - 2)), (y + 1) * columns + 1);
  }
  const stack = [0];
  closed[0] = 2;
  while (stack.length) {
    const at = /** @type {number} */ (stack.pop());
    const column = at % columns;
    for (const next of [at - columns, at + columns, column ? at - 1 : -1, column < columns - 1 ? at + 1 : -1]) {
      if (next >= 0 && next < closed.length && !closed[next]) {
        closed[next] = 2;
        stack.push(next);
      }
    }
  }
  let filled = 0;
  for (let y = 1; y < rows - 1; y += 1) {
    for (let x = 1; x < columns - 1; x += 1) {
      const pixel = (box.top + y - 1) * mask.width + box.left + x - 1;
      if (closed[y * columns + x] || (background !== null && mask.data[pixel] !== background)) continue;
      mask.data[pixel] = region.value;
      filled += 1;
    }
  }
  return filled;
}

/** Grow a region by one pixel in the four directions, onto background (onto anything where there is none).
 * @param {Mask} mask @param {Region} region @param {number | null} background */
export function growRegion(mask, region, background) {
  const { width, height, data } = mask;
  const near = new Uint8Array(data.length); // by the region as it was
  eachPixel(mask, region, (pixel, x, y) => {
    if (x > 0) near[pixel - 1] = 1;
    if (x < width - 1) near[pixel + 1] = 1;
    if (y > 0) near[pixel - width] = 1;
    if (y < height - 1) near[pixel + width] = 1;
  });
  for (let pixel = 0; pixel < near.length; pixel += 1) {
    if (near[pixel] && (background === null || data[pixel] === background)) data[pixel] = region.value;
  }
}

/** Take a pixel from the border of a region, in the four directions. The border of the image is none.
 * @param {Mask} mask @param {Region} region @param {number} nothing */
export function shrinkRegion(mask, region, nothing) {
  const { width, height, data } = mask;
  /** @type {number[]} */
  const border = [];
  const { value } = region;
  eachPixel(mask, region, (pixel, x, y) => {
    if ((x > 0 && data[pixel - 1] !== value) || (x < width - 1 && data[pixel + 1] !== value)
      || (y > 0 && data[pixel - width] !== value) || (y < height - 1 && data[pixel + width] !== value)) {
      border.push(pixel);
    }
  });
  for (const pixel of border) data[pixel] = nothing;
}

/** Replace a region by another shape of its class; other objects stay.
 * @param {Mask} mask @param {Region} region @param {Uint8Array} shape of the whole mask, not 0 within
 * @param {number | null} background @param {number} nothing */
export function replaceRegion(mask, region, shape, background, nothing) {
  eachPixel(mask, region, (pixel) => { if (!shape[pixel]) mask.data[pixel] = nothing; });
  for (let pixel = 0; pixel < shape.length; pixel += 1) {
    if (shape[pixel] && (background === null || mask.data[pixel] === background)) mask.data[pixel] = region.value;
  }
}

/** Take the suggestion within the regions of mask and suggestion at a pixel.
 * @param {Mask} mask @param {Mask} suggestion @param {number} x @param {number} y @param {number | null} background */
export function acceptRegion(mask, suggestion, x, y, background) {
  const regions = [mask, suggestion].map((either) => regionAt(either, x, y)).filter((r) => r.value !== background);
  for (const region of regions) eachPixel(mask, region, (pixel) => { mask.data[pixel] = suggestion.data[pixel]; });
}

/** Set the pixels on which two masks differ. @param {Mask} mask @param {Mask} other @param {number} value */
export function setDifference(mask, other, value) {
  for (let i = 0; i < mask.data.length; i += 1) if (mask.data[i] !== other.data[i]) mask.data[i] = value;
}

/** Count the pixels on which two masks differ. @param {Mask} first @param {Mask} second */
export function countDifference(first, second) {
  let count = 0;
  for (let i = 0; i < first.data.length; i += 1) if (first.data[i] !== second.data[i]) count += 1;
  return count;
}

/** Find the runs of changed pixels, of two arrays that begin at a multiple of four bytes. @param {Uint8Array} before @param {Uint8Array} after @returns {Runs} */
export function findRuns(before, after) {
  const runs = [];
  const words = before.length >> 2; // most pixels are equal: four are compared at a time
  const [wordsBefore, wordsAfter] = [before, after].map(({ buffer, byteOffset }) => new Uint32Array(buffer, byteOffset, words));
  for (let i = 0; i < before.length; i += 1) {
    if (before[i] === after[i]) {
      if (i % 4 === 0) while (i + 4 <= 4 * words && wordsBefore[i / 4] === wordsAfter[i / 4]) i += 4;
      if (i >= before.length || before[i] === after[i]) continue;
    }
    const start = i;
    while (i + 1 < before.length && before[i + 1] === before[start] && after[i + 1] === after[start]) i += 1;
    runs.push(start, i + 1 - start, before[start], after[start]);
  }
  return Int32Array.from(runs);
}

/** What was done to a mask, as differences, to be undone and done again without limit. */
export class History {
  constructor() {
    /** @type {Runs[]} */
    this.done = [];
    /** @type {Runs[]} */
    this.undone = [];
  }

  /** Take down an edit. @param {Uint8Array} before @param {Uint8Array} after @returns whether anything changed */
  record(before, after) {
    const runs = findRuns(before, after);
    if (!runs.length) return false;
    this.done.push(runs);
    this.undone = [];
    return true;
  }

  /** @param {Mask} mask @returns whether there was anything to undo */
  undo(mask) {
    const runs = this.done.pop();
    if (!runs) return false;
    for (let i = 0; i < runs.length; i += 4) mask.data.fill(runs[i + 2], runs[i], runs[i] + runs[i + 1]);
    this.undone.push(runs);
    return true;
  }

  /** @param {Mask} mask @returns whether there was anything to do again */
  redo(mask) {
    const runs = this.undone.pop();
    if (!runs) return false;
    for (let i = 0; i < runs.length; i += 4) mask.data.fill(runs[i + 3], runs[i], runs[i] + runs[i + 1]);
    this.done.push(runs);
    return true;
  }
}

/** @param {Mask} mask @param {Region} region @param {(pixel: number, x: number, y: number) => void} visit */
function eachPixel(mask, region, visit) {
  const { box, bits } = region;
  let i = 0;
  for (let y = box.top; y < box.bottom; y += 1) {
    const row = y * mask.width;
    for (let x = box.left; x < box.right; x += 1, i += 1) if (bits[i]) visit(row + x, x, y);
  }
}

/** @param {Mask} mask @param {Box} box @returns {Box} */
function clip(mask, box) {
  return {
    left: Math.max(0, box.left), top: Math.max(0, box.top),
    right: Math.min(mask.width, box.right), bottom: Math.min(mask.height, box.bottom),
  };
}
