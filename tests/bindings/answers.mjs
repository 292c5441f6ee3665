// The component in JavaScript, as jco writes it: it can be loaded, and no answer but an allow is true.
//
//   node answers.mjs FOLDER/understudy.component.js

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

const { authorizer, snapshot, vocabulary } = await import(pathToFileURL(process.argv[2]).href);
const POLICY = 'actor User {} resource Repo { permissions = ["read"]; roles = ["reader"]; "read" if "reader"; }';
const value = (typeName, id) => ({ typeName, id });
const context = (budget) => ({ facts: [], nowS: 0n, budget });
const [ann, bob, web] = [value('User', 'ann'), value('User', 'bob'), value('Repo', 'web')];
const reader = { predicate: 'has_role', args: [ann, value('String', 'reader'), web] };
const manifest = { environment: 'e', tenant: '', store: 's', epoch: 1n, createdMs: 0n, offset: 0n, facts: 0n };

assert.ok(!authorizer.authorize(ann, 'read', web, context()));
assert.equal(authorizer.refuses(ann, 'read', web, context()).error.tag, 'not-open');

const bytes = snapshot.build(manifest, POLICY, undefined, [reader]);
snapshot.reserve(BigInt(bytes.length));
snapshot.write(0n, bytes);
assert.equal(snapshot.seal({ seed: 1n, checked: 'nothing', memoryMax: undefined, room: 1 << 20 }).facts, 1n);

assert.equal(authorizer.authorize(ann, 'read', web, context()), true);
assert.equal(authorizer.refuses(ann, 'read', web, context()), undefined);
assert.ok(!authorizer.authorize(bob, 'read', web, context()));
assert.equal(authorizer.refuses(bob, 'read', web, context()).error, undefined);
assert.ok(!authorizer.authorize(ann, 'read', web, context(0n)));
assert.equal(authorizer.refuses(ann, 'read', web, context(0n)).error.tag, 'budget');
assert.deepEqual(vocabulary.strings('has_role', 3, 1), ['reader']);
console.log('ok');
