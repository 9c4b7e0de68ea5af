// Sends a dropped file to the server of this page and draws the mask of the answer.
'use strict';

const byId = (id) => document.getElementById(id);
const shownImage = byId('image');
const mask = byId('mask');
let model = null; // classes and limits, from GET model
let values = null; // class of each shown pixel
let latest = 0; // number of the latest file: answers to earlier ones are dropped

function showStatus(text, isError = false) {
  byId('status').textContent = text;
  byId('status').className = isError ? 'error' : '';
}

function buildLegend() {
  const body = byId('legend').tBodies[0];
  model.classes.forEach(({ name, colour }, index) => {
    const row = body.insertRow();
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = index !== model.background; // the background stays visible without colour
    box.id = `class-${index}`;
    box.addEventListener('change', drawMask);
    row.insertCell().append(box);
    const swatch = document.createElement('span');
    swatch.className = 'swatch';
    swatch.style.backgroundColor = `rgb(${colour.join(',')})`;
    const label = document.createElement('label');
    label.htmlFor = box.id;
    label.append(swatch, name);
    row.insertCell().append(label);
    row.insertCell().textContent = '–';
  });
}

function drawMask() {
  if (values === null) return;
  const context = mask.getContext('2d');
  const picture = context.createImageData(mask.width, mask.height);
  const shown = model.classes.map((_, index) => byId(`class-${index}`).checked);
  for (let pixel = 0; pixel < values.length; pixel += 1) {
    const value = values[pixel];
    if (!shown[value]) continue;
    picture.data.set(model.classes[value].colour, 4 * pixel);
    picture.data[4 * pixel + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

function setOpacity() {
  const percent = byId('opacity').value;
  byId('percent').textContent = `${percent} %`;
  mask.style.opacity = percent / 100;
}

async function load(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

async function show(answer) {
  const [picture, grey] = await Promise.all([load(answer.image), load(answer.shownMask)]);
  for (const canvas of [shownImage, mask]) {
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
  }
  shownImage.getContext('2d').drawImage(picture, 0, 0);
  const reader = mask.getContext('2d', { willReadFrequently: true });
  reader.drawImage(grey, 0, 0);
  const pixels = reader.getImageData(0, 0, mask.width, mask.height).data;
  values = new Uint8Array(mask.width * mask.height);
  for (let pixel = 0; pixel < values.length; pixel += 1) values[pixel] = pixels[4 * pixel];
  drawMask();
  answer.shares.forEach((share, index) => {
    byId('legend').tBodies[0].rows[index].cells[2].textContent = `${(100 * share).toFixed(1)} %`;
  });
  byId('download').href = answer.mask;
  byId('download').hidden = byId('stage').hidden = false;
  showStatus(`${answer.width} × ${answer.height} pixels, predicted in ${answer.seconds.toFixed(2)} s.`);
}

async function predict(file) {
  const number = (latest += 1);
  if (file.size > model.maxBytes) {
    showStatus(`The file is ${(file.size / 1e6).toFixed(1)} MB; the limit is ${model.maxBytes / 1e6} MB.`, true);
    return;
  }
  showStatus('Predicting …');
  try {
    const response = await fetch('predict', { method: 'POST', body: file });
    const answer = await response.json().catch(() => ({ error: `The server answered with status ${response.status}.` }));
    if (number !== latest) return;
    if (answer.error) showStatus(answer.error, true);
    else await show(answer);
  } catch {
    if (number === latest) showStatus('The server cannot be reached; is it still running?', true);
  }
}

function wire() {
  const drop = byId('drop');
  byId('file').addEventListener('change', (event) => {
    if (event.target.files.length) predict(event.target.files[0]);
    event.target.value = ''; // the same file may be chosen again
  });
  for (const name of ['dragover', 'dragleave', 'drop']) {
    document.addEventListener(name, (event) => {
      event.preventDefault(); // else the browser would open the file
      drop.classList.toggle('over', name === 'dragover');
      if (name === 'drop' && event.dataTransfer.files.length) predict(event.dataTransfer.files[0]);
    });
  }
  byId('opacity').addEventListener('input', setOpacity);
}

(async () => {
  model = await (await fetch('model')).json();
  byId('limits').textContent =
    `Up to ${model.maxBytes / 1e6} MB and ${model.maxPixels / 1e6} megapixels. The image is sent to this server only and is not stored.`;
  buildLegend();
  setOpacity();
  wire();
})().catch(() => showStatus('The server cannot be reached; is it still running?', true));
