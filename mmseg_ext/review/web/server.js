// What the page asks of its server.

/** @typedef {import('./masks.js').Mask} Mask */
import { makeMask } from './masks.js';

/** An answer that refuses. */
export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path @param {Record<string, string>} [query] */
const address = (path, query = {}) => `${path}?${new URLSearchParams(query)}`;

/** @param {string} url @param {RequestInit} [options] */
async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Refused(0, 'The server cannot be reached; is it still running?');
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({ error: `The server answered with status ${response.status}.` }));
  throw new Refused(response.status, answer.error);
}

export const state = async () => (await ask('state')).json();
/** @param {string} key */
export const item = async (key) => (await ask(address('item', { key }))).json();

/** @param {'mask' | 'source' | 'suggestion'} kind @param {string} key @param {{width: number, height: number}} size
 * @returns {Promise<Mask>} */
export async function mask(kind, key, size) {
  const bytes = new Uint8Array(await (await ask(address(kind, { key }))).arrayBuffer());
  return makeMask(size.width, size.height, bytes);
}

/** @param {string} key @returns {Promise<HTMLImageElement>} */
export async function image(key) {
  const picture = new Image();
  picture.src = address('image', { key });
  try {
    await picture.decode();
  } catch {
    await ask(address('image', { key })); // says why
    throw new Refused(0, 'The image cannot be shown.');
  }
  return picture;
}

/** @param {string} key @param {string} kind @param {string} version @param {Uint8Array | null} data
 * @param {number} seconds */
export async function decide(key, kind, version, data, seconds) {
  const url = address('decision', { key, kind, seconds: seconds.toFixed(1) });
  const headers = { 'If-Match': `"${version}"` };
  return (await ask(url, { method: 'POST', headers, body: /** @type {BodyInit | null} */ (data) })).json();
}

/** @param {string} key @param {Uint8Array} region @returns {Promise<Uint8Array>} */
export async function snap(key, region) {
  const response = await ask(address('snap', { key }), { method: 'POST', body: /** @type {BodyInit} */ (region) });
  return new Uint8Array(await response.arrayBuffer());
}
