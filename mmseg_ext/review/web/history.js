// What was done to a mask, to be undone and done again. Tests run it without a page.

import { copyMask, findDifference, findOther } from './masks.js';

/** @typedef {import('./masks.js').Mask} Mask */
/** @typedef {Int32Array} Runs start, length, value before, value after of each run of changed pixels */

/** Find the runs of changed pixels. @param {Mask} before @param {Mask} after @returns {Runs} */
function findRuns(before, after) {
  const { length } = before.data;
  const runs = [];
  for (let i = findDifference(before, after, 0); i < length;) {
    const [was, is] = [before.data[i], after.data[i]];
    const end = findOther(before, was, i, findOther(after, is, i, length));
    runs.push(i, end - i, was, is);
    i = findDifference(before, after, end);
  }
  return Int32Array.from(runs);
}

/** The steps of a mask as differences, without limit. */
export class History {
  constructor() {
    /** @type {Runs[]} */
    this.done = [];
    /** @type {Runs[]} */
    this.undone = [];
    /** @type {Mask | null} */
    this.mask = null;
    /** @type {Mask | null} */
    this.recorded = null; // the mask as it was after the last step
  }

  /** Follow a mask that is as this history left it; null: none, until it is needed again. @param {Mask | null} mask */
  follow(mask) {
    this.mask = mask;
    this.recorded = mask && copyMask(mask);
  }

  /** Record the changes as one step that can be undone. @returns whether there are any */
  record() {
    if (!this.mask || !this.recorded) return false;
    const runs = findRuns(this.recorded, this.mask);
    if (!runs.length) return false;
    this.write(runs, 3);
    this.done.push(runs);
    this.undone = [];
    return true;
  }

  /** Take back what has not been recorded. */
  revert() {
    if (this.mask && this.recorded) this.mask.data.set(this.recorded.data);
  }

  /** @returns whether there was anything to undo */
  undo() {
    const runs = this.done.pop();
    if (!runs) return false;
    this.write(runs, 2);
    this.undone.push(runs);
    return true;
  }

  /** @returns whether there was anything to do again */
  redo() {
    const runs = this.undone.pop();
    if (!runs) return false;
    this.write(runs, 3);
    this.done.push(runs);
    return true;
  }

  /** @param {Runs} runs @param {2 | 3} which value: before or after */
  write(runs, which) {
    for (const mask of [this.mask, this.recorded]) {
      for (let i = 0; i < runs.length; i += 4) mask?.data.fill(runs[i + which], runs[i], runs[i] + runs[i + 1]);
    }
  }
}
