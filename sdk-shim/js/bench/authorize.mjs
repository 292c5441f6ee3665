// Open time and ns per authorize, in this process:
//   node bench/authorize.mjs understudy.core.wasm FILE.snapshot queries.jsonl
// `queries.jsonl` is that of tests/workload; its authorize queries are asked in turn, each against its known answer first.

import { readFileSync, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import { compile, open } from '../src/index.js';

const [modulePath, snapshot, queriesPath] = process.argv.slice(2);
if (queriesPath === undefined) {
  console.error('usage: node bench/authorize.mjs understudy.core.wasm FILE.snapshot queries.jsonl');
  process.exit(2);
}
const ROUNDS = 31;
const ROUND_MS = 100;
const MEASURE_MS = 4000;
const NOW = 1_780_000_000;

const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1];
const ms = (from) => performance.now() - from;

let from = performance.now();
const module = await compile(modulePath);
const compiled = ms(from);
const opened = [];
let engine;
for (let n = 0; n < 9; n++) {
  from = performance.now();
  engine = await open(snapshot, { module });
  opened.push(ms(from));
}
const megabytes = statSync(snapshot).size / 1e6;
console.log(`open: compile ${compiled.toFixed(1)} ms, snapshot of ${megabytes.toFixed(2)} MB ${median(opened).toFixed(2)} ms (first ${opened[0].toFixed(2)} ms)`);

const queries = readFileSync(queriesPath, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const kinds = new Map();
for (const query of queries) kinds.set(query.kind, [...(kinds.get(query.kind) ?? []), query]);

function measure(name, asked, ask) {
  const rounds = [];
  from = performance.now();
  for (const query of asked) ask(query);
  // Rounds of a length that a list of thousands and a check of microseconds both bear.
  const n = Math.max(1, Math.ceil(ROUND_MS / ms(from)));
  const begun = performance.now();
  for (let round = 0; round < ROUNDS && ms(begun) < MEASURE_MS; round++) {
    from = performance.now();
    for (let again = 0; again < n; again++) for (const query of asked) ask(query);
    rounds.push((ms(from) * 1e6) / (n * asked.length));
  }
  console.log(`${name}: ${asked.length} queries, ns per call: minimum ${Math.min(...rounds).toFixed(0)}, median ${median(rounds).toFixed(0)}`);
}

const options = { now: NOW };
const [first] = queries;
// A type that no rule knows: what encoding, the call and decoding cost.
const nowhere = { type: 'NoSuchType', id: '1' };
measure('authorize, nothing to find', [first], ({ actor, action }) => engine.authorize(actor, action, nowhere, options));
for (const [kind, asked] of kinds) {
  if (asked[0].op === 'authorize') {
    const wrong = asked.filter(({ actor, action, resource, expected }) => engine.authorize(actor, action, resource, options) !== expected);
    if (wrong.length > 0) throw new Error(`${kind}: ${wrong.length} wrong answers, first ${JSON.stringify(wrong[0])}`);
    measure(`authorize ${kind}`, asked, ({ actor, action, resource }) => engine.authorize(actor, action, resource, options));
  } else if (asked[0].op === 'list') {
    measure(`list ${kind}`, asked.slice(0, 20), ({ actor, action, resource_type: type }) => engine.list(actor, action, type, options));
  }
}
