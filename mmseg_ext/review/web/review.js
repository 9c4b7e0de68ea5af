// The page of a review: the queue, what keys and pointers do, and what is saved when.

import { Controls, makeKey, setFlag } from './controls.js';
import { History } from './history.js';
import {
  acceptRegion, countDifference, fillHoles, findRegions, growRegion, isInside, makeMask, paintLine, paintPolygon, regionAt,
  replaceRegion, setDifference, setRegion, shrinkRegion,
} from './masks.js';
import { Outbox } from './outbox.js';
import { Picture } from './picture.js';
import * as server from './server.js';

/** @typedef {import('./masks.js').Mask} Mask */
/** @typedef {import('./masks.js').Region} Region */
/** @typedef {import('./masks.js').Point} Point */
/** @typedef {keyof typeof WORDS} Decision */
/** @typedef {{key: string, decision: Decision | null, isUnusable?: boolean}} Entry of the queue */
/** @typedef {{entries: Entry[], classes: {name: string, colour: number[]}[], commands: string[], [key: string]: any}} State */
/** @typedef {{key: string, info: any, mask: Mask, suggestion: Mask | null, image: HTMLImageElement,
 *   history: History, version: string, touched: boolean, dirty: boolean, edits: number}} Item */
/** @typedef {import('./outbox.js').Change<Item>} Change */

const DRAFT_DELAY = 700; // ms after the last edit
const SEEN_ENTRIES = 25; // of the queue, before and after the present one
const WORDS = {
  keep: 'kept', edit: 'edited', accept: 'accepted', region: 'accepted in a region', unknown: 'marked unknown',
  remove: 'to be removed', skip: 'skipped',
};

const byId = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const picture = new Picture(byId('picture'));
// Both from the server's answer to GET state, before anything else.
let state = /** @type {State} */ (/** @type {unknown} */ (null));
let controls = /** @type {Controls} */ (/** @type {unknown} */ (null));
/** @type {Item | null} */
let current = null;
let index = -1;
let tool = 'point';
let paintClass = 1;
let size = 12; // diameter of the brush in pixels of the image
let started = 0; // when the present mask was opened, less the time that the page was hidden
let hiddenSince = 0;
let opening = 0; // number of the latest opening: answers to earlier ones are dropped
let draftTimer = 0;
/** @type {Outbox<Item>} */
const outbox = new Outbox({ saved: showSaved, failed: showUnsaved });
/** @type {Promise<void> | null} */
let answering = null; // of an edit by the server: a decision waits for it
/** @type {Map<string, {history: History, version: string}>} */
const histories = new Map();
/** @type {{key: string, loading: Promise<any>} | null} */
let ahead = null; // the mask that probably comes next

const nothing = () => state.background ?? state.ignored;
const isReadOnly = () => state.to === null;
const canEdit = () => current !== null && !isReadOnly();
const hasSuggestion = () => Boolean(current?.suggestion);
const hasPlace = () => canEdit() && cursorPixel() !== null;

/** @param {string} text */
function say(text) {
  byId('status').textContent = text;
}

/** Show what went wrong, with ways out. @param {'unopened' | 'unsaved'} id @param {string} text
 * @param {Record<string, () => void>} [ways] */
function alarm(id, text, ways = {}) {
  const box = byId(id);
  const [words, buttons] = box.children;
  words.textContent = text;
  buttons.replaceChildren(...Object.entries(ways).map(([name, run]) => {
    const button = document.createElement('button');
    button.textContent = name;
    button.addEventListener('click', () => { box.hidden = true; run(); });
    return button;
  }));
  box.hidden = false;
}

// ---- the queue -----------------------------------------------------------------------------------------------------

const isLeft = (/** @type {Entry} */ entry) => entry.decision === null && !entry.isUnusable;
const wordOf = (/** @type {Entry} */ { decision, isUnusable }) => (isUnusable ? 'cannot be shown' : decision && WORDS[decision]);

/** Find the next mask without a decision; -1: none. @param {number} from */
function findNext(from) {
  const { entries } = state;
  for (let i = 1; i <= entries.length; i += 1) {
    const place = (from + i) % entries.length;
    if (isLeft(entries[place])) return place;
  }
  return -1;
}

