// Damaged snapshots are refused before the engine sees them; paths and bytes are the same.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { compile, open } from '../src/index.js';
import { damage } from '../src/snapshot.js';
import { MODULE, path } from './fixtures.js';

const module = await compile(MODULE);
const snapshot = path('large', 'case.snapshot');
const whole = readFileSync(snapshot);
const folder = mkdtempSync(join(tmpdir(), 'understudy-'));
after(() => rmSync(folder, { recursive: true }));

const refused = (bytes, message) => assert.rejects(open(bytes, { module }), { name: 'UnderstudyError', kind: 'snapshot', message });

test('a whole snapshot opens from a path and from bytes, and says what it is', async () => {
  const fromPath = (await open(snapshot, { module })).status();
  const fromBytes = (await open(whole, { module })).status();
  assert.deepEqual(fromPath, fromBytes);
  assert.equal(fromPath.environment, 'e_0123456789');
  assert.equal(fromPath.epoch, 1);
  assert.equal(fromPath.facts, 50_001);
});

test('one flipped bit anywhere is found', () => {
  assert.equal(damage(whole), null);
  const bytes = Uint8Array.from(whole);
  // Every byte of the header and the table, then bytes of every section.
  const places = [...Array(64 + 6 * 64).keys()];
  for (let at = places.length; at < bytes.length; at += 10_007) places.push(at);
  places.push(bytes.length - 1);
  for (const at of places) {
    bytes[at] ^= 1 << at % 8;
    assert.notEqual(damage(bytes), null, `byte ${at}`);
    bytes[at] ^= 1 << at % 8;
  }
});

test('damaged snapshots are refused with what is wrong', async () => {
  const flipped = Uint8Array.from(whole);
  flipped[flipped.length - 100] ^= 4;
  await refused(flipped, /the snapshot is damaged: its relations is not what was written/);
  await refused(whole.subarray(0, whole.length - 64), /cut off or has a tail/);
  await refused(Buffer.concat([whole, Buffer.alloc(64)]), /cut off or has a tail/);
  await refused(new Uint8Array(0), /cut off or has a tail: 0 bytes/);
  await refused(Buffer.from('{"facts": []}'), /isn't a snapshot/);
  const version = Uint8Array.from(whole);
  version[8] = 9;
  await refused(version, /format version 9, this build reads version 0/);
});

test('files that are no snapshot are refused with their name', async () => {
  const file = join(folder, 'damaged.snapshot');
  const flipped = Uint8Array.from(whole);
  flipped[400] ^= 1;
  writeFileSync(file, flipped);
  await refused(file, /damaged\.snapshot: the snapshot is damaged/);
  await refused(join(folder, 'missing.snapshot'), /missing\.snapshot: the snapshot can't be read \(ENOENT\)/);
  await refused(folder, /the snapshot can't be read/);
});

test('a core module that is none is refused', async () => {
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  await assert.rejects(open(whole, { module: empty }), { kind: 'module', message: /lacks `memory`/ });
  await assert.rejects(open(whole, { module: whole }), { kind: 'module', message: /can't be compiled/ });
  await assert.rejects(open(whole, { module: join(folder, 'none.wasm') }), { kind: 'module', message: /none\.wasm can't be read \(ENOENT\)/ });
});
