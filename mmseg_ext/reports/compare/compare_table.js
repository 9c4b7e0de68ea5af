'use strict';

const get = (id) => document.getElementById(id);
const byWords = new Intl.Collator('en', { numeric: true }).compare;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(get(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

// The table of runs.

const table = get('runs');
const bodies = [...table.tBodies];
const ticks = [...table.querySelectorAll('.tick')];

function sortValue(row, column) {
  return column === 0 ? row.querySelector('.label').textContent : row.cells[column].dataset.value;
}

function makeSortable() {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const valueOf = (body) => sortValue(body.rows[0], column);
    const numeric = isNumeric(bodies.map(valueOf));
    if (numeric || bodies.every((body) => valueOf(body) === '')) for (const row of table.rows) row.cells[column].classList.add('number');
    const button = element('button', { type: 'button', textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const descending = before ? before === 'ascending' : numeric;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      for (const body of bodies) {
        const [first, ...seeds] = body.rows;
        body.append(first, ...sorted(seeds, (row) => sortValue(row, column), numeric, descending));
      }
      table.append(...sorted(bodies, valueOf, numeric, descending));
    });
  });
}

function filterRows() {
  const words = get('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const body of bodies) {
    const text = body.dataset.search.toLowerCase();
    body.hidden = !words.every((word) => text.includes(word));
  }
  const shown = bodies.filter((body) => !body.hidden);
  const runs = shown.reduce((sum, body) => sum + runTicks(body).length, 0);
  get('count').textContent = `${shown.length} of ${bodies.length} experiments, ${runs} runs`;
  get('nothing').hidden = shown.length > 0;
}

const runTicks = (body) => [...body.querySelectorAll('.tick')].filter((tick) => tick.dataset.run !== undefined);

function tickedRuns() {
  return ticks.filter((tick) => tick.dataset.run !== undefined && tick.checked).map((tick) => tick.dataset.run);
}

function showGroupTicks() {
  for (const body of bodies) {
    const group = body.querySelector('.tick');
    const members = runTicks(body);
    if (members.includes(group)) continue;
    const count = members.filter((tick) => tick.checked).length;
    group.checked = count === members.length;
    group.indeterminate = count > 0 && !group.checked;
  }
}

function setUpTable() {
  for (const tick of ticks) tick.hidden = false;
  get('table-controls').hidden = false;
  makeSortable();
  filterRows();
  showGroupTicks();
  get('table-controls').addEventListener('submit', (event) => event.preventDefault());
  get('filter').addEventListener('input', filterRows);
  get('reset').addEventListener('click', () => {
    get('filter').value = '';
    filterRows();
    get('filter').focus();
  });
  get('kind')?.addEventListener('change', () => {
    for (const cell of table.querySelectorAll('[data-kind]')) cell.hidden = cell.dataset.kind !== get('kind').value;
  });
  const seeds = get('seeds');
  seeds.hidden = !table.querySelector('tr.seed');
  seeds.addEventListener('click', () => {
    const shown = table.classList.toggle('seeds');
    seeds.setAttribute('aria-pressed', shown);
  });
}
