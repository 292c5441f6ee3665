// What the package itself does: encoding, growth of memory, errors, traps.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Engine, compile, open } from '../src/index.js';
import { Guest } from '../src/module.js';
import { place } from '../src/snapshot.js';
import { MODULE, path } from './fixtures.js';

const module = await compile(MODULE);
const snapshot = path('large', 'case.snapshot');
const user = (id) => ({ type: 'User', id });
const folder = (id) => ({ type: 'Folder', id });
const owns = (who, what) => ({ predicate: 'owner', args: [user(who), folder(what)] });

test('a list of 50,000 ids arrives whole, in bytewise order', async () => {
  const engine = await open(snapshot, { module });
  const ids = engine.list(user('ann'), 'read', 'Folder');
  assert.equal(ids.length, 50_000);
  assert.equal(new Set(ids).size, 50_000);
  assert.deepEqual(ids, ids.toSorted());
  assert.ok(engine.authorize(user('ann'), 'read', folder(ids[49_999])), 'after memory has grown');
  assert.ok(!engine.authorize(user('bob'), 'read', folder(ids[0])));
});

test('requests outgrow the buffer and shrink again', async () => {
  const engine = await open(snapshot, { module });
  for (const n of [0, 1, 100, 9_000, 3]) {
    const contextFacts = Array.from({ length: n }, (_, at) => owns('bob', `new${at}`));
    assert.equal(engine.list(user('bob'), 'read', 'Folder', { facts: contextFacts }).length, n);
    assert.equal(engine.authorize(user('bob'), 'read', folder(`new${n - 1}`), { facts: contextFacts }), n > 0);
    assert.equal(engine.authorize(user('bob'), 'read', folder('new0')), false, 'context facts are of one request');
  }
});

test('ids keep every byte', async () => {
  const engine = await open(snapshot, { module });
  const ids = ['é', '日本語', '🦀', '\u{feff}bom', 'a\0b', 'A', 'a', 'x'.repeat(500), 'é'.repeat(200), '12345678', '1234567é'];
  const contextFacts = ids.map((id) => owns('bob', id));
  const bytewise = (one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other));
  assert.deepEqual(engine.list(user('bob'), 'read', 'Folder', { facts: contextFacts }), ids.toSorted(bytewise));
  for (const id of ids) assert.ok(engine.authorize(user('bob'), 'read', folder(id), { facts: contextFacts }), id);
  assert.ok(!engine.authorize(user('bob'), 'read', folder('a\0c'), { facts: contextFacts }));
});

test('stored facts by pattern, without rules', async () => {
  const engine = await open(snapshot, { module });
  assert.equal(engine.facts().length, 50_001);
  assert.deepEqual(engine.facts('owner', [user('eve')]), [owns('eve', 'été')]);
  assert.deepEqual(engine.facts('owner', [null, folder('été')]), [owns('eve', 'été')]);
  assert.equal(engine.facts('owner', [{ type: 'User' }, { type: 'Folder' }]).length, 50_001);
  assert.deepEqual(engine.facts('none'), []);
});

test('an explanation outgrows the buffer like its question, and is of five methods', async () => {
  const engine = await open(snapshot, { module });
  const contextFacts = Array.from({ length: 5_000 }, (_, at) => owns('bob', `new${at}`));
  const why = engine.explain('authorize', [user('bob'), 'read', folder('new4999')], { facts: contextFacts });
  assert.equal(why.answer, true);
  assert.deepEqual(why.goals.at(-1).ways, [{ by: 'context_fact', file: null, line: null, conditions: [] }]);
  const { answer, nearest, goals } = engine.explain('authorize', [user('bob'), 'read', folder('new0')]);
  assert.equal(answer, false, 'context facts are of one request');
  const [missing] = goals[nearest.goal].ways[nearest.way].conditions.filter(({ outcome }) => outcome === 'failed');
  assert.deepEqual([missing.kind, missing.predicate], ['goal', 'owner']);
  assert.throws(() => engine.explain('facts', []), { kind: 'invalid', message: /`facts` is no question/ });
  assert.throws(() => engine.explain('authorize', [user('bob'), 'read']), { kind: 'invalid', message: /the resource is no value/ });
});

