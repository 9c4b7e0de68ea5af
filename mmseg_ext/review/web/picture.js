// The picture in the middle: image, mask, suggestion, difference, places, at any zoom.

/** @typedef {import('./masks.js').Mask} Mask */
/** @typedef {import('./masks.js').Point} Point */

const OPACITY = 0.45;
const MAX_SCALE = 64; // screen pixels per pixel
const PLACE_COLOUR = '#ffd400';
const DIFFERENCE = rgba([255, 0, 200], 170);
const WHITE = rgba([255, 255, 255], 255);
const BLACK = rgba([0, 0, 0], 255);

export class Picture {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.layer = document.createElement('canvas'); // what is drawn over the image, in pixels of the screen
    this.show = { mask: true, outline: false, suggestion: true, difference: false, places: true };
    /** @type {HTMLImageElement | null} */
    this.image = null;
    /** @type {Mask | null} */
    this.mask = null;
    /** @type {Mask | null} */
    this.suggestion = null;
    /** @type {number[][]} */
    this.boxes = [];
    /** @type {Point | null} */
    this.cursor = null;
    this.brush = 0; // diameter in pixels of the image; 0: none is shown
    /** @type {Point[]} */
    this.polygon = [];
    this.colours = new Uint32Array(256); // of the values of a mask
    this.scale = 1; // screen pixels per pixel of the image
    this.origin = { x: 0, y: 0 }; // where the image's corner is on the canvas
    this.waiting = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  /** @param {{colour: number[]}[]} classes @param {number} ignored @param {number | null} background */
  setClasses(classes, ignored, background) {
    this.colours.fill(rgba([255, 0, 255], 255)); // of a value that is no class
    classes.forEach(({ colour }, value) => { this.colours[value] = rgba(colour, 255); });
    this.colours[ignored] = rgba([128, 128, 128], 255);
    this.ignored = ignored;
    this.background = background;
  }

  /** @param {HTMLImageElement} image @param {Mask} mask @param {Mask | null} suggestion @param {number[][]} boxes */
  open(image, mask, suggestion, boxes) {
    Object.assign(this, { image, mask, suggestion, boxes, polygon: [], cursor: null });
    this.fit();
  }

