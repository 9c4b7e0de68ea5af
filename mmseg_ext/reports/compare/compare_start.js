// What happens once the page is there.

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
  setUpPair();
}

function setUpTicks() {
  table.addEventListener('change', (event) => {
    const tick = event.target;
    if (!tick.classList.contains('tick')) return;
    if (tick.dataset.run === undefined) for (const member of runTicks(tick.closest('tbody'))) member.checked = tick.checked;
    drawTicked();
  });
  const setAll = (wanted) => {
    for (const body of bodies) for (const tick of runTicks(body)) tick.checked = wanted(body);
    drawTicked();
  };
  get('tick-shown').addEventListener('click', () => setAll((body) => !body.hidden));
  get('tick-none').addEventListener('click', () => setAll(() => false));
}

// A printed page is narrower than the window.
function setUpPrinting() {
  const resize = (width) => {
    for (const plot of document.querySelectorAll('.js-plotly-plot')) {
      window.Plotly.relayout(plot, width ? { width: Math.min(width, plot.clientWidth || width), autosize: false } : { width: undefined, autosize: true });
    }
  };
  window.addEventListener('beforeprint', () => resize(680));
  window.addEventListener('afterprint', () => resize(null));
}

async function start() {
  setUpTable();
  const [plotly, text] = await Promise.all([unpacked('plotly'), unpacked('data')]);
  document.head.append(element('script', { textContent: plotly }));
  data = JSON.parse(text);
  get('waiting').hidden = true;
  get('charts').hidden = false;
  setUpCharts();
  setUpTicks();
  drawTicked();
  setUpPrinting();
  document.body.dataset.ready = 'true';
}

start();
