// Questions to one sealed snapshot.
// Enters: values, patterns, facts. Leaves: decisions, ids, rows; refusals as errors. Never: turns an error into an answer.

import { bindings, decision, fact, ids, rows } from './answers.js';
import { UnderstudyError } from './error.js';
import { explanation } from './explanation.js';
import { LAYOUT_VERSION } from './module.js';
import { Writer, checked, finish, room } from './words.js';

const [AUTHORIZE, LIST, ACTIONS, QUERY, EVALUATE, FACTS, , STATUS, , , , EXPLAIN] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const [ANY, ANY_OF, EXACT] = [0, 1, 2];
/** Work units of an ordinary request: about 20 s on one core. */
const BUDGET = 400_000_000;
/** Two words that make it an explanation's, kind, version, now, budget, number of context facts, six lengths. */
const HEAD_BYTES = 64;
const NO_FACTS = Object.freeze([]);
const NO_OPTIONS = Object.freeze({});

/** An open snapshot. index.d.ts tells what each call takes and gives. */
export class Engine {
  #open;
  #guest;
  #writer;

  /** @param {() => import('./module.js').Guest} open makes an instance with the snapshot sealed */
  constructor(open) {
    this.#open = open;
    this.reopen();
  }

  reopen() {
    const guest = this.#open();
    this.#guest = guest;
    this.#writer = new Writer(guest);
  }

  authorize(actor, action, resource, contextFacts = NO_FACTS, options = NO_OPTIONS) {
    this.#askAuthorize(actor, action, resource, contextFacts, options);
    return decision(this.#answer('decision'));
  }

  list(actor, action, resourceType, contextFacts = NO_FACTS, options = NO_OPTIONS) {
    this.#askList(actor, action, resourceType, contextFacts, options);
    return ids(this.#answer('ids'));
  }

  actions(actor, resource, contextFacts = NO_FACTS, options = NO_OPTIONS) {
    this.#askActions(actor, resource, contextFacts, options);
    return ids(this.#answer('ids'));
  }

  query(predicate, args, contextFacts = NO_FACTS, options = NO_OPTIONS) {
    this.#askQuery(predicate, args, contextFacts, options);
    return rows(this.#answer('rows'), predicate);
  }

  evaluate(calls, constraints, contextFacts = NO_FACTS, options = NO_OPTIONS) {
    this.#askEvaluate(calls, constraints, contextFacts, options);
    return bindings(this.#answer('bindings'));
  }

  explain(method, args, contextFacts = NO_FACTS, options = NO_OPTIONS) {
    const more = [contextFacts, options];
    const [first, second, third] = args;
    switch (method) {
      case 'authorize':
        this.#askAuthorize(first, second, third, ...more);
        break;
      case 'list':
        this.#askList(first, second, third, ...more);
        break;
      case 'actions':
        this.#askActions(first, second, ...more);
        break;
      case 'query':
        this.#askQuery(first, second, ...more);
        break;
      case 'evaluate':
        this.#askEvaluate(first, second, ...more);
        break;
      default:
        throw new UnderstudyError('invalid', `\`${method}\` can't be explained: name authorize, list, actions, query or evaluate`);
    }
    this.#writer.within(EXPLAIN, LAYOUT_VERSION);
    return explanation(this.#answer('explanation'), method === 'query' ? first : null);
  }

  #askAuthorize(actor, action, resource, contextFacts, options) {
    this.#triple(AUTHORIZE, actor, action, value(resource, 'the resource'), contextFacts, options);
  }

  #askList(actor, action, resourceType, contextFacts, options) {
    const resource = { type: checked(resourceType, 'the type of the resources'), id: '' };
    this.#triple(LIST, actor, action, resource, contextFacts, options);
  }

  #askActions(actor, resource, contextFacts, options) {
    this.#triple(ACTIONS, actor, '', value(resource, 'the resource'), contextFacts, options);
  }

  #askQuery(predicate, args, contextFacts, options) {
    checked(predicate, 'the predicate');
    const patterns = args.map(pattern);
    this.#head(QUERY, room(predicate) + roomOfPatterns(patterns), contextFacts, options);
    const writer = this.#writer;
    writer.text(predicate, patterns.length);
    for (const asked of patterns) writePattern(writer, asked);
    this.#facts(contextFacts);
  }

  #askEvaluate(calls, constraints, contextFacts, options) {
    const asked = calls.map(([predicate, variables]) => [checked(predicate, 'a predicate'), variables.map((name) => checked(name, 'a variable'))]);
    const given = Object.entries(constraints).map(constraint);
    given.sort((one, other) => (one.name < other.name ? -1 : 1));
    const names = asked.flatMap(([predicate, variables]) => [predicate, ...variables]);
    const texts = given.flatMap(({ name, type, ids }) => [name, type, ...(ids ?? [])]);
    this.#head(EVALUATE, 8 + [...names, ...texts].reduce((sum, text) => sum + 16 + room(text), 0), contextFacts, options);
    const writer = this.#writer;
    writer.word(asked.length);
    writer.word(given.length);
    for (const [predicate, variables] of asked) {
      writer.text(predicate, variables.length);
      for (const name of variables) writer.text(name);
    }
    for (const { name, type, ids } of given) writeConstraint(writer, name, type, ids);
    this.#facts(contextFacts);
  }

  facts(predicate = null, args = NO_FACTS) {
    const patterns = args.map(pattern);
    const named = predicate === null ? '' : checked(predicate, 'the predicate');
    const writer = this.#writer;
    writer.begin(HEAD_BYTES + room(named) + roomOfPatterns(patterns));
    writer.word(FACTS);
    writer.word(LAYOUT_VERSION);
    writer.word(patterns.length);
    writer.word(0);
    writer.text(named, predicate === null ? 0 : 1);
    for (const asked of patterns) writePattern(writer, asked);
    const reader = this.#answer('facts');
    return reader.repeat(reader.word(), () => fact(reader));
  }

  status() {
    const writer = this.#writer;
    writer.begin(HEAD_BYTES);
    writer.word(STATUS);
    writer.word(LAYOUT_VERSION);
    const reader = this.#answer('status');
    reader.word();
    const [offset, epoch, createdMs, snapshotOffset, facts, types, values, relations] = reader.repeat(8, () => reader.long());
    const [environment, tenant, store] = reader.repeat(3, () => reader.text());
    return { environment, tenant, store, epoch, createdMs, snapshotOffset, offset, facts, types, values, relations };
  }

  /** Kind, version, now, budget, number of context facts. `more`: bytes of the rest at most, facts apart. */
  #head(kind, more, contextFacts, { now = Math.floor(Date.now() / 1000), budget = BUDGET }) {
    if (!Number.isSafeInteger(now)) throw new UnderstudyError('invalid', '`now` is not a whole number of seconds since 1970');
    if (!Number.isSafeInteger(budget) || budget < 0) throw new UnderstudyError('invalid', '`budget` is not a whole number of work units');
    const writer = this.#writer;
    writer.begin(HEAD_BYTES + more + (contextFacts.length === 0 ? 0 : roomOfFacts(contextFacts)));
    writer.word(kind);
    writer.word(LAYOUT_VERSION);
    writer.long(now);
    writer.long(budget);
    writer.word(contextFacts.length);
    writer.word(0);
  }

