'use strict';

const get = (id) => document.getElementById(id);
const byWords = new Intl.Collator('en', { numeric: true }).compare;

function makeSortable(table) {
  const rows = [...table.tBodies[0].rows];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const valueOf = (row) => row.cells[column].firstChild.value;
    const numeric = isNumeric(rows.map(valueOf));
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    const areDigits = isNumeric(rows.map((row) => row.cells[column].textContent.replace('–', '')));
    if (areDigits) for (const cell of [head, ...rows.map((row) => row.cells[column])]) cell.classList.add('number');
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const descending = before ? before === 'ascending' : numeric;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      table.tBodies[0].append(...sorted(rows, valueOf, numeric, descending));
    });
  });
}

function readCard(element, index) {
  const facts = new Map();
  for (const pair of element.querySelectorAll('dl > div')) {
    facts.set(pair.querySelector('dt').textContent, pair.querySelector('data').value);
  }
  const title = element.querySelector('h3').textContent;
  return {
    element,
    index,
    title,
    search: title.toLowerCase(),
    facts,
    tags: new Set([...element.querySelectorAll('.marks li')].map((mark) => mark.textContent)),
    groups: new Set(JSON.parse(element.dataset.groups ?? '[]')),
    panels: [...element.querySelectorAll('.panel')],
  };
}

const cards = [...document.querySelectorAll('.card')].map(readCard);
let order = cards;
const chosen = new Set();
let descending = false;

function isShown(card) {
  const matches = card.search.includes(get('search').value.trim().toLowerCase());
  return matches && (chosen.size === 0 || [...chosen].some((tag) => card.tags.has(tag) || card.groups.has(tag)));
}

function filter() {
  let shown = 0;
  for (const card of cards) {
    card.element.hidden = !isShown(card);
    shown += !card.element.hidden;
  }
  get('count').textContent = shown === cards.length ? `${shown} cards` : `${shown} of ${cards.length} cards`;
  get('nothing').hidden = shown > 0 || cards.length === 0;
  for (const button of get('tags').children) {
    const tag = button.dataset.tag;
    button.setAttribute('aria-pressed', String(tag === undefined ? chosen.size === 0 : chosen.has(tag)));
  }
}

const valueOfFact = (name) => (card) => card.facts.get(name) ?? '';
const isNumericFact = (name) => isNumeric(cards.map(valueOfFact(name)));

function sort() {
  const name = get('sort').value;
  if (name === '') order = descending ? [...cards].reverse() : cards;
  else order = sorted(cards, valueOfFact(name), isNumericFact(name), descending);
  get('cards').append(...order.map((card) => card.element));
  get('direction').textContent = descending ? '↓' : '↑';
  get('direction').ariaLabel = descending ? 'Descending; change to ascending' : 'Ascending; change to descending';
  get('direction').title = descending ? 'descending' : 'ascending';
}

function chooseFact() {
  descending = get('sort').value !== '' && isNumericFact(get('sort').value);
  sort();
}

function addTagButton(label, count, tag) {
  const button = document.createElement('button');
  button.type = 'button';
  button.append(label, ' ', Object.assign(document.createElement('b'), { textContent: count }));
  if (tag !== undefined) button.dataset.tag = tag;
  button.addEventListener('click', () => {
    if (tag === undefined) chosen.clear();
    else if (!chosen.delete(tag)) chosen.add(tag);
    filter();
  });
  get('tags').append(button);
}

// A cell that names a tag or group shows its cards, and a group gets a button while it does.
function makeLink(link) {
  const tag = link.textContent;
  const count = cards.filter((card) => card.tags.has(tag) || card.groups.has(tag)).length;
  if (count === 0) {
    link.replaceWith(tag);
    return;
  }
  link.addEventListener('click', () => {
    if (![...get('tags').children].some((button) => button.dataset.tag === tag)) addTagButton(tag, count, tag);
    get('tags').hidden = false;
    chosen.clear();
    chosen.add(tag);
    filter();
    get('controls').scrollIntoView();
  });
}

function makeControls() {
  const counts = new Map();
  for (const card of cards) for (const tag of card.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  addTagButton('all', cards.length);
  for (const tag of [...counts.keys()].sort(byWords)) addTagButton(tag, counts.get(tag), tag);
  get('tags').hidden = counts.size === 0;

  const names = new Set(cards.flatMap((card) => [...card.facts.keys()]));
  for (const name of names) get('sort').append(new Option(name, name));
  if (names.has(get('sort').dataset.first)) get('sort').value = get('sort').dataset.first;
  get('sorting').hidden = names.size === 0;

  get('controls').hidden = cards.length === 0;
  get('controls').addEventListener('submit', (event) => event.preventDefault());
  get('search').addEventListener('input', filter);
  get('sort').addEventListener('change', chooseFact);
  get('direction').addEventListener('click', () => {
    descending = !descending;
    sort();
  });
  get('size').addEventListener('input', () => {
    get('cards').style.setProperty('--size', `${get('size').value}px`);
  });
  get('reset').addEventListener('click', () => {
    chosen.clear();
    get('search').value = '';
    filter();
    get('search').focus();
  });
}

// An enlarged picture shows its pixels, so that the border of a mask can be judged; a shrunk one is smoothed.
function sharpenIfEnlarged(image) {
  const scale = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
  image.classList.toggle('crisp', scale > 1);
}

let current;

function show(card, position) {
  current = { card, position };
  const panel = card.panels[position];
  get('viewer-title').textContent = card.title;
  get('viewer-caption').textContent = panel.textContent;
  get('viewer-image').alt = panel.textContent;
  get('viewer-image').src = panel.querySelector('img').src;
  get('previous').disabled = get('next').disabled = card.panels.length < 2;
  if (!get('viewer').open) get('viewer').showModal();
}

function turn(step) {
  const { card, position } = current;
  show(card, (position + step + card.panels.length) % card.panels.length);
}

function leap(step) {
  const visible = order.filter((card) => !card.element.hidden && card.panels.length > 0);
  const next = visible[visible.indexOf(current.card) + step];
  if (next) show(next, Math.min(current.position, next.panels.length - 1));
}

const STEPS = { ArrowLeft: [turn, -1], ArrowRight: [turn, 1], ArrowUp: [leap, -1], ArrowDown: [leap, 1] };

function makeViewer() {
  for (const card of cards) {
    card.panels.forEach((panel, position) => panel.addEventListener('click', () => show(card, position)));
  }
  get('viewer-image').addEventListener('load', (event) => sharpenIfEnlarged(event.target));
  get('previous').addEventListener('click', () => turn(-1));
  get('next').addEventListener('click', () => turn(1));
  get('close').addEventListener('click', () => get('viewer').close());
  get('viewer').addEventListener('click', (event) => event.target === get('viewer') && get('viewer').close());
  get('viewer').addEventListener('keydown', (event) => {
    if (!(event.key in STEPS)) return;
    const [move, step] = STEPS[event.key];
    move(step);
    event.preventDefault();
  });
  // Where the arrows have led to another card, the page shall stand there too.
  get('viewer').addEventListener('close', () => current.card.panels[current.position].focus());
}

document.querySelectorAll('table').forEach(makeSortable);
get('cards').style.setProperty('--panels', Math.min(4, Math.max(1, ...cards.map((card) => card.panels.length))));
makeControls();
document.querySelectorAll('.link').forEach(makeLink);
makeViewer();
chooseFact();
filter();