function showPlace() {
  const { entries } = state;
  const left = entries.filter(isLeft).length;
  byId('place').textContent = `${index + 1} of ${entries.length} · ${left} left`;
  byId('progress').max = entries.length;
  byId('progress').value = entries.length - left;
  const first = Math.max(0, index - SEEN_ENTRIES);
  byId('queue').replaceChildren(...entries.slice(first, index + SEEN_ENTRIES + 1).map((entry, place) => {
    const line = document.createElement('li');
    const button = document.createElement('button');
    const word = document.createElement('span');
    word.textContent = wordOf(entry) ?? '';
    button.append(entry.key, word);
    button.setAttribute('aria-current', String(first + place === index));
    button.addEventListener('click', () => open(first + place));
    line.append(button);
    return line;
  }));
}

/** @param {string} key */
async function load(key) {
  const info = await server.item(key);
  const suggested = async () => {
    try {
      return info.suggestion ? await server.mask('suggestion', key, info) : null;
    } catch (error) {
      if (!(error instanceof server.Refused && error.status)) throw error;
      info.reasons.push(`the suggestion cannot be used: ${error.message}`);
      return null;
    }
  };
  const [mask, suggestion, image] = await Promise.all([server.mask('mask', key, info), suggested(), server.image(key)]);
  if (image.naturalWidth !== mask.width || image.naturalHeight !== mask.height) {
    const sizes = `${image.naturalWidth} × ${image.naturalHeight} and ${mask.width} × ${mask.height}`;
    throw new server.Refused(422, `Image and mask differ in size: ${sizes}.`);
  }
  return { key, info, mask, suggestion, image };
}

function lookAhead() {
  const next = findNext(index);
  if (next < 0 || next === index || ahead?.key === state.entries[next].key) return;
  const { key } = state.entries[next];
  ahead = { key, loading: outbox.sent.then(() => load(key)) }; // an edit of it, perhaps, is on its way
  ahead.loading.catch(() => { ahead = null; }); // it is said when the mask is opened
}

/** @param {Item | null} item */
function setCurrent(item) {
  current?.history.follow(null);
  item?.history.follow(item.mask);
  current = item;
  setFlag(picture.canvas, 'aria-busy', item === null);
}

/** @param {number} place */
async function open(place) {
  leave();
  const number = (opening += 1);
  index = place;
  const entry = state.entries[place];
  const { key } = entry;
  setCurrent(null); // until it is seen: no key that is typed ahead decides about it, or about the one before
  showPlace();
  byId('name').textContent = key;
  byId('unopened').hidden = true;
  try {
    const isAhead = ahead?.key === key;
    if (!isAhead) await outbox.sent; // of the same mask, perhaps
    const loading = isAhead ? /** @type {any} */ (ahead).loading : load(key);
    ahead = null;
    const loaded = await loading;
    entry.isUnusable = false;
    if (number !== opening) return;
    const kept = histories.get(key);
    const history = kept?.version === loaded.info.version ? /** @type {any} */ (kept).history : new History();
    setCurrent({ ...loaded, history, version: loaded.info.version, touched: false, dirty: false, edits: 0 });
    show();
    lookAhead();
  } catch (error) {
    if (number !== opening) return;
    picture.close();
    setFlag(picture.canvas, 'aria-busy', false);
    byId('why').replaceChildren();
    byId('about').textContent = '';
    entry.isUnusable = error instanceof server.Refused && error.status > 0;
    const next = findNext(index);
    const ways = { 'Try again': () => { open(place); }, 'Next mask': () => { open(next); } };
    alarm('unopened', /** @type {Error} */ (error).message, next < 0 || next === place ? { 'Try again': ways['Try again'] } : ways);
    showPlace();
    update();
  }
}

function show() {
  const { info, image, mask, suggestion } = /** @type {Item} */ (current);
  picture.open(image, mask, suggestion, info.boxes);
  picture.cursor = hover && picture.toImage(hover);
  const reasons = [...info.reasons];
  if (suggestion) {
    const count = countDifference(mask, suggestion);
    reasons.push(count ? `the suggestion differs in ${count.toLocaleString('en')} px` : 'the suggestion is identical');
  }
  byId('why').replaceChildren(...reasons.map((reason) => {
    const line = document.createElement('li');
    line.textContent = reason;
    return line;
  }));
  const decided = info.decision ? `, ${WORDS[/** @type {Decision} */ (info.decision)]}` : '';
  byId('about').textContent = `${mask.width} × ${mask.height} px${decided}`;
  started = performance.now();
  update();
}

