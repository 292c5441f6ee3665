// Every case, on a snapshot made by `understudy build`: what the native engine answers, in the same order.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { UnderstudyError, compile, open } from '../src/index.js';
import { MODULE, cases } from './fixtures.js';

const module = await compile(MODULE);

function answer(engine, { ask, context_facts: contextFacts, now }) {
  const more = [contextFacts, { now }];
  switch (ask.kind) {
    case 'authorize':
      return engine.authorize(ask.actor, ask.action, ask.resource, ...more);
    case 'list':
      return engine.list(ask.actor, ask.action, ask.resource_type, ...more);
    case 'actions':
      return engine.actions(ask.actor, ask.resource, ...more);
    case 'query':
      return engine.query(ask.predicate, ask.args, ...more).map(({ args }) => args);
    default:
      return engine.evaluate([ask.predicate, ...(ask.calls ?? [])], ask.constraints ?? {}, ...more);
  }
}

function outcome(engine, asked) {
  try {
    return answer(engine, asked);
  } catch (error) {
    if (!(error instanceof UnderstudyError)) throw error;
    return { error: error.kind };
  }
}

const all = cases();

test('there are cases of every kind', () => {
  const kinds = new Set(all.map(({ ask }) => ask.ask.kind));
  for (const kind of ['authorize', 'list', 'actions', 'query']) assert.ok(kinds.has(kind), kind);
  assert.ok(kinds.has('evaluate') || kinds.has('evaluate_query'));
});

for (const { name, snapshot, ask, expected } of all) {
  test(name, async () => {
    const engine = await open(snapshot, { module });
    assert.deepEqual(outcome(engine, ask), expected);
    assert.deepEqual(outcome(engine, ask), expected, 'asked again');
  });
}
