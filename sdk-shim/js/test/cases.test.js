// Every case, on a snapshot made by `understudy build`: what the native engine answers, in the same order, and why.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { UnderstudyError, compile, open } from '../src/index.js';
import { MODULE, cases } from './fixtures.js';

const module = await compile(MODULE);

/** Method and arguments of a question. */
function question(ask) {
  switch (ask.kind) {
    case 'authorize':
      return ['authorize', [ask.actor, ask.action, ask.resource]];
    case 'list':
      return ['list', [ask.actor, ask.action, ask.resource_type]];
    case 'actions':
      return ['actions', [ask.actor, ask.resource]];
    case 'query':
      return ['query', [ask.predicate, ask.args]];
    default:
      return ['evaluate', [[ask.predicate, ...(ask.calls ?? [])], ask.constraints ?? {}]];
  }
}

/** The cases have rows alone. */
function expectable(method, answer) {
  return method === 'query' ? answer.map(({ args }) => args) : answer;
}

function outcome(ask) {
  try {
    return ask();
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

for (const { name, snapshot, ask: asked, expected, explained } of all) {
  test(name, async () => {
    const engine = await open(snapshot, { module });
    const [method, args] = question(asked.ask);
    const options = { facts: asked.context_facts, now: asked.now, budget: 400_000_000 };
    const answer = () => outcome(() => expectable(method, engine[method](...args, options)));
    assert.deepEqual(answer(), expected);
    assert.deepEqual(answer(), expected, 'asked again');
    const why = outcome(() => engine.explain(method, args, options));
    if ('error' in why) return assert.deepEqual([why, explained], [expected, null]);
    const { answer: same, ...reasons } = why;
    assert.deepEqual(expectable(method, same), expected, 'explained');
    assert.deepEqual(reasons, explained);
  });
}