test('questions that are none are refused, and the engine goes on', async () => {
  const engine = await open(snapshot, { module });
  const refused = (ask, message) => assert.throws(ask, { name: 'UnderstudyError', kind: 'invalid', message });
  refused(() => engine.authorize('ann', 'read', folder('f1')), /the actor is no value/);
  refused(() => engine.authorize(user(7), 'read', folder('f1')), /the id of the actor is a number/);
  refused(() => engine.authorize(user('ann'), undefined, folder('f1')), /the action is a undefined/);
  refused(() => engine.authorize(user(''), 'read', folder('f1')), /empty id/);
  refused(() => engine.authorize(user('*'), 'read', folder('f1')), /`\*`/);
  refused(() => engine.authorize(user('\ud800'), 'read', folder('f1')), /surrogate/);
  refused(() => engine.list(user('ann'), 'read', null), /the type of the resources is null/);
  refused(() => engine.query('owner', [{ id: 'ann' }]), /argument 1 has an id without a type/);
  refused(() => engine.authorize(user('ann'), 'read', folder('f1'), { facts: [{ predicate: 'p', args: ['x'] }] }), /an argument of a context fact/);
  refused(() => engine.authorize(user('ann'), 'read', folder('f1'), { now: 1.5 }), /`now`/);
  refused(() => engine.authorize(user('ann'), 'read', folder('f1'), { budget: -1 }), /`budget`/);
  assert.ok(engine.authorize(user('eve'), 'read', folder('été')));
});

test('options are one object, and what is another thing is told as such', async () => {
  const engine = await open(snapshot, { module });
  const wrong = (options, message) => assert.throws(() => engine.authorize(user('ann'), 'read', folder('f1'), options), { name: 'TypeError', message });
  wrong([], /one object.*not an array.*facts/);
  wrong([owns('ann', 'f1')], /not an array/);
  wrong(7, /one object.*not a number/);
  wrong(null, /one object.*not null/);
  wrong({ facts: { now: 1 } }, /`facts` is no array of context facts, but an object with `now`: options stand beside/);
  wrong({ facts: { predicate: 'owner' } }, /`facts` is no array/);
  wrong({ bugdet: 1 }, /`bugdet` is no option: there are facts, now, budget, strict/);
  wrong({ strict: 'yes' }, /`strict`/);
  assert.ok(engine.authorize(user('eve'), 'read', folder('été'), { now: 1 }));
  assert.throws(() => engine.list(user('ann'), 'read', 'Folder', { facts: [null] }), { kind: 'invalid', message: /no fact/ });
});

test('strict calls refuse names that nothing has, and say which is meant', async () => {
  const engine = await open(snapshot, { module });
  const strict = { strict: true };
  const unknown = (ask, message) => assert.throws(ask, { name: 'UnderstudyError', kind: 'unknown_name', message });
  unknown(() => engine.authorize({ type: 'Usr', id: 'ann' }, 'read', folder('f1'), strict), /no type `Usr`: did you mean `User`/);
  unknown(() => engine.authorize(user('ann'), 'raed', folder('f1'), strict), /no action `raed`: did you mean `read`/);
  unknown(() => engine.list(user('ann'), 'read', 'Foldr', strict), /`Foldr`/);
  unknown(() => engine.query('onwer', [null, null], strict), /no predicate `onwer` of 2 arguments: did you mean `owner`/);
  unknown(() => engine.query('owner', [null], strict), /`owner` has 2/);
  unknown(() => engine.evaluate([['owner', ['u', 'f']]], { u: { type: 'User' }, f: { type: 'Flder' } }, strict), /`Flder`/);
  assert.equal(engine.authorize(user('ann'), 'raed', folder('f1')), false);
  assert.equal(engine.authorize(user('zoe'), 'read', folder('none'), strict), false, 'ids are not names');
  assert.ok(engine.authorize(user('eve'), 'read', folder('été'), strict));
  assert.deepEqual(engine.unknownNames('authorize', [user('ann'), 'read', folder('f1')]), []);
  unknown(() => engine.authorize(user('ann'), '', folder('f1'), strict), /the action is empty/);
  const stray = (predicate, ...args) => ({ ...strict, facts: [{ predicate, args }] });
  unknown(() => engine.list(user('ann'), 'read', 'Folder', stray('ownr', user('ann'), folder('f1'))), /no predicate `ownr` of 2 arguments/);
  unknown(() => engine.list(user('ann'), 'read', 'Folder', stray('owner', user('ann'), { type: 'Fodler', id: 'f1' })), /no type `Fodler`/);
  assert.equal(engine.list(user('bob'), 'read', 'Folder', { ...strict, facts: [owns('bob', 'f1')] }).length, 1);
  assert.match(engine.unknownNames('list', [user('ann'), 'read', 'Folder'], stray('ownr', user('ann'))).join(), /`ownr`/);
  unknown(() => engine.facts('ownr', [], strict), /no predicate `ownr`/);
  unknown(() => engine.facts('owner', [{ type: 'Usr' }], strict), /no type `Usr`/);
  unknown(() => engine.facts(null, [{ type: 'Usr' }], strict), /no type `Usr`/);
  assert.equal(engine.facts('owner', [user('eve')], strict).length, 1, 'fewer arguments than the facts have');
  assert.throws(() => engine.facts('owner', [], { limit: 1 }), { name: 'TypeError', message: /`limit` is no option: there is strict/ });
  const always = await open(snapshot, { module, strict: true });
  unknown(() => always.facts('ownr'), /`ownr`/);
  unknown(() => always.list(user('ann'), 'raed', 'Folder'), /`raed`/);
  assert.deepEqual(always.list(user('ann'), 'raed', 'Folder', { strict: false }), []);
});