/** @param {number} step */
const isPlace = (step) => index + step >= 0 && index + step < state.entries.length;

/** Show what was decided, and the commands for what comes next. */
function showSummary() {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const entry of state.entries) {
    const word = wordOf(entry) ?? 'left';
    counts[word] = (counts[word] ?? 0) + 1;
  }
  byId('summary-title').textContent = state.entries.some(isLeft) ? 'So far' : 'The queue is done';
  byId('counts').textContent = Object.entries(counts).map(([word, count]) => `${count} ${word}`).join(', ');
  byId('commands-title').hidden = !state.commands.length;
  byId('commands').replaceChildren(...state.commands.map((command) => {
    const line = document.createElement('pre');
    line.textContent = command;
    return line;
  }));
  if (!byId('summary').open) byId('summary').showModal();
}

// ---- saving --------------------------------------------------------------------------------------------------------

/** @param {Item} item @param {Decision | 'draft'} kind @param {Uint8Array | null} data */
function save(item, kind, data) {
  const seconds = kind === 'draft' ? 0 : (performance.now() - started) / 1000;
  item.dirty = false;
  outbox.add({ item, kind, data, seconds });
}

const entryOf = (/** @type {Item} */ { key }) => /** @type {Entry} */ (state.entries.find((entry) => entry.key === key));

/** @param {Change} change @param {any} answer */
function showSaved({ item, kind }, answer) {
  const isUndecided = kind === 'draft' && [null, 'skip'].includes(answer.decision);
  if (!isUndecided) entryOf(item).decision = answer.decision;
  histories.set(item.key, { history: item.history, version: item.version });
  byId('unsaved').hidden = true;
  showPlace();
  if (!byId('unopened').hidden && !state.entries[index].isUnusable) open(index); // the server is back
  if (item !== current && kind === 'draft') return;
  const word = isUndecided ? 'saved' : WORDS[/** @type {Decision} */ (answer.kind)];
  say(`${item.key}: ${word}, ${answer.changed.toLocaleString('en')} px changed`);
}

/** Say why a change is not saved, and offer what can be done. @param {Change} change @param {any} error */
function showUnsaved({ item }, error) {
  const giveUp = () => {
    outbox.drop(item);
    histories.delete(item.key);
    entryOf(item).decision = item.info.decision;
    item.dirty = false;
    open(state.entries.indexOf(entryOf(item)));
    outbox.send();
  };
  if (error.status === 409) {
    alarm('unsaved', `${item.key}: ${error.message}`, {
      'Load the other version': giveUp,
      'Overwrite it with mine': async () => {
        item.version = await server.item(item.key).then(({ version }) => version, () => item.version);
        outbox.send();
      },
    });
  } else {
    const others = new Set(outbox.changes.map((change) => change.item.key)).size - 1;
    const more = others ? ` (${others} more waiting)` : '';
    const ways = { 'Try again': () => outbox.send(), 'Discard it': giveUp };
    alarm('unsaved', `${item.key} is not saved${more}: ${error.message}`, ways);
  }
}

/** Save what has been edited and not yet decided. */
function saveDraft() {
  clearTimeout(draftTimer);
  if (canEdit() && current?.dirty) save(current, 'draft', current.mask.data.slice());
}

function leave() {
  cancelStroke();
  picture.polygon = [];
  saveDraft();
}

/** Decide about the present mask and go on. @param {Decision} kind */
function decide(kind) {
  if (!canEdit()) return;
  const item = /** @type {Item} */ (current);
  if (answering) {
    answering.then(() => { if (item === current) decide(kind); });
    return;
  }
  picture.polygon = [];
  cancelStroke();
  clearTimeout(draftTimer);
  if (kind === 'accept') {
    if (!item.suggestion) return;
    item.mask.data.set(item.suggestion.data);
  }
  if (kind === 'unknown') {
    if (item.suggestion) setDifference(item.mask, item.suggestion, state.ignored);
    else item.mask.data.fill(state.ignored);
  }
  if (kind === 'remove') item.mask.data.fill(state.ignored);
  if (item.history.record()) item.touched = true;
  if (kind === 'skip' && item.dirty) save(item, 'draft', item.mask.data.slice());
  const sent = item.touched && ['keep', 'unknown'].includes(kind) ? item.mask.data.slice() : null;
  save(item, kind, sent);
  state.entries[index].decision = kind;
  const next = findNext(index);
  if (next >= 0) open(next);
  else {
    picture.draw();
    showPlace();
    update();
    outbox.sent.then(() => { if (!outbox.changes.length) showSummary(); });
  }
}

