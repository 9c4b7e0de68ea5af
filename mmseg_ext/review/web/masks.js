// Operations on masks. Nothing here knows of a page: tests run this file in node.
//
// A mask is an array of class indices, row by row. Coordinates are in pixels; the centre of the first pixel is at
// (0.5, 0.5). A region is an 8-connected component of one class, as the spans of its rows. `background` is the value
// that stands for "no object"; null where every class has objects, and then `nothing` is what an eraser leaves.

/** @typedef {{width: number, height: number, data: Uint8Array}} Mask */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box without its right column and bottom row */
/** @typedef {{box: Box, spans: number[], count: number, value: number}} Region spans: first pixel, pixel after the last */
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
  return flood(mask, x, y, new Uint8Array(mask.data.length));
}

/** List all regions but those of the background by their first pixels, in their order.
 * @param {Mask} mask @param {number | null} background @returns {(Region & Point)[]} */
export function findRegions(mask, background) {
  const seen = new Uint8Array(mask.data.length);
  const found = [];
  for (let i = 0; i < mask.data.length; i += 1) {
    if (seen[i] || mask.data[i] === background) continue;
    const x = i % mask.width;
    const y = Math.floor(i / mask.width);
    found.push({ x, y, ...flood(mask, x, y, seen) });
  }
  return found;
}

/** Find the connected pixels of one value.
 * @param {Mask} mask @param {number} x @param {number} y @param {Uint8Array} seen gets a 1 for each
 * @param {0 | 1} reach 1: corners connect @returns {Region} */
function flood(mask, x, y, seen, reach = 1) {
  const { width, height, data } = mask;
  const value = data[y * width + x];
  const box = { left: x, top: y, right: x + 1, bottom: y + 1 };
  const stack = [y * width + x];
  const spans = [];
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
    spans.push(left, right);
    count += right - left;
    box.left = Math.min(box.left, left - first);
    box.right = Math.max(box.right, right - first);
    box.top = Math.min(box.top, row);
    box.bottom = Math.max(box.bottom, row + 1);
    for (let other = row - 1; other <= row + 1; other += 2) {
      if (other < 0 || other >= height) continue;
      const shift = (other - row) * width;
      const end = Math.min(first + width, right + reach) + shift;
      let inRun = false;
      for (let i = Math.max(first, left - reach) + shift; i < end; i += 1) {
        const isNew = data[i] === value && !seen[i];
        if (isNew && !inRun) stack.push(i);
        inRun = isNew;
      }
    }
  }
  return { box, spans, count, value };
}

/** Give a region another class, or remove it.
 * @param {Mask} mask @param {Region} region @param {number} value */
export function setRegion(mask, { spans }, value) {
  for (let i = 0; i < spans.length; i += 2) mask.data.fill(value, spans[i], spans[i + 1]);
}

/** Fill the holes of a region: the 4-connected parts of the background that it encloses.
 * @param {Mask} mask @param {Region} region @param {number | null} background null: whatever it encloses */
export function fillHoles(mask, { box, spans, value }, background) {
  const around = makeMask(box.right - box.left + 2, box.bottom - box.top + 2); // with a margin, which is outside
  for (let i = 0; i < spans.length; i += 2) {
    const row = Math.floor(spans[i] / mask.width);
    const start = (row - box.top + 1) * around.width + spans[i] - row * mask.width - box.left + 1;
    around.data.fill(1, start, start + spans[i + 1] - spans[i]);
  }
  const outside = new Uint8Array(around.data.length);
  flood(around, 0, 0, outside, 0);
  let at = 0;
  for (let y = box.top - 1; y <= box.bottom; y += 1) {
    for (let x = box.left - 1; x <= box.right; x += 1, at += 1) {
      if (outside[at] || around.data[at]) continue;
      const pixel = y * mask.width + x;
      if (background === null || mask.data[pixel] === background) mask.data[pixel] = value;
    }
  }
}