test("`open` takes its own options alone, of their types", async () => {
  const wrong = (options, message) => assert.rejects(open(snapshot, options), { name: 'TypeError', message });
  await wrong({ module, strct: true }, /`strct` is no option: there are module, strict, memory/);
  await wrong({ module, strict: 'yes' }, /`strict` is neither true nor false/);
  await wrong({ module, memory: '1' }, /`memory` is a string: give a number of bytes/);
  await wrong({ module: 7 }, /`module` is a number: give a path/);
  await wrong(true, /one object.*not a boolean/);
  await wrong([module], /one object.*not an array/);
  await wrong(null, /one object.*not null/);
});

test('pages together are the whole answer', async () => {
  const engine = await open(snapshot, { module });
  const whole = engine.query('owner', [null, null]);
  assert.equal(whole.length, 50_001);
  const pages = [...engine.pages('owner', [null, null], { pageSize: 20_000 })];
  assert.deepEqual(pages.map((page) => page.length), [20_000, 20_000, 10_001]);
  assert.deepEqual(pages.flat(), whole);
  assert.deepEqual([...engine.pages('owner', [user('none'), null])], []);
  assert.throws(() => engine.pages('owner', [null, null], { pageSize: 0 }).next(), { kind: 'invalid', message: /pageSize/ });
  assert.throws(() => engine.query('owner', [null, null], { pageSize: 3 }), { name: 'TypeError', message: /`pageSize` is no option/ });
});

test('a spent budget is an error, never a shorter list', async () => {
  const engine = await open(snapshot, { module });
  assert.throws(() => engine.list(user('ann'), 'read', 'Folder', { budget: 100 }), { kind: 'budget', units: 100 });
  assert.equal(engine.list(user('ann'), 'read', 'Folder').length, 50_000);
});

test('memory that is used up is an error with its limit, and the engine goes on', async () => {
  const engine = await open(snapshot, { module, memory: 1 << 20 });
  assert.throws(() => engine.list(user('ann'), 'read', 'Folder'), { kind: 'memory', units: 1 << 20, message: /1048576 bytes of memory/ });
  assert.ok(engine.authorize(user('eve'), 'read', folder('été')));
  await assert.rejects(open(snapshot, { module, memory: -1 }), { kind: 'invalid', message: /`memory`/ });
});

test('after a trap an instance only says what happened; reopened, the engine answers', () => {
  let guest;
  const engine = new Engine(() => {
    guest = new Guest(module);
    place(guest, snapshot);
    return guest;
  });
  const ask = () => engine.authorize(user('eve'), 'read', folder('été'));
  assert.ok(ask());
  const status = engine.status();
  // The guest's own words, stack and heap are overwritten: whatever runs next can't go on.
  guest.bytes.fill(0xff, 0, guest.bytes.length);
  assert.throws(ask, { name: 'UnderstudyError', kind: 'trapped' });
  assert.throws(ask, { kind: 'trapped', message: /reopen it/ });
  assert.throws(() => engine.status(), { kind: 'trapped' });
  engine.reopen();
  assert.ok(ask());
  assert.deepEqual(engine.status(), status);
});

test("a panic's text comes out with every refusal after it", () => {
  const guest = new Guest(module);
  const message = /capacity overflow.*reopen it/s;
  // A length that no memory has, past the package's own limit.
  assert.throws(() => guest.request(0xffffffff), { kind: 'trapped', message });
  assert.throws(() => guest.request(8), { kind: 'trapped', message });
  assert.throws(() => guest.call(8), { kind: 'trapped', message });
  assert.throws(() => guest.reserve(8), { kind: 'trapped', message });
});