// ---- editing -------------------------------------------------------------------------------------------------------

/** Change the mask as one step that can be undone. @param {(item: Item) => void} change */
function edit(change) {
  if (!canEdit()) return false;
  change(/** @type {Item} */ (current));
  return finishEdit();
}

function finishEdit() {
  if (!current?.history.record()) return false;
  changed();
  return true;
}

function changed() {
  const item = /** @type {Item} */ (current);
  item.touched = true;
  item.dirty = true;
  item.edits += 1;
  clearTimeout(draftTimer);
  draftTimer = window.setTimeout(saveDraft, DRAFT_DELAY);
  picture.draw();
  update();
}

/** The pixel at the cursor, or null. @returns {Point | null} */
function cursorPixel() {
  if (!current || !picture.cursor) return null;
  const pixel = { x: Math.floor(picture.cursor.x), y: Math.floor(picture.cursor.y) };
  return isInside(current.mask, pixel.x, pixel.y) ? pixel : null;
}

/** Change the mask by the region at the cursor. @param {(mask: Mask, region: Region) => void} change */
function editRegion(change, needsObject = true) {
  const pixel = cursorPixel();
  if (!canEdit() || !pixel) return;
  const { mask } = /** @type {Item} */ (current);
  if (needsObject && mask.data[pixel.y * mask.width + pixel.x] === state.background) {
    say('Point at an object first.');
    return;
  }
  edit(() => change(mask, regionAt(mask, pixel.x, pixel.y)));
}

function undo(isRedo = false) {
  if (!canEdit()) return;
  cancelStroke();
  const { history } = /** @type {Item} */ (current);
  if (isRedo ? history.redo() : history.undo()) changed();
}

function acceptHere() {
  const pixel = cursorPixel();
  if (!canEdit() || !hasSuggestion() || !pixel) return;
  const item = /** @type {Item} */ (current);
  const suggestion = /** @type {Mask} */ (item.suggestion);
  if (!edit(({ mask }) => acceptRegion(mask, suggestion, pixel.x, pixel.y, state.background))) {
    say('Mask and suggestion agree here.');
    return;
  }
  clearTimeout(draftTimer);
  save(item, 'region', item.mask.data.slice());
}

async function snap() {
  const pixel = cursorPixel();
  if (!canEdit() || !pixel) return;
  const item = /** @type {Item} */ (current);
  const { mask, edits } = item;
  const region = regionAt(mask, pixel.x, pixel.y);
  if (region.value === state.background) {
    say('Point at an object first.');
    return;
  }
  const sent = makeMask(mask.width, mask.height);
  setRegion(sent, region, 1);
  say('Snapping …');
  try {
    const shape = await server.snap(item.key, sent.data);
    if (item !== current || edits !== item.edits) return; // the mask is another by now
    const moved = edit(() => replaceRegion(mask, region, shape, state.background, nothing()));
    say(moved ? 'Snapped to the edges.' : 'No better edge found.');
  } catch (error) {
    say(/** @type {Error} */ (error).message);
  }
}

async function restore() {
  if (!canEdit()) return;
  const item = /** @type {Item} */ (current);
  try {
    const source = await server.mask('source', item.key, item.mask);
    if (item === current) edit(({ mask }) => mask.data.set(source.data));
  } catch (error) {
    say(/** @type {Error} */ (error).message);
  }
}

/** @param {() => Promise<void>} change */
function wait(change) {
  answering ??= change().finally(() => { answering = null; });
}

// ---- pointers ------------------------------------------------------------------------------------------------------

/** @type {Point | null} */
let hover = null; // where the mouse is on the canvas
/** @type {Map<number, Point>} */
const pointers = new Map();
/** @type {{kind: 'paint' | 'pan' | 'pinch' | 'tap', last: Point} | null} */
let stroke = null;

