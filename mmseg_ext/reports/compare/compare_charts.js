// The charts, of the runs that are ticked in the table.

const MATRICES = 6;

let data = null;

const LAYOUT = {
  paper_bgcolor: 'rgba(0,0,0,0)',
  plot_bgcolor: 'rgba(0,0,0,0)',
  margin: { l: 64, r: 16, t: 12, b: 48 },
  font: { family: 'system-ui, sans-serif', size: 12 },
  legend: { orientation: 'h', y: -0.18 },
  hovermode: 'closest',
};
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d'] };

function draw(id, figure, layout = {}) {
  const target = typeof id === 'string' ? get(id) : id;
  const merged = { ...LAYOUT, ...figure.layout, ...layout };
  for (const axis of ['xaxis', 'yaxis']) merged[axis] = { automargin: true, ...figure.layout[axis], ...layout[axis] };
  return window.Plotly.react(target, figure.data, merged, CONFIG);
}

// An exponential mean whose start is not drawn towards zero; gaps stay gaps.
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
  for (const trace of figure.data.filter((one) => runs.has(one.name))) {
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
  draw('bar-chart', { data: figure.data.filter((trace) => groups.has(trace.name)), layout: figure.layout }, { showlegend: true });
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
  const shown = figures.slice(0, MATRICES);
  get('confusion-note').textContent = figures.length > MATRICES
    ? ` The first ${MATRICES} of ${figures.length} ticked runs; untick some to see others.`
    : figures.length ? '' : ' None of the ticked runs has counts of this evaluation.';
  const box = get('matrices');
  while (box.childElementCount > shown.length) {
    window.Plotly.purge(box.lastChild);
    box.lastChild.remove();
  }
  while (box.childElementCount < shown.length) box.append(element('div', { className: 'chart' }));
  const layout = { margin: { l: 16, r: 8, t: 32, b: 40 }, showlegend: false };
  shown.forEach((figure, place) => {
    const title = { text: figure.layout.title.text, font: { size: 13 }, x: 0.5, xanchor: 'center' };
    draw(box.children[place], figure, { ...layout, title });
  });
}

function drawTicked() {
  showGroupTicks();
  const runs = tickedRuns();
  get('ticked').textContent = runs.length ? runs.join(', ') : 'none';
  drawCurves();
  drawBars();
  drawMatrices();
}