  #triple(kind, actor, action, resource, contextFacts, options) {
    value(actor, 'the actor');
    checked(action, 'the action');
    const more = room(actor.type) + room(actor.id) + room(action) + room(resource.type) + room(resource.id);
    this.#head(kind, more, contextFacts, options);
    const writer = this.#writer;
    const lengths = writer.at;
    writer.at += 24;
    writer.wordAt(lengths + 8, writer.padded(actor.type));
    writer.wordAt(lengths + 12, writer.padded(action));
    writer.wordAt(lengths + 16, writer.padded(resource.type));
    writer.wordAt(lengths + 20, 0);
    writer.wordAt(lengths, writer.padded(actor.id));
    writer.wordAt(lengths + 4, writer.padded(resource.id));
    if (contextFacts.length > 0) this.#facts(contextFacts);
  }

  #facts(facts) {
    const writer = this.#writer;
    for (const { predicate, args } of facts) {
      writer.text(predicate, args.length);
      for (const { type, id } of args) writer.texts(type, id);
    }
  }

  #answer(kind) {
    return finish(this.#guest, this.#writer.call(), kind);
  }
}

function value(given, what) {
  if (given === null || typeof given !== 'object') {
    throw new UnderstudyError('invalid', `${what} is no value: give \`{ type, id }\``);
  }
  checked(given.type, `the type of ${what}`);
  checked(given.id, `the id of ${what}`);
  return given;
}

function pattern(given, at) {
  const { type = null, id = null } = given ?? {};
  const what = `argument ${at + 1}`;
  if (type === null && id !== null) {
    throw new UnderstudyError('invalid', `${what} has an id without a type: give both, or the type alone`);
  }
  if (type === null) return { kind: ANY, type: '', id: '' };
  checked(type, `the type of ${what}`);
  if (id === null) return { kind: ANY_OF, type, id: '' };
  return { kind: EXACT, type, id: checked(id, `the id of ${what}`) };
}

function constraint([name, { type, ids = null }]) {
  checked(type, `the type of the variable \`${name}\``);
  for (const id of ids ?? []) checked(id, `an id of the variable \`${name}\``);
  return { name, type, ids };
}

function writePattern(writer, { kind, type, id }) {
  writer.word(kind);
  writer.word(0);
  writer.texts(type, id);
}

function writeConstraint(writer, name, type, ids) {
  const head = writer.at;
  writer.at += 16;
  writer.wordAt(head, writer.padded(name));
  writer.wordAt(head + 4, writer.padded(type));
  writer.wordAt(head + 8, ids === null ? 0 : 1);
  writer.wordAt(head + 12, ids === null ? 0 : ids.length);
  for (const id of ids ?? []) writer.text(id);
}

function roomOfPatterns(patterns) {
  return patterns.reduce((sum, { type, id }) => sum + 16 + room(type) + room(id), 8);
}

function roomOfFacts(facts) {
  let sum = 0;
  for (const { predicate, args } of facts) {
    sum += 8 + room(checked(predicate, 'the predicate of a context fact'));
    for (const argument of args) {
      value(argument, 'an argument of a context fact');
      sum += 8 + room(argument.type) + room(argument.id);
    }
  }
  return sum;
}
