// The gallery: cards that are filtered by tags and text, sorted by facts, and enlarged image by image.

function makeTableSortable(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const valueOf = (row) => row.cells[column].firstChild.value;
    const numeric = isNumeric(rows.map(valueOf));
    const showsNumbers = isNumeric(rows.map((row) => row.cells[column].textContent.replace('–', '')));
    if (showsNumbers) for (const row of table.rows) row.cells[column].classList.add('number');
    makeSortable(heading, numeric, (descending) => body.append(...sorted(rows, valueOf, numeric, descending)));
  });
}

function readCard(article) {
  const facts = new Map();
  for (const pair of article.querySelectorAll('dl > div')) {
    facts.set(pair.querySelector('dt').textContent, pair.querySelector('data').value);
  }
  const title = article.querySelector('h3').textContent;
  return {
    article,
    title,
    search: title.toLowerCase(),
    facts,
    tags: new Set([...article.querySelectorAll('.marks li')].map((mark) => mark.textContent)),
    groups: new Set(JSON.parse(article.dataset.groups ?? '[]')),
    panels: [...article.querySelectorAll('.panel')],
  };
}

const FIRST_CARDS = 12; // shown until the reader asks for all

const cards = [...document.querySelectorAll('.card')].map(readCard);
let orderedCards = cards;
const chosenTags = new Set();
let descending = false;
let showsAll = false;

const hasTag = (card, tag) => card.tags.has(tag) || card.groups.has(tag);

function isShown(card) {
  const matches = card.search.includes(get('search').value.trim().toLowerCase());
  return matches && (chosenTags.size === 0 || [...chosenTags].some((tag) => hasTag(card, tag)));
}

// Of the cards that match, the first stand on the page, the others behind a button.
function filterCards() {
  let shown = 0;
  for (const card of orderedCards) {
    card.article.hidden = !isShown(card);
    shown += !card.article.hidden;
    card.article.classList.toggle('later', !showsAll && shown > FIRST_CARDS);
  }
  get('more').hidden = showsAll || shown <= FIRST_CARDS;
  get('show-more').textContent = `Show all ${shown}`;
  get('count').textContent = `${shown === cards.length ? '' : `${shown} of `}${counted(cards.length, 'card')}`;
  get('nothing').hidden = shown > 0 || cards.length === 0;
  for (const button of get('tags').children) {
    const tag = button.dataset.tag;
    button.setAttribute('aria-pressed', String(tag === undefined ? chosenTags.size === 0 : chosenTags.has(tag)));
  }
}

function showAll() {
  const first = orderedCards.find((card) => card.article.classList.contains('later'));
  showsAll = true;
  filterCards();
  first?.article.querySelector('.panel')?.focus();
}

const valueOfFact = (name) => (card) => card.facts.get(name) ?? '';
const isNumericFact = (name) => isNumeric(cards.map(valueOfFact(name)));

function sortCards() {
  const name = get('sort').value;
  if (name === '') orderedCards = descending ? cards.toReversed() : cards;
  else orderedCards = sorted(cards, valueOfFact(name), isNumericFact(name), descending);
  get('cards').append(...orderedCards.map((card) => card.article));
  filterCards();
  get('direction').textContent = descending ? '↓' : '↑';
  get('direction').ariaLabel = descending ? 'Descending; switch to ascending' : 'Ascending; switch to descending';
  get('direction').title = descending ? 'descending' : 'ascending';
}

function sortByChosenFact() {
  descending = get('sort').value !== '' && isNumericFact(get('sort').value);
  sortCards();
}

function addTagButton(label, count, tag) {
  const button = element('button', { type: 'button' }, label, ' ', element('b', { textContent: count }));
  if (tag !== undefined) button.dataset.tag = tag;
  button.addEventListener('click', () => {
    if (tag === undefined) chosenTags.clear();
    else if (!chosenTags.delete(tag)) chosenTags.add(tag);
    filterCards();
  });
  get('tags').append(button);
}

