// Why an answer is as it is: goals in one list, named by their places in it.
// Enters: a reader behind an explanation's first word. Leaves: what index.d.ts calls Explanation. Never: decides anything.

import { bindings, decision, ids, rows, typed } from './answers.js';
import { named } from './words.js';

const WAYS = ['stored_fact', 'later_fact', 'context_fact', 'question', 'rule'];
const CONDITIONS = ['goal', 'not', 'compare', 'in', 'never'];
const OUTCOMES = ['met', 'failed', 'open'];
const SIGNS = ['=', '!=', '<', '<=', '>', '>='];

/** `predicate`: the one asked for, of a query. */
export function explanation(reader, predicate) {
  reader.word();
  const [isCut, nRoots, nGoals, hasNearest, goal, way] = reader.repeat(6, () => reader.word());
  const answer = answered(reader, predicate);
  const roots = reader.repeat(nRoots, () => reader.word());
  if (nRoots % 2 === 1) reader.word();
  const goals = reader.repeat(nGoals, () => readGoal(reader));
  return { answer, roots, goals, nearest: hasNearest === 1 ? { goal, way } : null, isCut: isCut === 1 };
}

function answered(reader, predicate) {
  switch (reader.kind()) {
    case 'decision':
      return decision(reader);
    case 'ids':
      return ids(reader);
    case 'rows':
      return rows(reader, predicate);
    default:
      return bindings(reader);
  }
}

function readGoal(reader) {
  const [holds, nWays] = [reader.word(), reader.word()];
  const goal = atom(reader);
  return { ...goal, holds: holds === 1, ways: reader.repeat(nWays, () => readWay(reader)) };
}

function readWay(reader) {
  const by = named(WAYS, reader.word());
  const [nConditions, , line] = reader.repeat(3, () => reader.word());
  const file = reader.text();
  const conditions = reader.repeat(nConditions, () => condition(reader));
  if (by !== 'rule') return { by, file: null, line: null, conditions };
  return line === 0 ? { by: 'default_rule', file: null, line: null, conditions } : { by, file, line, conditions };
}

function condition(reader) {
  const kind = named(CONDITIONS, reader.word());
  const outcome = named(OUTCOMES, reader.word());
  const [hasGoal, place] = [reader.word(), reader.word()];
  return { kind, outcome, goal: hasGoal === 1 ? place : null, ...said(reader, kind) };
}

function said(reader, kind) {
  if (kind === 'never') return {};
  if (kind === 'goal' || kind === 'not') return atom(reader);
  const [first] = [reader.word(), reader.word()];
  if (kind === 'compare') return { sign: named(SIGNS, first), left: typed(reader), right: typed(reader) };
  return { left: typed(reader), elements: reader.repeat(first, () => typed(reader)) };
}

function atom(reader) {
  const [predicateBytes, arity] = [reader.word(), reader.word()];
  const predicate = reader.padded(predicateBytes);
  return { predicate, args: reader.repeat(arity, () => typed(reader)) };
}
