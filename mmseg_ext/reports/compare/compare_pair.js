// Two runs, image by image.

const CHANGES = 6; // images shown of those that gained and of those that lost
const NO_VALUE = 65535;

function decoded(set) {
  const bytes = Uint8Array.from(atob(set.dice), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return (entry, image, label) => {
    const step = view.getUint16(2 * ((entry * set.stems.length + image) * set.classes.length + label), true);
    return step === NO_VALUE ? null : (100 * step) / (NO_VALUE - 1);
  };
}

// Of one class, or the mean over the classes that the image has.
function imageScore(set, entry, image, label) {
  if (label >= 0) return set.value(entry, image, label);
  const values = set.classes.map((_, number) => set.value(entry, image, number)).filter((value) => value !== null);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

const signed = (value) => (value < 0 ? '−' : '+') + Math.abs(value).toFixed(2);
const coloured = (value) => element('span', { className: value < 0 ? 'loss' : 'gain', textContent: signed(value) });

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element('option', { value, textContent: text })));
  if (chosen !== undefined) select.value = chosen;
}

const entryName = ([run, kind]) => (data.kinds.length > 1 ? `${run} · ${kind}` : run);

function chosenPair() {
  const [number, first] = get('first').value.split(':').map(Number);
  const second = Number(get('second').value.split(':')[1]);
  return { set: data.sets[number], first, second };
}

// B can be what has seen the same images as A.
function offerSecond(wanted) {
  const { set, first } = chosenPair();
  const number = data.sets.indexOf(set);
  const options = set.entries.map((entry, place) => [`${number}:${place}`, entryName(entry)]).filter((_, place) => place !== first);
  fill(get('second'), options);
  if (options.some(([value]) => value === wanted)) get('second').value = wanted;
  const label = get('pair-class').value;
  fill(get('pair-class'), [['-1', 'all classes (mean)'], ...set.classes.map((name, place) => [String(place), name])]);
  if (Number(label) < set.classes.length && label !== '') get('pair-class').value = label;
}

function tell(set, first, second) {
  const [low, high] = [Math.min(first, second), Math.max(first, second)];
  const [, , ...numbers] = set.tests.find(([i, j]) => i === low && j === high);
  const [difference, from, to, p] = first < second ? numbers : [-numbers[0], -numbers[2], -numbers[1], numbers[3]];
  const line = get('verdict');
  if (numbers.some((value) => value === null)) {
    line.textContent = 'The mDice of one of the two does not exist on these images.';
    return;
  }
  const least = 2 / (set.resamples + 1);
  const shownP = p <= least * 1.001 ? `p ≤ ${least.toPrecision(1)}` : `p = ${p.toFixed(p < 0.1 ? 4 : 2)}`;
  line.replaceChildren(
    'mDice of B minus A: ', coloured(100 * difference), ` (95 % interval ${signed(100 * from)} to ${signed(100 * to)}), `,
    element('strong', { textContent: shownP }),
    ` (two-sided paired bootstrap, ${set.resamples.toLocaleString('en')} resamples of ${set.stems.length} images). `,
    p < 0.05 ? 'The choice of images hardly explains the difference.' : 'The choice of images alone may explain the difference.',
  );
}

function panel(name, picture, mask) {
  const missing = name !== 'image' && !mask;
  const stack = element('div', { className: missing ? 'stack missing' : 'stack' });
  stack.append(element('img', { src: picture.photo, width: picture.width, height: picture.height, alt: '' }));
  if (mask) stack.append(element('img', { src: mask, className: 'mask', alt: '' }));
  return element('figure', {}, stack, element('figcaption', { textContent: missing ? `${name}: no mask kept` : name }));
}

function change(set, { image, a, b }, first, second) {
  const box = element('div', { className: 'change' });
  box.append(element('p', {}, coloured(b - a), ` ${set.stems[image]}: A ${a.toFixed(2)}, B ${b.toFixed(2)}`));
  const picture = set.pictures[image];
  if (picture) {
    box.append(element('div', { className: 'panels' },
      panel('image', picture, null),
      panel('truth', picture, picture.truth),
      panel('A', picture, picture.masks[first]),
      panel('B', picture, picture.masks[second])));
  }
  return box;
}

function drawPair() {
  const { set, first, second } = chosenPair();
  set.value ??= decoded(set);
  const label = Number(get('pair-class').value);
  const points = set.stems.map((_, image) => ({ image, a: imageScore(set, first, image, label), b: imageScore(set, second, image, label) }))
    .filter((point) => point.a !== null && point.b !== null);
  tell(set, first, second);
  const [line, marks] = data.pair.data;
  const filled = { ...marks, x: points.map((point) => point.a), y: points.map((point) => point.b), text: points.map((point) => set.stems[point.image]) };
  const least = Math.min(100, ...points.flatMap((point) => [point.a, point.b]));
  const range = [least - 0.03 * (100 - least) - 0.5, 101];
  const axis = (letter, place) => ({ title: { text: `${letter}: ${entryName(set.entries[place])}, Dice` }, range, autorange: false });
  draw('pair-chart', { data: [line, filled], layout: data.pair.layout }, { xaxis: axis('A', first), yaxis: axis('B', second) });
  const order = points.toSorted((one, other) => other.b - other.a - (one.b - one.a));
  const show = (id, chosen) => get(id).replaceChildren(
    ...(chosen.length ? chosen.map((point) => change(set, point, first, second)) : [element('p', { className: 'quiet', textContent: 'No image.' })]));
  show('gained', order.filter((point) => point.b > point.a).slice(0, CHANGES));
  show('lost', order.filter((point) => point.b < point.a).slice(-CHANGES).reverse());
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
  get('opacity').addEventListener('input', () => get('pair-section').style.setProperty('--opacity', get('opacity').value));
  drawPair();
}
