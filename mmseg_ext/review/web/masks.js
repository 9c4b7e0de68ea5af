// Operations on masks. Nothing here knows of a page: tests run it without one.
//
// A mask is an array of class indices, row by row. Coordinates are in pixels; the centre of the first pixel is at
// (0.5, 0.5). A region is an 8-connected component of one class, as the spans of its rows. `background` is the value
// that stands for "no object"; null where every class has objects, and then `nothing` is what an eraser leaves.

/** @typedef {{width: number, height: number, data: Uint8Array, words: Int32Array}} Mask words: four pixels at a time */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box without its right column and bottom row */
/** @typedef {{box: Box, spans: number[], count: number, value: number}} Region spans: first pixel, pixel after the last */
/** @typedef {{x: number, y: number}} Point */

/** @param {number} width @param {number} height @param {Uint8Array} data from the beginning of its buffer @returns {Mask} */
export function makeMask(width, height, data = new Uint8Array(width * height)) {
  if (data.length !== width * height) throw new Error(`${data.length} pixels, expected ${width} × ${height}`);
  return { width, height, data, words: new Int32Array(data.buffer, data.byteOffset, data.length >> 2) };
}

/** @param {Mask} mask @returns {Mask} */
export const copyMask = ({ width, height, data }) => makeMask(width, height, data.slice());

// Masks are runs of equal pixels for the most part, so that most of a search is done by words.

const repeated = (/** @type {number} */ value) => (value * 0x01010101) | 0;

/** Find the first pixel of another value; `end` if there is none. @param {Mask} mask @param {number} value
 * @param {number} pixel @param {number} end */
export function findOther({ data, words }, value, pixel, end) {
  for (; pixel < end && pixel & 3; pixel += 1) if (data[pixel] !== value) return pixel;
  const pattern = repeated(value);
  const last = end >> 2;
  let word = pixel >> 2;
  while (word < last && words[word] === pattern) word += 1;
  pixel = Math.max(pixel, word << 2);
  while (pixel < end && data[pixel] === value) pixel += 1;
  return pixel;
}

/** Find the first pixel of a value; `end` if there is none. @param {Mask} mask @param {number} value
 * @param {number} pixel @param {number} end */
function findValue({ data, words }, value, pixel, end) {
  for (; pixel < end && pixel & 3; pixel += 1) if (data[pixel] === value) return pixel;
  const pattern = repeated(value);
  const last = end >> 2;
  let word = pixel >> 2;
  for (; word < last; word += 1) {
    const zero = words[word] ^ pattern; // where it has a zero byte, that pixel has the value
    if ((zero - 0x01010101) & ~zero & 0x80808080) break;
  }
  pixel = Math.max(pixel, word << 2);
  while (pixel < end && data[pixel] !== value) pixel += 1;
  return pixel;
}

/** Find where the run of a pixel begins. @param {Mask} mask @param {number} pixel @param {number} first of its row */
function findStart({ data, words }, pixel, first) {
  const value = data[pixel];
  const pattern = repeated(value);
  while (pixel > first && data[pixel - 1] === value) {
    pixel -= 1;
    if (pixel & 3) continue;
    let word = pixel >> 2;
    while ((word - 1) << 2 >= first && words[word - 1] === pattern) word -= 1;
    pixel = word << 2;
  }
  return pixel;
}

/** Find the first pixel on which two masks differ; their length if there is none.
 * @param {Mask} first @param {Mask} second @param {number} pixel */
export function findDifference(first, second, pixel) {
  const end = first.data.length;
  for (; pixel < end && pixel & 3; pixel += 1) if (first.data[pixel] !== second.data[pixel]) return pixel;
  const words = first.words.length;
  let word = pixel >> 2;
  while (word < words && first.words[word] === second.words[word]) word += 1;
  pixel = Math.max(pixel, word << 2);
  while (pixel < end && first.data[pixel] === second.data[pixel]) pixel += 1;
  return pixel;
}

/** Give the pixels of a range another value. @param {Mask} mask @param {number | null} old only those of this value;
 * null: all @param {number} value @param {number} start @param {number} end */