  close() {
    Object.assign(this, { image: null, mask: null, suggestion: null, boxes: [], polygon: [] });
    this.draw();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (width === this.canvas.width && height === this.canvas.height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.fit();
  }

  fit() {
    if (!this.mask) return;
    const { clientWidth, clientHeight } = this.canvas;
    this.scale = Math.min(clientWidth / this.mask.width, clientHeight / this.mask.height);
    this.origin = {
      x: (clientWidth - this.scale * this.mask.width) / 2, y: (clientHeight - this.scale * this.mask.height) / 2,
    };
    this.draw();
  }

  /** @param {number} factor @param {Point} [at] on the canvas; else its middle */
  zoom(factor, at = { x: this.canvas.clientWidth / 2, y: this.canvas.clientHeight / 2 }) {
    if (!this.mask) return;
    const least = Math.min(1, 0.5 * this.canvas.clientWidth / this.mask.width);
    const scale = Math.min(MAX_SCALE, Math.max(least, this.scale * factor));
    this.origin = {
      x: at.x - (at.x - this.origin.x) * (scale / this.scale), y: at.y - (at.y - this.origin.y) * (scale / this.scale),
    };
    this.scale = scale;
    this.draw();
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.origin = { x: this.origin.x + dx, y: this.origin.y + dy };
    this.draw();
  }

  /** The place in the image of a place on the canvas. @param {Point} at @returns {Point} */
  toImage(at) {
    return { x: (at.x - this.origin.x) / this.scale, y: (at.y - this.origin.y) / this.scale };
  }

  /** Move the picture so that a place in the image is seen. @param {Point} at */
  reveal(at) {
    const margin = 20;
    const x = this.origin.x + at.x * this.scale;
    const y = this.origin.y + at.y * this.scale;
    const dx = Math.max(0, margin - x) - Math.max(0, x - this.canvas.clientWidth + margin);
    const dy = Math.max(0, margin - y) - Math.max(0, y - this.canvas.clientHeight + margin);
    this.pan(dx, dy);
  }

  /** Thickness of outlines in pixels of the image, so that they are seen in a small picture too. */
  step() {
    return Math.max(1, Math.round(1.2 / (this.scale * (window.devicePixelRatio || 1))));
  }

  /** Colour what lies over the image, in pixels of the screen, so that its cost does not depend on the image.
   * @param {number} ratio pixels of the screen per pixel of the page */
  drawLayer(ratio) {
    const { show, colours } = this;
    const { width, height, data } = /** @type {Mask} */ (this.mask);
    const scale = this.scale * ratio;
    const originX = this.origin.x * ratio;
    const originY = this.origin.y * ratio;
    const left = Math.max(0, Math.floor(originX));
    const top = Math.max(0, Math.floor(originY));
    const right = Math.min(this.canvas.width, Math.ceil(originX + width * scale));
    const bottom = Math.min(this.canvas.height, Math.ceil(originY + height * scale));
    if (left >= right || top >= bottom) return;
    const columns = Int32Array.from({ length: right - left }, (_, i) => (
      Math.min(width - 1, Math.max(0, Math.floor((left + i + 0.5 - originX) / scale)))));
    if (this.pixels?.width !== right - left || this.pixels.height !== bottom - top) {
      this.pixels = new ImageData(right - left, bottom - top);
      this.layer.width = right - left;
      this.layer.height = bottom - top;
    }
    const values = new Uint32Array(this.pixels.data.buffer);
    const other = this.suggestion ? this.suggestion.data : null;
    const step = this.step();
    const fill = (Math.round(255 * OPACITY) << 24) >>> 0;
    const opaque = (255 << 24) >>> 0;
    const isEdge = (/** @type {Uint8Array} */ mask, /** @type {number} */ at, /** @type {number} */ x, /** @type {number} */ y) => {
      const value = mask[at];
      return (x >= step && mask[at - step] !== value) || (x + step < width && mask[at + step] !== value)
        || (y >= step && mask[at - step * width] !== value) || (y + step < height && mask[at + step * width] !== value);
    };
    let place = 0;
    for (let row = top; row < bottom; row += 1) {
      const y = Math.min(height - 1, Math.max(0, Math.floor((row + 0.5 - originY) / scale)));
      for (let column = 0; column < columns.length; column += 1, place += 1) {
        const x = columns[column];
        const at = y * width + x;
        const value = data[at];
        let colour = 0;
        if (show.mask && value !== this.background) {
          const base = colours[value] & 0xffffff;
          if (show.outline) colour = isEdge(data, at, x, y) ? base | opaque : 0;
          else if (value !== this.ignored || ((row + column) >> 3) & 1) colour = base | fill; // ignored: striped
        }
        if (other) {
          if (show.difference && other[at] !== value && ((row - column) >> 2) & 1) colour = DIFFERENCE;
          // From its inner side only, so that the line is thin.
          if (show.suggestion && other[at] !== this.background && isEdge(other, at, x, y)) {
            colour = ((row + column) >> 2) & 1 ? WHITE : BLACK;
          }
        }
        values[place] = colour;
      }
    }
    /** @type {CanvasRenderingContext2D} */ (this.layer.getContext('2d')).putImageData(this.pixels, 0, 0);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.drawImage(this.layer, left, top);
  }

  /** Draw at the next frame. */
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    const { context, canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.mask || !this.image) return;
    context.setTransform(ratio, 0, 0, ratio, this.origin.x * ratio, this.origin.y * ratio);
    context.imageSmoothingEnabled = this.scale * ratio < 3; // beyond that the pixels are to be seen
    context.drawImage(this.image, 0, 0, this.mask.width * this.scale, this.mask.height * this.scale);
    this.drawLayer(ratio);
    context.setTransform(ratio, 0, 0, ratio, this.origin.x * ratio, this.origin.y * ratio);
    for (const [left, top, width, height] of this.show.places ? this.boxes : []) {
      this.line(() => {
        const pad = 3; // around the place
        context.strokeRect(
          left * this.scale - pad, top * this.scale - pad, width * this.scale + 2 * pad, height * this.scale + 2 * pad,
        );
      }, PLACE_COLOUR);
    }
    if (this.polygon.length) {
      this.line(() => {
        context.beginPath();
        for (const point of [...this.polygon, ...(this.cursor ? [this.cursor] : [])]) {
          context.lineTo(point.x * this.scale, point.y * this.scale);
        }
        context.stroke();
      });
      const [first] = this.polygon;
      this.line(() => context.strokeRect(first.x * this.scale - 4, first.y * this.scale - 4, 8, 8));
    }
    if (this.cursor) {
      const { x, y } = { x: this.cursor.x * this.scale, y: this.cursor.y * this.scale };
      this.line(() => {
        context.beginPath();
        if (this.brush) context.arc(x, y, Math.max(1, (this.brush / 2) * this.scale), 0, 2 * Math.PI);
        context.moveTo(x - 5, y);
        context.lineTo(x + 5, y);
        context.moveTo(x, y - 5);
        context.lineTo(x, y + 5);
        context.stroke();
      });
    }
  }

  /** Stroke a line that is seen on any ground. @param {() => void} stroke */
  line(stroke, colour = '#fff') {
    this.context.lineWidth = 3;
    this.context.strokeStyle = 'rgba(0, 0, 0, .6)';
    stroke();
    this.context.lineWidth = 1.25;
    this.context.strokeStyle = colour;
    stroke();
  }
}

/** @param {number[]} colour @param {number} alpha */
function rgba([red, green, blue], alpha) {
  return (((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0); // little-endian, as all browsers' machines
}
