// Changes on their way to the server, one after another. One that cannot be saved holds up the others.

import * as server from './server.js';

/** @typedef {{key: string, version: string}} Versioned a mask, and its version on the server */
/** @template {Versioned} T @typedef {{item: T, kind: string, data: Uint8Array | null, seconds: number}} Change */

/** @template {Versioned} T */
export class Outbox {
  /** @param {{saved: (change: Change<T>, answer: any) => void, failed: (change: Change<T>, error: any) => void}} on */
  constructor(on) {
    this.on = on;
    /** @type {Change<T>[]} */
    this.changes = []; // in their order; the first is on its way, or has failed
    this.isSending = false;
    this.sent = Promise.resolve(); // until all are saved, or one has failed
  }

  /** @param {Change<T>} change */
  add(change) {
    const last = this.changes.at(-1);
    const isWaiting = !this.isSending || this.changes.length > 1;
    if (isWaiting && change.kind === 'draft' && last?.kind === 'draft' && last.item === change.item) this.changes.pop();
    this.changes.push(change);
    this.send();
  }

  send() {
    if (this.isSending) return;
    this.isSending = true;
    this.sent = this.sendAll();
  }

  async sendAll() {
    try {
      while (this.changes.length) {
        const [change] = this.changes;
        const { item, kind, data, seconds } = change;
        const answer = await server.decide(item.key, kind, item.version, data, seconds);
        item.version = answer.version;
        this.changes.shift();
        this.on.saved(change, answer);
      }
    } catch (error) {
      this.on.failed(this.changes[0], error);
    } finally {
      this.isSending = false;
    }
  }

  /** Give up what is not saved of a mask. @param {T} item */
  drop(item) {
    this.changes = this.changes.filter((change) => change.item !== item);
  }
}
