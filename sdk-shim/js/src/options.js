// What a call, or `open`, is told besides its question.
// Enters: the one object of options, or nothing. Leaves: facts, now, budget, strict; module, memory. Never: takes one thing for another.

import { UnderstudyError } from './error.js';

/** Work units of a request that names none: about a second on one core. */
const BUDGET = 20_000_000;
const NO_FACTS = Object.freeze([]);
const KEYS = ['facts', 'now', 'budget', 'strict'];
const OPENING = ['module', 'strict', 'memory'];
/** Rows of a page that names none. */
const PAGE_ROWS = 1000;
const PAGE_ROWS_MAX = 2 ** 32 - 1;

const seconds = () => Math.floor(Date.now() / 1000);

/** Options of one question. Throws a `TypeError` for what is no object of options. */
export function read(options) {
  if (options === undefined) return { facts: NO_FACTS, now: seconds(), budget: BUDGET, strict: undefined };
  return known(options, KEYS);
}

/** The same of a question in pages: every page is of the same moment. */
export function readPaging(options = {}) {
  const { pageSize = PAGE_ROWS, ...others } = known(options, [...KEYS, 'pageSize']);
  if (!Number.isSafeInteger(pageSize) || pageSize < 1 || pageSize > PAGE_ROWS_MAX) {
    throw new UnderstudyError('invalid', '`pageSize` is no whole number of rows, 1 or more');
  }
  return { ...others, limit: pageSize };
}

/** Options of `facts`, which asks no rules. */
export function readListing(options = {}) {
  object(options, ['strict']);
  strictness(options.strict);
  return options.strict;
}

/** Options of `open`. Throws a `TypeError` that names the one that is none, or is of another type. */
export function readOpening(options = {}) {
  object(options, OPENING);
  const { module, strict, memory = 0 } = options;
  const isSource = [URL, Uint8Array, ArrayBuffer, WebAssembly.Module].some((kind) => module instanceof kind);
  if (module !== undefined && typeof module !== 'string' && !isSource) {
    throw new TypeError(`\`module\` is ${thing(module)}: give a path, a URL, bytes or what \`compile\` gave`);
  }
  strictness(strict);
  if (typeof memory !== 'number') throw new TypeError(`\`memory\` is ${thing(memory)}: give a number of bytes`);
  if (!Number.isSafeInteger(memory) || memory < 0 || memory >= 2 ** 32) {
    throw new UnderstudyError('invalid', '`memory` is no number of bytes below 4 GiB');
  }
  return { module, strict: strict ?? false, memory };
}

function strictness(strict) {
  if (strict !== undefined && typeof strict !== 'boolean') throw new TypeError('`strict` is neither true nor false');
}

function thing(given) {
  return given === null ? 'null' : Array.isArray(given) ? 'an array' : typeof given === 'object' ? 'an object' : `a ${typeof given}`;
}

function object(options, keys, hint = '') {
  const names = keys.join(', ');
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new TypeError(`the last argument is one object, { ${names} }, not ${thing(options)}${Array.isArray(options) ? hint : ''}`);
  }
  for (const key of Object.keys(options)) {
    if (!keys.includes(key)) throw new TypeError(`\`${key}\` is no option: there ${keys.length === 1 ? 'is' : 'are'} ${names}`);
  }
}

function known(options, keys) {
  object(options, keys, ': give context facts as { facts: […] }');
  const { facts = NO_FACTS, now = seconds(), budget = BUDGET, strict, ...others } = options;
  if (!Array.isArray(facts)) throw new TypeError(`\`facts\` is no array of context facts, but ${said(facts)}`);
  strictness(strict);
  if (!Number.isSafeInteger(now)) throw new UnderstudyError('invalid', '`now` is not a whole number of seconds since 1970');
  if (!Number.isSafeInteger(budget) || budget < 0) throw new UnderstudyError('invalid', '`budget` is not a whole number of work units');
  return { ...others, facts, now, budget, strict };
}

/** What stands in the place of facts; options there by mistake are told where they belong. */
function said(facts) {
  if (facts === null || typeof facts !== 'object') return facts === null ? 'null' : `a ${typeof facts}`;
  const strays = Object.keys(facts).filter((key) => KEYS.includes(key));
  if (strays.length > 0) return `an object with \`${strays[0]}\`: options stand beside \`facts\`, as { facts: […], ${strays[0]}: … }`;
  return 'an object: give [{ predicate, args }, …]';
}