const paintValue = () => (tool === 'eraser' ? nothing() : paintClass);

/** @param {PointerEvent | WheelEvent} event @returns {Point} on the canvas */
function place(event) {
  const box = picture.canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/** @param {Point} from @param {Point} to in the image */
function paint(from, to) {
  // To the grid, so that the smallest brush paints the pixel that it points at, wherever in it.
  const snapped = (/** @type {number} */ at) => (size % 2 ? Math.floor(at) + 0.5 : Math.round(at));
  const [start, end] = [from, to].map(({ x, y }) => ({ x: snapped(x), y: snapped(y) }));
  paintLine(/** @type {Item} */ (current).mask, start, end, size / 2, paintValue());
  picture.draw();
}

/** Use the tool at a place of the image. @param {Point} at */
function useTool(at) {
  picture.cursor = at;
  if (tool === 'polygon' && canEdit()) {
    const [first] = picture.polygon;
    const isClosing = picture.polygon.length > 2 && Math.hypot(first.x - at.x, first.y - at.y) * picture.scale < 8;
    if (isClosing) closePolygon();
    else picture.polygon.push(at);
  }
  if (tool === 'fill') editRegion((mask, region) => setRegion(mask, region, paintClass), false);
  picture.draw();
  update();
}

function closePolygon() {
  const points = picture.polygon;
  picture.polygon = [];
  if (points.length > 2) edit(({ mask }) => paintPolygon(mask, points, paintClass));
  picture.draw();
}

function cancelStroke() {
  if (stroke?.kind === 'paint') {
    current?.history.revert();
    picture.draw();
  }
  stroke = null;
}

function onDown(/** @type {PointerEvent} */ event) {
  if (!current) return;
  picture.canvas.focus({ preventScroll: true });
  try {
    picture.canvas.setPointerCapture(event.pointerId);
  } catch { /* the pointer has gone already */ }
  pointers.set(event.pointerId, place(event));
  if (pointers.size > 1) { // a second finger: zoom and move instead
    cancelStroke();
    stroke = { kind: 'pinch', last: { x: 0, y: 0 } };
    return;
  }
  const at = picture.toImage(place(event));
  if (event.button !== 0) {
    stroke = { kind: 'pan', last: place(event) };
  } else if (canEdit() && (tool === 'brush' || tool === 'eraser')) {
    stroke = { kind: 'paint', last: at };
    picture.cursor = at;
    paint(at, at);
  } else if (tool === 'point') {
    stroke = { kind: 'pan', last: place(event) };
    useTool(at);
  } else {
    stroke = { kind: 'tap', last: at }; // used when it ends: a second finger may come
  }
}

function onMove(/** @type {PointerEvent} */ event) {
  if (!current) return;
  const now = place(event);
  hover = event.pointerType === 'mouse' ? now : null;
  if (stroke?.kind === 'pinch') {
    const [a, b] = [...pointers.values()];
    pointers.set(event.pointerId, now);
    const [c, d] = [...pointers.values()];
    if (!b || !d) return;
    const middle = { x: (c.x + d.x) / 2, y: (c.y + d.y) / 2 };
    picture.pan(middle.x - (a.x + b.x) / 2, middle.y - (a.y + b.y) / 2);
    picture.zoom(Math.hypot(c.x - d.x, c.y - d.y) / Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)), middle);
    return;
  }
  if (stroke?.kind === 'pan') {
    picture.pan(now.x - stroke.last.x, now.y - stroke.last.y);
    stroke.last = now;
    return;
  }
  picture.cursor = picture.toImage(now);
  if (stroke?.kind === 'paint') {
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) {
      const at = picture.toImage(place(each));
      paint(stroke.last, at);
      stroke.last = at;
    }
  }
  picture.draw();
  update();
}

function onUp(/** @type {PointerEvent} */ event) {
  pointers.delete(event.pointerId);
  if (stroke?.kind === 'pinch') {
    if (!pointers.size) stroke = null;
    return;
  }
  if (event.type === 'pointercancel') cancelStroke();
  if (stroke?.kind === 'paint') finishEdit();
  if (stroke?.kind === 'tap' && current) useTool(stroke.last);
  stroke = null;
}

// ---- keys and buttons ----------------------------------------------------------------------------------------------

