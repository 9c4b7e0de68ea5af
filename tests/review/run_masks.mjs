// Operations of masks.js and history.js, for cases [name, rows of a mask, …arguments].
import { History } from './history.js';
import * as masks from './masks.js';

const toMask = (rows) => masks.makeMask(rows[0].length, rows.length, Uint8Array.from(rows.flat()));
const toRows = ({ width, height, data }) => Array.from({ length: height }, (_, y) => [...data.slice(y * width, (y + 1) * width)]);
const plain = ({ box, count, value }) => [value, count, box.left, box.top, box.right, box.bottom];
const first = ({ x, y }) => [x, y];

const operations = {
  paintLine: (mask, from, to, radius, value) => { masks.paintLine(mask, from, to, radius, value); return toRows(mask); },
  paintPolygon: (mask, points, value) => { masks.paintPolygon(mask, points, value); return toRows(mask); },
  regionAt: (mask, x, y) => {
    const region = masks.regionAt(mask, x, y);
    mask.data.fill(0);
    masks.setRegion(mask, region, 1);
    return [plain(region), toRows(mask)];
  },
  findRegions: (mask, background) => masks.findRegions(mask, background).map((region) => [plain(region), first(region)]),
  atRegion: (mask, name, x, y, ...more) => {
    masks[name](mask, masks.regionAt(mask, x, y), ...more);
    return toRows(mask);
  },
  replaceRegion: (mask, x, y, shape, background, nothing) => {
    masks.replaceRegion(mask, masks.regionAt(mask, x, y), Uint8Array.from(shape.flat()), background, nothing);
    return toRows(mask);
  },
  acceptRegion: (mask, other, x, y, background) => {
    masks.acceptRegion(mask, toMask(other), x, y, background);
    return toRows(mask);
  },
  setDifference: (mask, other, value) => {
    const count = masks.countDifference(mask, toMask(other));
    masks.setDifference(mask, toMask(other), value);
    return [count, toRows(mask)];
  },
  // Each state becomes the mask in turn; then steps of undo (-1) and redo (+1), of which each state is returned.
  history: (mask, states, steps) => {
    const history = new History();
    history.follow(mask);
    const change = (rows) => {
      mask.data.set(toMask(rows).data);
      return history.record();
    };
    const recorded = states.map(change);
    return [recorded, steps.map((step) => {
      const did = step === -1 ? history.undo() : step === 1 ? history.redo() : change(step);
      return [did, toRows(mask)];
    })];
  },
};
export const run = (cases) => cases.map(([name, rows, ...args]) => operations[name](toMask(rows), ...args));
