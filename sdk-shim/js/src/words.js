// Words and texts of the raw layout, written and read where they lie in the instance's memory (`wit/RAW.md`).
// Enters: strings and numbers; answers. Leaves: requests; strings and numbers. Never: decides anything.

import { UnderstudyError } from './error.js';

const encoder = new TextEncoder();
// A byte order mark is part of an id like any other character.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Texts up to here are written character by character: cheaper than a call of the encoder. */
const SHORT = 48;
const WORD = 2 ** 32;
/** Longest request: lengths are 32-bit numbers, and one that large is a mistake. */
const REQUEST_BYTES_MAX = 1 << 30;
const REFUSED = 'refused';
const KINDS = [REFUSED, 'decision', 'ids', 'rows', 'bindings', 'facts', 'metadata', 'status', 'applied', 'diagnostics', 'snapshot', 'explanation', 'report', 'fact check', 'names', 'page', 'unknown names'];
const REASONS = new Map([
  [1, 'negation'],
  [2, 'recursion'],
  [3, 'comparison'],
  [4, 'unrenderable'],
  [5, 'budget'],
  [6, 'invalid'],
  [7, 'memory'],
  [16, 'malformed'],
  [17, 'not_open'],
  [18, 'snapshot'],
]);

/** A text that the caller gave: a string, and one that UTF-8 can hold, so that different texts stay different. */
export function checked(text, what) {
  if (typeof text !== 'string') {
    throw new UnderstudyError('invalid', `${what} is ${text === null ? 'null' : `a ${typeof text}`}: give a string`);
  }
  return text;
}

/** Bytes that a text takes at most, padding included. */
export function room(text) {
  return text.length * 3 + 8;
}

/** Writes one request into the instance's buffer, which has room for it. */
export class Writer {
  /** @param {import('./module.js').Guest} guest */
  constructor(guest) {
    this.guest = guest;
  }

  /** Begins a request of at most `length` bytes. */
  begin(length) {
    if (length > REQUEST_BYTES_MAX) {
      throw new UnderstudyError('invalid', `the request has up to ${length} bytes, at most ${REQUEST_BYTES_MAX} fit: give fewer context facts`);
    }
    this.start = this.at = this.guest.request(length);
    this.bytes = this.guest.bytes;
    this.view = this.guest.view;
  }

  word(value) {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** A word at a place that was left out before. */
  wordAt(at, value) {
    this.view.setUint32(at, value, true);
  }

  /** A whole number in 64 bits, signed or not. */
  long(value) {
    this.word(value >>> 0);
    this.word(Math.floor(value / WORD) >>> 0);
  }

  /** Bytes of a text, padded with zeros to a multiple of 8. Returns the number of bytes without padding. */
  padded(text) {
    const { bytes, at } = this;
    let length = text.length;
    let n = 0;
    if (length <= SHORT) {
      for (; n < length; n++) {
        const code = text.charCodeAt(n);
        if (code > 0x7f) break;
        bytes[at + n] = code;
      }
    }
    if (n < length) length = this.#encoded(text);
    let end = at + length;
    while ((end - this.start) & 7) bytes[end++] = 0;
    this.at = end;
    return length;
  }

  #encoded(text) {
    if (!text.isWellFormed()) {
      throw new UnderstudyError('invalid', 'a text has half of a surrogate pair: UTF-8 has no such character');
    }
    return encoder.encodeInto(text, this.bytes.subarray(this.at)).written;
  }

  /** Length, `second`, bytes. */
  text(text, second = 0) {
    const head = this.at;
    this.at += 8;
    this.wordAt(head, this.padded(text));
    this.wordAt(head + 4, second);
  }

  /** Two lengths, then two texts. */
  texts(first, second) {
    const head = this.at;
    this.at += 8;
    this.wordAt(head, this.padded(first));
    this.wordAt(head + 4, this.padded(second));
  }

  /** Puts the request into another one, which has these words before it: an even number. There must be room for them. */
  within(words) {
    const nBytes = words.length * 4;
    this.bytes.copyWithin(this.start + nBytes, this.start, this.at);
    words.forEach((word, n) => this.wordAt(this.start + n * 4, word));
    this.at += nBytes;
  }

  /** Runs the request; address of the pair of its answer. */
  call() {
    return this.guest.call(this.at - this.start);
  }
}

/** Reads one answer. The layout is the engine's own; what doesn't fit it is refused all the same. */
export class Reader {
  constructor(guest, at, length) {
    this.bytes = guest.bytes;
    this.view = guest.view;
    this.start = this.at = at;
    this.end = at + length;
    if (this.end > this.bytes.length) malformed();
  }

  word() {
    if (this.at + 4 > this.end) malformed();
    const word = this.view.getUint32(this.at, true);
    this.at += 4;
    return word;
  }

  /** The first word of an answer. */
  kind() {
    return named(KINDS, this.word());
  }

  /** `count` items in order. */
  repeat(count, item) {
    const items = [];
    for (let n = 0; n < count; n++) items.push(item());
    return items;
  }

  /** 64 bits as a number; one beyond 2^53 is refused, never rounded. */
  long() {
    const low = this.word();
    const value = this.word() * WORD + low;
    if (!Number.isSafeInteger(value)) {
      throw new UnderstudyError('malformed', 'the answer has a number beyond 2^53, which JavaScript can only round');
    }
    return value;
  }

  padded(length) {
    const at = this.at;
    const end = at + length;
    if (end > this.end) malformed();
    this.at = end + (-(end - this.start) & 7);
    return length === 0 ? '' : decoded(this.bytes.subarray(at, end));
  }

  text() {
    const length = this.word();
    this.word();
    return this.padded(length);
  }

  optional() {
    const length = this.word();
    const isThere = this.word() === 1;
    const text = this.padded(length);
    return isThere ? text : null;
  }

  /** Texts whose lengths stand in front of all of them. */
  texts(count) {
    const nBytes = this.word();
    this.word();
    const lengths = this.at;
    this.at += (count * 4 + 7) & ~7;
    const at = this.at;
    const all = this.padded(nBytes);
    const texts = new Array(count);
    // As many characters as bytes: each is one byte, and the one text can be cut.
    const isAscii = all.length === nBytes;
    for (let n = 0, from = 0; n < count; n++) {
      const to = from + this.view.getUint32(lengths + n * 4, true);
      texts[n] = isAscii ? all.slice(from, to) : decoded(this.bytes.subarray(at + from, at + to));
      from = to;
    }
    return texts;
  }
}

/** What a number stands for. */
export function named(names, number) {
  return names[number] ?? malformed();
}

function decoded(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return malformed();
  }
}

function malformed() {
  throw new UnderstudyError('malformed', "the engine's answer can't be read: package and core module are of different releases");
}

/**
 * What a call answered, behind its first word. Throws the engine's refusal.
 *
 * @param {import('./module.js').Guest} guest
 * @param {number} pair address of [address, length]
 * @param {string} expected kind of the answer
 * @returns {Reader}
 */
export function finish(guest, pair, expected) {
  const { view } = guest;
  const reader = new Reader(guest, view.getUint32(pair, true), view.getUint32(pair + 4, true));
  const kind = reader.kind();
  if (kind === REFUSED) throw refusal(reader);
  if (kind !== expected) malformed();
  return reader;
}

function refusal(reader) {
  const reason = REASONS.get(reader.word()) ?? 'malformed';
  const units = reader.long();
  const detail = reader.text();
  return new UnderstudyError(reason, reader.text(), { detail, units });
}