const chooseTool = (/** @type {string} */ name) => () => {
  tool = name;
  picture.polygon = [];
  picture.brush = name === 'brush' || name === 'eraser' ? size : 0;
  picture.draw();
  update();
};
const toggle = (/** @type {keyof Picture['show']} */ name) => () => {
  picture.show[name] = !picture.show[name];
  picture.draw();
  update();
};

function setSize(/** @type {number} */ value) {
  size = Math.min(200, Math.max(1, Math.round(value)));
  byId('size').value = size;
  byId('size-shown').textContent = `${size} px`;
  if (picture.brush) picture.brush = size;
  picture.draw();
}

/** @type {import('./controls.js').Action[]} */
const actions = [
  { group: 'decisions', name: 'keep', key: 'Enter', text: 'Keep what is shown', run: () => decide('keep'), enabled: canEdit },
  { group: 'decisions', name: 'accept', key: 'a', text: 'Accept', more: 'Accept the suggestion', run: () => decide('accept'), enabled: () => canEdit() && hasSuggestion() },
  { group: 'decisions', name: 'region', key: 'r', text: 'Accept region', more: 'Accept the suggestion in the region under the cursor', run: acceptHere, enabled: () => hasPlace() && hasSuggestion() },
  { group: 'decisions', name: 'unknown', key: 'u', text: 'Unknown', more: 'Unknown: ignore the pixels where mask and suggestion differ; without a suggestion, all pixels', run: () => decide('unknown'), enabled: canEdit },
  { group: 'decisions', name: 'skip', key: 's', text: 'Skip', more: 'Skip: decide later', run: () => decide('skip'), enabled: canEdit },
  { group: 'decisions', name: 'remove', key: 'x', text: 'Remove image', more: 'Remove image: ignore all its pixels', run: () => decide('remove'), enabled: canEdit },
  { group: 'moves', name: 'previous', key: 'PageUp', text: 'Previous', more: 'Previous mask', run: () => open(index - 1), enabled: () => isPlace(-1) },
  { group: 'moves', name: 'next', key: 'PageDown', text: 'Next', more: 'Next mask', run: () => open(index + 1), enabled: () => isPlace(1) },
  { group: 'moves', name: 'summary', key: 'q', text: 'Summary', more: 'Decisions so far, and commands for the next steps', run: showSummary },
  { group: 'tools', name: 'point', key: 'w', text: 'Point', more: 'Point at regions, or drag the picture', run: chooseTool('point'), pressed: () => tool === 'point' },
  { group: 'tools', name: 'brush', key: 'b', text: 'Brush', run: chooseTool('brush'), pressed: () => tool === 'brush', enabled: canEdit },
  { group: 'tools', name: 'eraser', key: 'e', text: 'Eraser', run: chooseTool('eraser'), pressed: () => tool === 'eraser', enabled: canEdit },
  { group: 'tools', name: 'polygon', key: 'p', text: 'Polygon', run: chooseTool('polygon'), pressed: () => tool === 'polygon', enabled: canEdit },
  { group: 'tools', name: 'fill', key: 'f', text: 'Fill', more: 'Fill: give the clicked region the class', run: chooseTool('fill'), pressed: () => tool === 'fill', enabled: canEdit },
  { group: 'tools', name: 'undo', key: 'z', also: ['Ctrl+z'], text: 'Undo', run: () => undo(), enabled: () => canEdit() && Boolean(current?.history.done.length) },
  { group: 'tools', name: 'redo', key: 'y', also: ['Ctrl+y', 'Ctrl+Z'], text: 'Redo', run: () => undo(true), enabled: () => canEdit() && Boolean(current?.history.undone.length) },
  { group: 'tools', name: 'restore', key: 'l', text: 'Original', more: 'Restore the mask as it was before the review', run: () => wait(restore), enabled: canEdit },
  { group: 'edits', name: 'snap', key: 'n', text: 'Snap to edges', more: 'Snap the region to the edges of the image', run: () => wait(snap), enabled: hasPlace },
  { group: 'edits', name: 'class', key: 'c', text: 'Change class', more: 'Change the class of the region', run: () => editRegion((mask, region) => setRegion(mask, region, paintClass), false), enabled: hasPlace },
  { group: 'edits', name: 'grow', key: 'g', text: 'Grow', more: 'Grow the region by one pixel', run: () => editRegion((mask, region) => growRegion(mask, region, state.background)), enabled: hasPlace },
  { group: 'edits', name: 'shrink', key: 'G', text: 'Shrink', more: 'Shrink the region by one pixel', run: () => editRegion((mask, region) => shrinkRegion(mask, region, nothing())), enabled: hasPlace },
  { group: 'edits', name: 'holes', key: 'h', text: 'Fill holes', more: 'Fill the holes in the region', run: () => editRegion((mask, region) => fillHoles(mask, region, state.background)), enabled: hasPlace },
  { group: 'edits', name: 'delete', key: 'Delete', also: ['Backspace'], text: 'Remove', more: 'Remove the region', run: () => editRegion((mask, region) => setRegion(mask, region, nothing())), enabled: hasPlace },
  { group: 'edits', name: 'jump', key: 'j', text: 'Next region', more: 'Move the cursor to the next region', run: jump, enabled: () => current !== null },
  { group: 'views', name: 'mask', key: 'm', text: 'Mask', more: 'Show or hide the mask', run: toggle('mask'), pressed: () => picture.show.mask },
  { group: 'views', name: 'outline', key: 'o', text: 'Outline', more: 'Show the mask as an outline or filled', run: toggle('outline'), pressed: () => picture.show.outline },
  { group: 'views', name: 'suggestion', key: 'v', text: 'Suggestion', more: 'Show or hide the suggestion’s outline', run: toggle('suggestion'), pressed: () => picture.show.suggestion, enabled: hasSuggestion },
  { group: 'views', name: 'difference', key: 'd', text: 'Difference', more: 'Show where mask and suggestion differ', run: toggle('difference'), pressed: () => picture.show.difference, enabled: hasSuggestion },
  { group: 'views', name: 'places', key: 'k', text: 'Places', more: 'Show or hide the frames around findings', run: toggle('places'), pressed: () => picture.show.places, enabled: () => picture.boxes.length > 0 },
  { group: 'views', name: 'in', key: '+', also: ['='], text: 'Zoom in', run: () => picture.zoom(1.4) },
  { group: 'views', name: 'out', key: '-', text: 'Zoom out', run: () => picture.zoom(1 / 1.4) },
  { group: 'views', name: 'fit', key: 'Home', text: 'Fit', more: 'Fit the picture to the window', run: () => picture.fit() },
  { group: 'views', name: 'help', key: '?', text: 'Keys', more: 'Show this list', run: () => byId('help').showModal() },
];
const OTHER_KEYS = [
  ['0–9', 'Class to paint with'], ['i', 'Paint “unknown” (ignored)'], ['[ ]', 'Smaller, larger brush'],
  ['Arrows', 'Move the cursor (Shift: 10 px)'], ['Space', 'Use the tool at the cursor'],
  ['Enter', 'Close the polygon'], ['Esc', 'Cancel the polygon or stroke'],
];
function buildClasses() {
  const values = state.classes.map(({ name, colour }, value) => ({ name, colour, value, key: value < 10 ? value : '' }));
  values.push({ name: 'unknown (ignored)', colour: [128, 128, 128], value: state.ignored, key: 'i' });
  for (const { name, colour, value, key } of values) {
    const label = document.createElement('label');
    const choice = document.createElement('input');
    choice.type = 'radio';
    choice.name = 'class';
    choice.value = String(value);
    choice.addEventListener('change', () => { paintClass = value; });
    const swatch = document.createElement('span');
    swatch.className = 'swatch';
    swatch.style.backgroundColor = `rgb(${colour.join(',')})`;
    const shown = makeKey(String(key));
    shown.hidden = key === '';
    shown.setAttribute('aria-hidden', 'true');
    label.append(choice, swatch, name, shown);
    byId('classes').append(label);
  }
  chooseClass(state.classes.length > 1 ? 1 : 0);
}