function replaceValue(mask, old, value, start, end) {
  if (old === null) mask.data.fill(value, start, end);
  else {
    for (let pixel = findValue(mask, old, start, end); pixel < end; pixel = findValue(mask, old, pixel, end)) {
      const next = findOther(mask, old, pixel, end);
      mask.data.fill(value, pixel, next);
      pixel = next;
    }
  }
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

// A bit for each pixel, which touches little memory: fresh pages are what a flood of a large mask would wait for.
const makeBits = (/** @type {Mask} */ { data }) => new Uint8Array((data.length >> 3) + 1);
const hasBit = (/** @type {Uint8Array} */ bits, /** @type {number} */ pixel) => (bits[pixel >> 3] >> (pixel & 7)) & 1;

/** Find the region at a pixel.
 * @param {Mask} mask @param {number} x @param {number} y @returns {Region} */
export function regionAt(mask, x, y) {
  return flood(mask, y * mask.width + x, makeBits(mask));
}

/** List all regions but those of the background by their first pixels, in their order.
 * @param {Mask} mask @param {number | null} background @returns {(Region & Point)[]} */
export function findRegions(mask, background) {
  const { width, data } = mask;
  const seen = makeBits(mask);
  const found = [];
  for (let y = 0; y < mask.height; y += 1) {
    const end = (y + 1) * width;
    for (let run = y * width; run < end; run = findOther(mask, data[run], run, end)) {
      if (data[run] !== background && !hasBit(seen, run)) found.push({ x: run % width, y, ...flood(mask, run, seen) });
    }
  }
  return found;
}

/** Find the connected pixels of one value.
 * @param {Mask} mask @param {number} pixel one of them @param {Uint8Array} seen bits, set where a run of them begins
 * @param {0 | 1} reach 1: corners connect @returns {Region} */
function flood(mask, pixel, seen, reach = 1) {
  const { width, height, data } = mask;
  const value = data[pixel];
  const box = { left: width, top: height, right: 0, bottom: 0 };
  const spans = [];
  let count = 0;
  /** @type {number[]} */
  const stack = []; // of runs: first pixel, pixel after the last, and the same of the run that led to it
  /** Stack the runs of a row that reach into a range. @param {number} row its first pixel @param {number} start
   * @param {number} end @param {number} fromLeft @param {number} fromRight */
  const add = (row, start, end, fromLeft, fromRight) => {
    for (let at = findValue(mask, value, start, end); at < end;) {
      const left = findStart(mask, at, row);
      const right = findOther(mask, value, at, row + width);
      if (!hasBit(seen, left)) {
        seen[left >> 3] |= 1 << (left & 7);
        stack.push(left, right, fromLeft, fromRight);
      }
      at = findValue(mask, value, right, end);
    }
  };
  add(pixel - (pixel % width), pixel, pixel + 1, -1, -1);
  while (stack.length) {
    const [left, right, fromLeft, fromRight] = stack.splice(-4);
    const y = Math.floor(left / width);
    const row = y * width;
    spans.push(left, right);
    count += right - left;
    box.left = Math.min(box.left, left - row);
    box.right = Math.max(box.right, right - row);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y + 1);
    for (const other of [row - width, row + width]) {
      if (other < 0 || other >= data.length) continue;
      const start = Math.max(row, left - reach) - row + other;
      const end = Math.min(row + width, right + reach) - row + other;
      if (fromLeft >= other && fromLeft < other + width) { // it is there: look on both sides of it
        add(other, start, fromLeft, left, right);
        add(other, fromRight, end, left, right);
      } else add(other, start, end, left, right);
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
  setRegion(around, flood(around, 0, makeBits(around), 0), 1);
  for (let y = box.top; y < box.bottom; y += 1) { // what is 0 now is enclosed
    const first = (y - box.top + 1) * around.width;
    const end = first + around.width;
    const shift = y * mask.width + box.left - 1 - first;
    let hole = findValue(around, 0, first, end);
    while (hole < end) {
      const next = findOther(around, 0, hole, end);
      replaceValue(mask, background, value, hole + shift, next + shift);
      hole = findValue(around, 0, next, end);
    }
  }
}

/** Grow a region by one pixel in the four directions, onto background (onto anything where there is none).
 * @param {Mask} mask @param {Region} region @param {number | null} background */
export function growRegion(mask, { spans, value }, background) {
  const { width, data } = mask;
  for (let i = 0; i < spans.length; i += 2) { // the spans are those of the region as it was
    const [start, end] = [spans[i], spans[i + 1]];
    const first = start - (start % width);
    replaceValue(mask, background, value, Math.max(first, start - 1), Math.min(first + width, end + 1));
    if (first > 0) replaceValue(mask, background, value, start - width, end - width);
    if (end + width <= data.length) replaceValue(mask, background, value, start + width, end + width);
  }
}

/** Take a pixel from the border of a region, in the four directions. The border of the image is none.
 * @param {Mask} mask @param {Region} region @param {number} nothing */
export function shrinkRegion(mask, { spans, value }, nothing) {
  const { width, data } = mask;
  /** @type {number[]} */
  const border = []; // spans
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i], spans[i + 1]];
    const first = start - (start % width);
    if (start > first) border.push(start, start + 1);
    if (end < first + width) border.push(end - 1, end);
    for (const shift of [-width, width]) {
      if (start + shift < 0 || start + shift >= data.length) continue;
      let other = findOther(mask, value, start + shift, end + shift);
      while (other < end + shift) {
        const next = findValue(mask, value, other, end + shift);
        border.push(other - shift, next - shift);
        other = findOther(mask, value, next, end + shift);
      }
    }
  }
  for (let i = 0; i < border.length; i += 2) data.fill(nothing, border[i], border[i + 1]);
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
  const { data } = mask;
  for (let i = findDifference(mask, other, 0); i < data.length; i = findDifference(mask, other, i + 1)) data[i] = value;
}

/** Count the pixels on which two masks differ. @param {Mask} first @param {Mask} second */
export function countDifference(first, second) {
  const { length } = first.data;
  let count = 0;
  for (let i = findDifference(first, second, 0); i < length; i = findDifference(first, second, i + 1)) count += 1;
  return count;
}

/** @param {Mask} mask @param {Box} box @returns {Box} */
function clip(mask, box) {
  return {
    left: Math.max(0, box.left), top: Math.max(0, box.top),
    right: Math.min(mask.width, box.right), bottom: Math.min(mask.height, box.bottom),
  };
}
