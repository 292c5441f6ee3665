// Answers to questions, read behind their first word.
// Enters: a reader at the second word. Leaves: decisions, ids, rows, facts. Never: takes anything but 1 for an allow.

import { UnderstudyError } from './error.js';

const [ANY, , EXACT] = [0, 1, 2];

/** True or false. */
export function decision(reader) {
  const word = reader.word();
  if (word > 1) throw new UnderstudyError('malformed', "the engine's decision can't be read");
  return word === 1;
}

/** Ids in bytewise order. */
export function ids(reader) {
  return reader.texts(reader.word());
}

/** Solutions of a predicate. */
export function rows(reader, predicate) {
  return reader.repeat(reader.word(), () => {
    const arity = reader.word();
    reader.word();
    return { predicate, args: reader.repeat(arity, () => row(reader)) };
  });
}

/** Some solutions of a predicate, and how many there are. */
export function page(reader, predicate) {
  reader.word();
  const total = reader.long();
  if (reader.kind() !== 'rows') throw new UnderstudyError('malformed', "the engine's page can't be read");
  return { rows: rows(reader, predicate), total };
}

/** A sentence per name that nothing has. */
export function unknownNames(reader) {
  return reader.repeat(reader.word(), () => reader.text());
}

/** An argument of a solution: null stands for any. */
function row(reader) {
  const { type, id } = typed(reader);
  return { type, id };
}

/** A value, any of a type or anything, with the number in its second word. */
export function typed(reader) {
  const [kind, number, typeBytes, idBytes] = reader.repeat(4, () => reader.word());
  const [type, id] = [reader.padded(typeBytes), reader.padded(idBytes)];
  return { type: kind === ANY ? null : type, id: kind === EXACT ? id : null, number };
}

/** A stored fact. */
export function fact(reader) {
  const [predicateBytes, arity] = [reader.word(), reader.word()];
  const predicate = reader.padded(predicateBytes);
  const args = reader.repeat(arity, () => {
    const [typeBytes, idBytes] = [reader.word(), reader.word()];
    const type = reader.padded(typeBytes);
    return { type, id: reader.padded(idBytes) };
  });
  return { predicate, args };
}

/** One object a solution, an id per variable. */
export function bindings(reader) {
  const nVariables = reader.word();
  const nRows = reader.word();
  reader.word();
  const variables = reader.repeat(nVariables, () => reader.text());
  return reader.repeat(nRows, () => {
    const n = reader.word();
    reader.word();
    const ids = reader.repeat(n, () => reader.optional());
    return Object.fromEntries(variables.map((name, at) => [name, ids[at]]));
  });
}
