// The core module itself: what it finds out without its host, and what hosts vouch for. Flat exports alone, as RAW.md draws them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { MODULE, cases } from './fixtures.js';

const module = await WebAssembly.compile(readFileSync(MODULE));
const [small] = cases()
  .map(({ snapshot }) => readFileSync(snapshot))
  .sort((one, other) => one.length - other.length);

/** Kind of the answer, and an error's message. */
function sealed(bytes, { by = 'us_seal', memory } = {}) {
  const guest = new WebAssembly.Instance(module, {}).exports;
  const at = guest.us_reserve(bytes.length) >>> 0;
  new Uint8Array(guest.memory.buffer).set(bytes, at);
  if (memory) guest.us_memory(...memory);
  const pair = guest[by](bytes.length, 1, 2) >>> 0;
  const view = new DataView(guest.memory.buffer);
  const answer = Buffer.from(guest.memory.buffer, view.getUint32(pair, true), view.getUint32(pair + 4, true));
  return { kind: answer.readUInt32LE(0), text: answer.toString(), guest };
}

test('sealing checks every digest itself', () => {
  assert.equal(sealed(small).kind, 7);
  const flipped = Uint8Array.from(small);
  // Every byte of small snapshots, some thousands of larger ones.
  const step = Math.max(1, Math.floor(small.length / 4000));
  for (let at = 0; at < small.length; at += step) {
    flipped[at] ^= 1 << at % 8;
    const { kind, text } = sealed(flipped);
    assert.equal(kind, 0, `byte ${at}`);
    assert.match(text, /the snapshot (is damaged|is cut off|has format version)|this isn't a snapshot/, `byte ${at}`);
    flipped[at] ^= 1 << at % 8;
  }
});

test('a host that has verified says so', () => {
  assert.equal(sealed(small, { by: 'us_seal_verified' }).kind, 7);
});

test('room for requests is taken at once, and what there is not is refused', () => {
  const without = sealed(small).guest.memory.buffer.byteLength;
  const room = 16 << 20;
  const withRoom = sealed(small, { memory: [0, room] }).guest.memory.buffer.byteLength;
  assert.ok(withRoom >= without + room - (1 << 20) && withRoom <= without + room + (1 << 20), `${without}, ${withRoom}`);
  const { kind, text } = sealed(small, { memory: [0, 0xf0000000] });
  assert.equal(kind, 0);
  assert.match(text, /memory can't grow by the room for requests/);
});
