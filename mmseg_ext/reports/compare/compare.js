// The comparison: a table of runs whose ticks choose what the charts show, and two runs image by image.

const MAX_MATRICES = 6;
const MAX_CHANGED_IMAGES = 6; // shown of those that B improves, and of those that it worsens
const NO_DICE = 65535; // Dice is stored as whole numbers up to the one before

const LAYOUT = {
  paper_bgcolor: 'rgba(0,0,0,0)',
  plot_bgcolor: 'rgba(0,0,0,0)',
  margin: { l: 64, r: 16, t: 12, b: 48 },
  font: { family: 'system-ui, sans-serif', size: 12 },
  legend: { orientation: 'h', y: -0.18 },
  hovermode: 'closest',
};
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d'] };

let data = null; // figures, scores and thumbnails, once they are decompressed

async function decompressed(id) {
  const bytes = Uint8Array.from(atob(get(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

// The table of runs: a body per group, whose first row is that of the group.

const table = get('runs');
const bodies = [...table.tBodies];
const ticks = [...table.querySelectorAll('.tick')];

function sortValue(row, column) {
  return column === 0 ? row.querySelector('.label').textContent : row.cells[column].dataset.value;
}

function makeTableSortable() {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const valueOfRow = (row) => sortValue(row, column);
    const valueOf = (body) => valueOfRow(body.rows[0]);
    const numeric = isNumeric(bodies.map(valueOf));
    if (numeric || bodies.every((body) => valueOf(body) === '')) for (const row of table.rows) row.cells[column].classList.add('number');
    makeSortable(heading, numeric, (descending) => {
      for (const body of bodies) {
        const [first, ...seeds] = body.rows;
        body.append(first, ...sorted(seeds, valueOfRow, numeric, descending));
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
  get('count').textContent = `${shown.length} of ${counted(bodies.length, 'experiment')}, ${counted(runs, 'run')}`;
  get('nothing').hidden = shown.length > 0;
}

const isRunTick = (tick) => tick.dataset.run !== undefined; // otherwise it is the tick of a group
const runTicks = (body) => [...body.querySelectorAll('.tick')].filter(isRunTick);
const tickedRuns = () => ticks.filter((tick) => isRunTick(tick) && tick.checked).map((tick) => tick.dataset.run);

function updateGroupTicks() {
  for (const body of bodies) {
    const group = body.querySelector('.tick');
    if (isRunTick(group)) continue;
    const members = runTicks(body);
    const count = members.filter((tick) => tick.checked).length;
    group.checked = count === members.length;
    group.indeterminate = count > 0 && !group.checked;
  }
}

function setUpTable() {
  for (const tick of ticks) tick.hidden = false;
  get('table-controls').hidden = false;
  makeTableSortable();
  filterRows();
  updateGroupTicks();
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

function setUpTicks() {
  table.addEventListener('change', (event) => {
    const tick = event.target;
    if (!tick.classList.contains('tick')) return;
    if (!isRunTick(tick)) for (const member of runTicks(tick.closest('tbody'))) member.checked = tick.checked;
    drawTicked();
  });
  const setAll = (isTicked) => {
    for (const body of bodies) for (const tick of runTicks(body)) tick.checked = isTicked(body);
    drawTicked();
  };
  get('tick-shown').addEventListener('click', () => setAll((body) => !body.hidden));
  get('tick-none').addEventListener('click', () => setAll(() => false));
}

// Charts of the ticked runs.

function draw(target, figure, layout = {}) {
  const merged = { ...LAYOUT, ...figure.layout, ...layout };
  for (const axis of ['xaxis', 'yaxis']) merged[axis] = { automargin: true, ...figure.layout[axis], ...layout[axis] };
  return window.Plotly.react(target, figure.data, merged, CONFIG);
}

// An exponential mean without bias towards zero at its start; gaps stay gaps.
function smoothed(values, weight) {
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}

function drawCurves() {
  const figure = data.figures.curves[get('curve').value];
  if (!figure) return;
  const runs = new Set(tickedRuns());
  const weight = Number(get('smoothing').value);
  get('smoothing-value').textContent = weight;
  const traces = [];
  for (const trace of figure.data.filter(({ name }) => runs.has(name))) {
    if (weight > 0) {
      traces.push({ ...trace, opacity: 0.25, showlegend: false, hoverinfo: 'skip' });
      traces.push({ ...trace, y: smoothed(trace.y, weight), mode: 'lines' });
    } else traces.push(trace);
  }
  const type = get('log-y').checked ? 'log' : 'linear';
  draw('curve-chart', { data: traces, layout: figure.layout }, { yaxis: { ...figure.layout.yaxis, type }, showlegend: true });
}

function drawBars() {
  const figure = data.figures.bars[get('bar-kind').value];
  if (!figure) return;
  const runs = new Set(tickedRuns());
  const groups = new Set(Object.keys(data.groups).filter((label) => data.groups[label].some((run) => runs.has(run))));
  draw('bar-chart', { data: figure.data.filter(({ name }) => groups.has(name)), layout: figure.layout }, { showlegend: true });
}

function drawPareto() {
  const figure = data.figures.pareto[`${get('pareto-kind').value} · ${get('pareto-cost').value}`];
  get('pareto-nothing').hidden = Boolean(figure);
  get('pareto-chart').hidden = !figure;
  if (!figure) return;
  const type = get('log-x').checked ? 'log' : 'linear';
  draw('pareto-chart', figure, { xaxis: { ...figure.layout.xaxis, type } });
}

function drawMatrices() {
  const kind = get('confusion-kind').value;
  const figures = tickedRuns().map((run) => data.figures.confusion[`${run} · ${kind}`]).filter(Boolean);
  const shown = figures.slice(0, MAX_MATRICES);
  get('confusion-note').textContent = figures.length > MAX_MATRICES
    ? ` Showing the first ${MAX_MATRICES} of ${figures.length} ticked runs; untick some to see the others.`
    : figures.length ? '' : ' None of the ticked runs has pixel counts for this evaluation.';
  const box = get('matrices');
  while (box.childElementCount > shown.length) {
    window.Plotly.purge(box.lastChild.lastChild);
    box.lastChild.remove();
  }
  while (box.childElementCount < shown.length) {
    box.append(element('figure', {}, element('figcaption'), element('div', { className: 'chart' })));
  }
  // Names are often longer than a matrix is wide, and plotly does not wrap them.
  const layout = { margin: { l: 16, r: 8, t: 32, b: 40 }, showlegend: false, title: undefined };
  shown.forEach((figure, place) => {
    const [caption, chart] = box.children[place].children;
    caption.textContent = figure.layout.title.text;
    draw(chart, figure, layout);
  });
}

function drawTicked() {
  updateGroupTicks();
  const runs = tickedRuns();
  get('ticked').textContent = runs.length ? runs.join(', ') : 'none';
  drawCurves();
  drawBars();
  drawMatrices();
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => element('option', { value, textContent: text })));
}

function setUpCharts() {
  const curves = Object.keys(data.figures.curves);
  get('curves-section').hidden = curves.length === 0;
  fill(get('curve'), curves.map((name) => [name, name]));
  for (const id of ['bar-kind', 'pareto-kind', 'confusion-kind']) {
    fill(get(id), data.kinds.map((kind) => [kind, kind]));
    get(id).closest('section').hidden = data.kinds.length === 0;
  }
  for (const id of ['curve', 'smoothing', 'log-y']) get(id).addEventListener('input', drawCurves);
  for (const id of ['pareto-kind', 'pareto-cost', 'log-x']) get(id).addEventListener('input', drawPareto);
  get('bar-kind').addEventListener('input', drawBars);
  get('confusion-kind').addEventListener('input', drawMatrices);
  for (const form of document.querySelectorAll('#charts form')) form.addEventListener('submit', (event) => event.preventDefault());
  drawPareto();
}

// Two runs, image by image: entries A and B of a set, whose entries were all scored on the same images.

function diceReader(set) {
  const bytes = Uint8Array.from(atob(set.dice), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return (entry, image, label) => {
    const step = view.getUint16(2 * ((entry * set.stems.length + image) * set.classes.length + label), true);
    return step === NO_DICE ? null : (100 * step) / (NO_DICE - 1);
  };
}

// The Dice of one class or, for a negative label, the mean over the classes that the image has.
function imageScore(set, entry, image, label) {
  set.diceOf ??= diceReader(set);
  if (label >= 0) return set.diceOf(entry, image, label);
  const values = set.classes.map((_, number) => set.diceOf(entry, image, number)).filter((value) => value !== null);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

const signed = (value) => (value < 0 ? '−' : '+') + Math.abs(value).toFixed(2);
const signedAndColoured = (value) => element('span', { className: value < 0 ? 'loss' : 'gain', textContent: signed(value) });
const entryName = ([run, kind]) => (data.kinds.length > 1 ? `${run} · ${kind}` : run);

// The value of an option is the number of a set and that of an entry in it: "0:3".
function chosenPair() {
  const [number, first] = get('first').value.split(':').map(Number);
  const second = Number(get('second').value.split(':')[1]);
  return { set: data.sets[number], first, second };
}

// For B, offer the other entries of the set that A is in.
function offerSecond(preferred) {
  const { set, first } = chosenPair();
  const number = data.sets.indexOf(set);
  const options = set.entries.map((entry, place) => [`${number}:${place}`, entryName(entry)]).filter((_, place) => place !== first);
  fill(get('second'), options);
  if (options.some(([value]) => value === preferred)) get('second').value = preferred;
  const label = get('pair-class').value;
  fill(get('pair-class'), [['-1', 'all classes (mean)'], ...set.classes.map((name, place) => [String(place), name])]);
  if (Number(label) < set.classes.length && label !== '') get('pair-class').value = label;
}

function showTest(set, first, second) {
  const [low, high] = [Math.min(first, second), Math.max(first, second)];
  const [, , ...numbers] = set.tests.find(([i, j]) => i === low && j === high);
  const [difference, from, to, p] = first < second ? numbers : [-numbers[0], -numbers[2], -numbers[1], numbers[3]];
  const line = get('verdict');
  if (numbers.some((value) => value === null)) {
    line.textContent = 'One of the two runs has no mDice on these images.';
    return;
  }
  const least = 2 / (set.resamples + 1);
  const shownP = p <= least * 1.001 ? `p ≤ ${least.toPrecision(1)}` : `p = ${p.toFixed(p < 0.1 ? 4 : 2)}`;
  line.replaceChildren(
    'mDice of B minus A: ', signedAndColoured(100 * difference), ` (95 % interval ${signed(100 * from)} to ${signed(100 * to)}), `,
    element('strong', { textContent: shownP }),
    ` (two-sided paired bootstrap, ${set.resamples.toLocaleString('en')} resamples of ${counted(set.stems.length, 'image')}). `,
    p < 0.05 ? 'The choice of images alone is unlikely to explain the difference.' : 'The choice of images alone may explain the difference.',
  );
}

function panel(name, thumbnail, mask) {
  const missing = name !== 'image' && !mask;
  const stack = element('div', { className: missing ? 'stack missing' : 'stack' });
  stack.append(element('img', { src: thumbnail.image, width: thumbnail.width, height: thumbnail.height, alt: '' }));
  if (mask) stack.append(element('img', { src: mask, className: 'mask', alt: '' }));
  return element('figure', {}, stack, element('figcaption', { textContent: missing ? `${name}: no mask saved` : name }));
}

function changedImage(set, { image, a, b }, first, second) {
  const box = element('div', { className: 'change' });
  box.append(element('p', {}, signedAndColoured(b - a), ` ${set.stems[image]}: A ${a.toFixed(2)}, B ${b.toFixed(2)}`));
  const thumbnail = set.thumbnails[image];
  if (thumbnail) {
    box.append(element('div', { className: 'panels' },
      panel('image', thumbnail, null),
      panel('ground truth', thumbnail, thumbnail.truth),
      panel('A', thumbnail, thumbnail.masks[first]),
      panel('B', thumbnail, thumbnail.masks[second])));
  }
  return box;
}

function drawPair() {
  const { set, first, second } = chosenPair();
  const label = Number(get('pair-class').value);
  const points = set.stems.map((_, image) => ({ image, a: imageScore(set, first, image, label), b: imageScore(set, second, image, label) }))
    .filter(({ a, b }) => a !== null && b !== null);
  showTest(set, first, second);
  const [diagonal, markers] = data.pair.data;
  const filled = { ...markers, x: points.map(({ a }) => a), y: points.map(({ b }) => b), text: points.map(({ image }) => set.stems[image]) };
  const least = Math.min(100, ...points.flatMap(({ a, b }) => [a, b]));
  const range = [least - 0.03 * (100 - least) - 0.5, 101];
  const axis = (letter) => ({ title: { text: `Dice of ${letter}, percent` }, range, autorange: false });
  draw('pair-chart', { data: [diagonal, filled], layout: data.pair.layout }, { xaxis: axis('A'), yaxis: axis('B') });
  const bestFirst = points.toSorted((point, other) => other.b - other.a - (point.b - point.a));
  const show = (id, chosen) => get(id).replaceChildren(
    ...(chosen.length ? chosen.map((point) => changedImage(set, point, first, second)) : [element('p', { className: 'quiet', textContent: 'None.' })]));
  show('improved', bestFirst.filter(({ a, b }) => b > a).slice(0, MAX_CHANGED_IMAGES));
  show('worsened', bestFirst.filter(({ a, b }) => b < a).slice(-MAX_CHANGED_IMAGES).reverse());
}

function setUpPair() {
  const pairable = data.sets.map((set, number) => [number, set]).filter(([, set]) => set.entries.length > 1);
  get('pair-section').hidden = pairable.length === 0;
  get('no-pairs').hidden = pairable.length > 0;
  if (!pairable.length) return;
  fill(get('first'), pairable.flatMap(([number, set]) => set.entries.map((entry, place) => [`${number}:${place}`, entryName(entry)])));
  const [number, set] = pairable[0];
  const [first, second] = set.start;
  get('first').value = `${number}:${first}`;
  offerSecond(`${number}:${second}`);
  get('first').addEventListener('change', () => {
    offerSecond(get('second').value);
    drawPair();
  });
  for (const id of ['second', 'pair-class']) get(id).addEventListener('change', drawPair);
  get('swap').addEventListener('click', () => {
    const [first, second] = [get('first').value, get('second').value];
    get('first').value = second;
    offerSecond(first);
    drawPair();
  });
  get('opacity').form.hidden = !data.sets.some((set) => Object.keys(set.thumbnails).length > 0);
  get('opacity').addEventListener('input', () => get('pair-section').style.setProperty('--opacity', get('opacity').value));
  drawPair();
}

// A printed page is narrower than the window.
function setUpPrinting() {
  const resize = (width) => {
    for (const plot of document.querySelectorAll('.js-plotly-plot')) {
      window.Plotly.relayout(plot, width ? { width: Math.min(width, plot.clientWidth || width), autosize: false } : { width: undefined, autosize: true });
    }
  };
  window.addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll('details')) details.open = true;
    resize(680);
  });
  window.addEventListener('afterprint', () => resize(null));
}

async function start() {
  setUpTable();
  const [plotly, text] = await Promise.all([decompressed('plotly'), decompressed('data')]);
  document.head.append(element('script', { textContent: plotly }));
  data = JSON.parse(text);
  get('waiting').hidden = true;
  get('charts').hidden = false;
  setUpCharts();
  setUpPair();
  setUpTicks();
  drawTicked();
  setUpPrinting();
  document.body.dataset.ready = 'true';
}

start();