/** Grow a region by one pixel in the four directions, onto background (onto anything where there is none).
 * @param {Mask} mask @param {Region} region @param {number | null} background */
export function growRegion(mask, { spans, value }, background) {
  const { width, data } = mask;
  const mayTake = (/** @type {number} */ pixel) => background === null || data[pixel] === background;
  for (let i = 0; i < spans.length; i += 2) { // the spans are those of the region as it was
    const [start, end] = [spans[i], spans[i + 1]];
    const first = start - (start % width);
    if (start > first && mayTake(start - 1)) data[start - 1] = value;
    if (end < first + width && mayTake(end)) data[end] = value;
    for (let other = first - width; other <= first + width; other += 2 * width) {
      if (other < 0 || other >= data.length) continue;
      const shift = other - first;
      for (let pixel = start + shift; pixel < end + shift; pixel += 1) if (mayTake(pixel)) data[pixel] = value;
    }
  }
}

/** Take a pixel from the border of a region, in the four directions. The border of the image is none.
 * @param {Mask} mask @param {Region} region @param {number} nothing */
export function shrinkRegion(mask, { spans, value }, nothing) {
  const { width, data } = mask;
  /** @type {number[]} */
  const border = [];
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i], spans[i + 1]];
    const first = start - (start % width);
    for (let pixel = start; pixel < end; pixel += 1) {
      if ((pixel === start && pixel > first) || (pixel === end - 1 && end < first + width)
        || (pixel >= width && data[pixel - width] !== value)
        || (pixel + width < data.length && data[pixel + width] !== value)) border.push(pixel);
    }
  }
  for (const pixel of border) data[pixel] = nothing;
}

/** Replace a region by another shape of its class; other objects stay.
 * @param {Mask} mask @param {Region} region @param {Uint8Array} shape of the whole mask, not 0 within
 * @param {number | null} background @param {number} nothing */
export function replaceRegion(mask, region, shape, background, nothing) {
  setRegion(mask, region, nothing);
  for (let i = 0; i < region.spans.length; i += 2) {
    for (let pixel = region.spans[i]; pixel < region.spans[i + 1]; pixel += 1) {
      if (shape[pixel]) mask.data[pixel] = region.value;
    }
  }
  for (let pixel = 0; pixel < shape.length; pixel += 1) {
    if (shape[pixel] && (background === null || mask.data[pixel] === background)) mask.data[pixel] = region.value;
  }
}

/** Take the suggestion within the regions of mask and suggestion at a pixel.
 * @param {Mask} mask @param {Mask} suggestion @param {number} x @param {number} y @param {number | null} background */
export function acceptRegion(mask, suggestion, x, y, background) {
  for (const { value, spans } of [mask, suggestion].map((either) => regionAt(either, x, y))) {
    if (value === background) continue;
    for (let i = 0; i < spans.length; i += 2) {
      mask.data.set(suggestion.data.subarray(spans[i], spans[i + 1]), spans[i]);
    }
  }
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
  const [first, second] = [before, after].map(({ buffer, byteOffset }) => new Uint32Array(buffer, byteOffset, words));
  for (let i = 0; i < before.length; i += 1) {
    if ((i & 3) === 0) {
      let word = i >> 2;
      while (word < words && first[word] === second[word]) word += 1;
      i = word << 2;
    }
    if (i >= before.length || before[i] === after[i]) continue;
    const start = i;
    const [was, is] = [before[i], after[i]];
    while (i + 1 < before.length && before[i + 1] === was && after[i + 1] === is) i += 1;
    runs.push(start, i + 1 - start, was, is);
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

/** @param {Mask} mask @param {Box} box @returns {Box} */
function clip(mask, box) {
  return {
    left: Math.max(0, box.left), top: Math.max(0, box.top),
    right: Math.min(mask.width, box.right), bottom: Math.min(mask.height, box.bottom),
  };
}