// A click on a cell or bar that names a tag or group shows its cards; a group gets a button with the first click.
function makeLink(link) {
  const tag = link.textContent;
  const count = cards.filter((card) => hasTag(card, tag)).length;
  if (count === 0) {
    link.replaceWith(tag);
    return;
  }
  link.addEventListener('click', () => {
    if (![...get('tags').children].some((button) => button.dataset.tag === tag)) addTagButton(tag, count, tag);
    get('tags').hidden = false;
    get('search').value = '';
    chosenTags.clear();
    chosenTags.add(tag);
    filterCards();
    get('controls').scrollIntoView();
  });
}

function setUpControls() {
  const counts = new Map();
  for (const card of cards) for (const tag of card.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  addTagButton('all', cards.length);
  for (const tag of [...counts.keys()].sort(compareText)) addTagButton(tag, counts.get(tag), tag);
  get('tags').hidden = counts.size === 0;

  const names = new Set(cards.flatMap((card) => [...card.facts.keys()]));
  for (const name of names) get('sort').append(new Option(name, name));
  if (names.has(get('sort').dataset.first)) get('sort').value = get('sort').dataset.first;
  get('sorting').hidden = names.size === 0;

  get('gallery').hidden = cards.length === 0;
  get('controls').hidden = cards.length === 0;
  get('controls').addEventListener('submit', (event) => event.preventDefault());
  get('search').addEventListener('input', filterCards);
  get('sort').addEventListener('change', sortByChosenFact);
  get('direction').addEventListener('click', () => {
    descending = !descending;
    sortCards();
  });
  get('size').addEventListener('input', () => {
    get('cards').style.setProperty('--size', `${get('size').value}px`);
  });
  get('show-more').addEventListener('click', showAll);
  get('reset').addEventListener('click', () => {
    chosenTags.clear();
    get('search').value = '';
    filterCards();
    get('search').focus();
  });
}

// An enlarged image shows its pixels, so that the border of a mask can be judged; a shrunk one is smoothed.
function sharpenIfEnlarged(image) {
  const scale = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
  image.classList.toggle('crisp', scale > 1);
}

let viewed; // the card and the position of its panel in the viewer

function view(card, position) {
  if (card.article.classList.contains('later')) showAll();
  viewed = { card, position };
  const panel = card.panels[position];
  get('viewer-title').textContent = card.title;
  get('viewer-caption').textContent = panel.textContent;
  get('viewer-image').alt = panel.textContent;
  get('viewer-image').src = panel.querySelector('img').src;
  get('previous').disabled = get('next').disabled = card.panels.length < 2;
  if (!get('viewer').open) get('viewer').showModal();
}

function viewPanel(step) {
  const { card, position } = viewed;
  view(card, (position + step + card.panels.length) % card.panels.length);
}

function viewCard(step) {
  const visible = orderedCards.filter((card) => !card.article.hidden && card.panels.length > 0);
  const next = visible[visible.indexOf(viewed.card) + step];
  if (next) view(next, Math.min(viewed.position, next.panels.length - 1));
}

const KEYS = {
  ArrowLeft: () => viewPanel(-1), ArrowRight: () => viewPanel(1), ArrowUp: () => viewCard(-1), ArrowDown: () => viewCard(1),
};

function setUpViewer() {
  for (const card of cards) {
    card.panels.forEach((panel, position) => panel.addEventListener('click', () => view(card, position)));
  }
  get('viewer-image').addEventListener('load', (event) => sharpenIfEnlarged(event.target));
  get('previous').addEventListener('click', () => viewPanel(-1));
  get('next').addEventListener('click', () => viewPanel(1));
  get('close').addEventListener('click', () => get('viewer').close());
  get('viewer').addEventListener('click', (event) => event.target === get('viewer') && get('viewer').close());
  get('viewer').addEventListener('keydown', (event) => {
    if (!(event.key in KEYS)) return;
    KEYS[event.key]();
    event.preventDefault();
  });
  // The arrows may have led to another card: the focus scrolls the page to it.
  get('viewer').addEventListener('close', () => viewed.card.panels[viewed.position].focus());
}

document.querySelectorAll('table').forEach(makeTableSortable);
get('cards').style.setProperty('--panels', Math.min(4, Math.max(1, ...cards.map((card) => card.panels.length))));
setUpControls();
document.querySelectorAll('.link').forEach(makeLink);
setUpViewer();
sortByChosenFact();
window.addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});