/** @param {number} value */
function chooseClass(value) {
  const choice = document.querySelector(`#classes input[value="${value}"]`);
  if (!choice) return;
  /** @type {HTMLInputElement} */ (choice).checked = true;
  paintClass = value;
}

function update() {
  controls.update();
  if (current) {
    const about = current.suggestion ? ', with a suggestion' : ', without a suggestion';
    picture.canvas.setAttribute('aria-label', `${current.key}, ${current.mask.width} by ${current.mask.height} pixels${about}`);
  }
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {number[]} step @param {boolean} far */
function moveCursor([dx, dy], far) {
  if (!current) return;
  const { width, height } = current.mask;
  const from = picture.cursor ?? { x: Math.floor(width / 2) + 0.5, y: Math.floor(height / 2) + 0.5 };
  const step = far ? 10 : 1;
  const to = {
    x: Math.min(width - 0.5, Math.max(0.5, from.x + dx * step)), y: Math.min(height - 0.5, Math.max(0.5, from.y + dy * step)),
  };
  picture.cursor = to;
  picture.reveal(to);
  update();
}

/** Move the cursor to the next region, in the order of reading. */
function jump() {
  if (!current) return;
  const { mask } = current;
  const regions = findRegions(mask, state.background);
  if (!regions.length) return;
  const at = cursorPixel() ?? { x: -1, y: -1 };
  const order = (/** @type {Point} */ { x, y }) => y * mask.width + x;
  const { x, y } = regions.find((region) => order(region) > order(at)) ?? regions[0];
  picture.cursor = { x: x + 0.5, y: y + 0.5 };
  picture.reveal(picture.cursor);
  update();
}

function onKey(/** @type {KeyboardEvent} */ event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (!state || document.querySelector('dialog[open]') || event.altKey) return;
  if (target instanceof HTMLInputElement && (event.key.startsWith('Arrow') || event.key === ' ' || event.key === 'Home'
    || event.key.startsWith('Page'))) return;
  if (['BUTTON', 'SUMMARY'].includes(target.tagName) && ['Enter', ' '].includes(event.key)) return; // it is pressed
  const name = event.ctrlKey || event.metaKey ? `Ctrl+${event.key}` : event.key;
  if (event.key === 'Enter' && picture.polygon.length > 2) closePolygon();
  else if (controls.press(name)) { /* done */ } else if (name in MOVES) moveCursor(MOVES[/** @type {keyof typeof MOVES} */ (name)], event.shiftKey);
  else if (name === ' ') {
    if (!picture.cursor) moveCursor([0, 0], false);
    const at = /** @type {Point} */ (picture.cursor);
    if (tool === 'brush' || tool === 'eraser') edit(() => paint(at, at));
    else useTool(at);
  } else if (name === '[' || name === ']') setSize(name === '[' ? size / 1.25 - 0.5 : size * 1.25 + 0.5);
  else if (name === 'i') chooseClass(state.ignored);
  else if (/^[0-9]$/.test(name)) chooseClass(Number(name));
  else if (name === 'Escape') {
    cancelStroke();
    picture.polygon = [];
    picture.draw();
  } else return;
  event.preventDefault();
}

function wire() {
  const { canvas } = picture;
  canvas.addEventListener('pointerdown', onDown);
  canvas.addEventListener('pointermove', onMove);
  canvas.addEventListener('pointerup', onUp);
  canvas.addEventListener('pointercancel', onUp);
  canvas.addEventListener('pointerleave', () => { hover = null; });
  canvas.addEventListener('dblclick', () => { if (picture.polygon.length > 2) closePolygon(); });
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    picture.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), place(event));
  }, { passive: false });
  document.addEventListener('keydown', onKey);
  byId('size').addEventListener('input', () => setSize(byId('size').valueAsNumber));
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      hiddenSince = performance.now();
      saveDraft();
    } else started += performance.now() - hiddenSince;
  });
  window.addEventListener('beforeunload', (event) => {
    saveDraft();
    if (!outbox.changes.length) return;
    event.preventDefault(); // the browser asks whether to leave
  });
}

(async () => {
  state = await server.state();
  for (const entry of state.entries) if (entry.decision === 'skip') entry.decision = null; // at an earlier start
  picture.setClasses(state.classes, state.ignored, state.background);
  byId('sets').textContent = isReadOnly() ? `${state.labels} (read-only: no --to)` : `${state.labels} → ${state.to}`;
  controls = new Controls(actions, () => picture.canvas.focus({ preventScroll: true }));
  buildClasses();
  controls.list(byId('keys').tBodies[0], OTHER_KEYS);
  setSize(size);
  wire();
  const first = findNext(-1);
  await open(Math.max(0, first));
  if (first < 0) showSummary();
})().catch((error) => alarm('unopened', error.message));
