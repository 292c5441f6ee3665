// The core module and one live instance of it: memory, flat exports, traps.
// Enters: a path or bytes of `understudy.core.wasm`; lengths. Leaves: addresses, views of memory. Never: reads a request or
// an answer; goes on after a trap. `wit/RAW.md` draws the exports.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { UnderstudyError } from './error.js';

/** Version of the raw layout and of the flat exports that this package speaks. */
export const LAYOUT_VERSION = 1;

const BESIDE_PACKAGE = new URL('../understudy.core.wasm', import.meta.url);
const EXPORTS = ['us_version', 'us_reserve', 'us_memory', 'us_seal_verified', 'us_request', 'us_call', 'us_failure'];
/** Room for requests at first: most fit, so the buffer is asked for once. */
const REQUEST_BYTES = 4096;

/**
 * Compiles the core module.
 *
 * @param {string | URL | Uint8Array | ArrayBuffer | WebAssembly.Module} [source] default: the file beside the package
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(source = BESIDE_PACKAGE) {
  const module = source instanceof WebAssembly.Module ? source : await compileBytes(source);
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const missing = ['memory', ...EXPORTS].filter((name) => !exported.has(name));
  if (missing.length > 0) {
    throw new UnderstudyError('module', `this is no core module of Understudy: it lacks \`${missing[0]}\`; give understudy.core.wasm`);
  }
  const [needed] = WebAssembly.Module.imports(module);
  if (needed !== undefined) {
    throw new UnderstudyError('module', `this is no core module of Understudy: it imports \`${needed.module}.${needed.name}\`, the engine imports nothing`);
  }
  return module;
}

async function compileBytes(source) {
  const isPath = typeof source === 'string' || source instanceof URL;
  let bytes = source;
  if (isPath) {
    const path = source instanceof URL ? fileURLToPath(source) : source;
    try {
      bytes = await readFile(path);
    } catch (cause) {
      const hint = source === BESIDE_PACKAGE ? ': `understudy wasm --output FOLDER` makes a package that has it, FOLDER/js; or name one as `module`' : '';
      throw new UnderstudyError('module', `the core module ${path} can't be read (${cause.code})${hint}`, { cause });
    }
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new UnderstudyError('module', `the core module can't be compiled: ${cause.message}`, { cause });
  }
}

/** One live instance: one snapshot, one caller at a time. After a trap it only says what happened. */
export class Guest {
  /** Views of the whole memory, taken anew whenever it has grown. @type {Uint8Array} */
  bytes;
  /** @type {DataView} */
  view;

  #exports;
  #buffer;
  #request = 0;
  #requestBytes = 0;
  #failure = null;

  /** @param {WebAssembly.Module} module as {@link compile} gives it */
  constructor(module) {
    this.#exports = new WebAssembly.Instance(module, {}).exports;
    this.#look();
    const version = this.#enter(() => this.#exports.us_version());
    if (version !== LAYOUT_VERSION) {
      throw new UnderstudyError('module', `the core module has layout version ${version}, this package speaks ${LAYOUT_VERSION}: take both from one release`);
    }
  }

  /** Room for a snapshot: its address. */
  reserve(length) {
    const at = this.#enter(() => this.#exports.us_reserve(length)) >>> 0;
    if (at === 0) {
      throw new UnderstudyError('snapshot', `there is no memory for a snapshot of ${length} bytes`);
    }
    return at;
  }

  /** Bytes of memory that one request's work may take; 0: the engine's own limit. Before the snapshot is sealed. */
  limitMemory(bytes) {
    this.#enter(() => this.#exports.us_memory(bytes, 0));
  }

  /** Opens what lies in the room, verified. Address of [address, length] of the answer. `seed`: two 32-bit numbers. */
  seal(length, [low, high]) {
    return this.#enter(() => this.#exports.us_seal_verified(length, low, high)) >>> 0;
  }

  /** Address of a buffer for a request of up to `length` bytes. The views are those of now. */
  request(length) {
    if (this.#failure !== null) this.#refuse();
    if (length > this.#requestBytes) {
      const wanted = Math.max(length, REQUEST_BYTES);
      this.#request = this.#enter(() => this.#exports.us_request(wanted)) >>> 0;
      this.#requestBytes = wanted;
    }
    return this.#request;
  }

  /** Runs the first `length` bytes of the request buffer. Address of [address, length] of the answer. */
  call(length) {
    if (this.#failure !== null) this.#refuse();
    let pair;
    try {
      pair = this.#exports.us_call(length) >>> 0;
    } catch (cause) {
      this.#trapped(cause);
    }
    if (this.#exports.memory.buffer !== this.#buffer) this.#look();
    return pair;
  }

  #enter(call) {
    if (this.#failure !== null) this.#refuse();
    let result;
    try {
      result = call();
    } catch (cause) {
      this.#trapped(cause);
    }
    this.#look();
    return result;
  }

  #look() {
    const { buffer } = this.#exports.memory;
    if (buffer === this.#buffer) return;
    this.#buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  #trapped(cause) {
    this.#failure = { cause, text: this.#lastWords() || cause.message };
    this.#refuse();
  }

  #refuse() {
    const { cause, text } = this.#failure;
    throw new UnderstudyError('trapped', `the engine stopped: ${text}; this instance answers nothing more, reopen it`, { detail: text, cause });
  }

  /** What the guest's panic said, if it still can say it. */
  #lastWords() {
    try {
      const pair = this.#exports.us_failure() >>> 0;
      this.#look();
      const at = this.view.getUint32(pair, true);
      const length = this.view.getUint32(pair + 4, true);
      return new TextDecoder().decode(this.bytes.subarray(at, at + length)).trim();
    } catch {
      return '';
    }
  }
}
