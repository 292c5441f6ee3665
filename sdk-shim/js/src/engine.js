// Questions to one sealed snapshot.
// Enters: values, patterns, facts. Leaves: decisions, ids, rows; refusals as errors. Never: turns an error into an answer.

import { bindings, decision, fact, ids, page, rows, unknownNames } from './answers.js';
import { UnderstudyError } from './error.js';
import { explanation } from './explanation.js';
import { LAYOUT_VERSION } from './module.js';
import { read as readOptions, readListing, readPaging } from './options.js';
import { Writer, checked, finish, room } from './words.js';

const [AUTHORIZE, LIST, ACTIONS, QUERY, EVALUATE, FACTS, STATUS] = [1, 2, 3, 4, 5, 6, 8];
const [EXPLAIN, PAGE, UNKNOWN_NAMES] = [12, 16, 17];
const [ANY, ANY_OF, EXACT] = [0, 1, 2];
/** Six words that make it a page's, kind, version, now, budget, number of context facts, six lengths. */
const HEAD_BYTES = 80;
/** Arguments of a stored fact at most. */
const FACT_ARITY_MAX = 5;
const NO_ARGS = Object.freeze([]);

/** An open snapshot. index.d.ts tells what each call takes and gives. */
export class Engine {
  #open;
  #strict;
  #guest;
  #writer;

  /**
   * @param {() => import('./module.js').Guest} open makes an instance with the snapshot sealed
   * @param {{ strict?: boolean }} [defaults] of the options of every call
   */
  constructor(open, { strict = false } = {}) {
    this.#open = open;
    this.#strict = strict;
    this.reopen();
  }

  reopen() {
    const guest = this.#open();
    this.#guest = guest;
    this.#writer = new Writer(guest);
  }

  authorize(actor, action, resource, options) {
    this.#ask((given) => this.#askAuthorize(actor, action, resource, given), readOptions(options));
    return decision(this.#answer('decision'));
  }

  list(actor, action, resourceType, options) {
    this.#ask((given) => this.#askList(actor, action, resourceType, given), readOptions(options));
    return ids(this.#answer('ids'));
  }

  actions(actor, resource, options) {
    this.#ask((given) => this.#askActions(actor, resource, given), readOptions(options));
    return ids(this.#answer('ids'));
  }

  query(predicate, args, options) {
    this.#ask((given) => this.#askQuery(predicate, args, given), readOptions(options));
    return rows(this.#answer('rows'), predicate);
  }

  *pages(predicate, args, options) {
    const { limit, ...given } = readPaging(options);
    for (let skip = 0, total = 1; skip < total; skip += limit) {
      this.#ask((given) => this.#askQuery(predicate, args, given), given);
      this.#writer.within([PAGE, LAYOUT_VERSION, skip >>> 0, Math.floor(skip / 2 ** 32), limit, 0]);
      const found = page(this.#answer('page'), predicate);
      total = found.total;
      if (found.rows.length > 0) yield found.rows;
    }
  }

  evaluate(calls, constraints, options) {
    this.#ask((given) => this.#askEvaluate(calls, constraints, given), readOptions(options));
    return bindings(this.#answer('bindings'));
  }

  explain(method, args, options) {
    this.#ask((given) => this.#askMethod(method, args, given), readOptions(options));
    this.#writer.within([EXPLAIN, LAYOUT_VERSION]);
    return explanation(this.#answer('explanation'), method === 'query' ? args[0] : null);
  }

  unknownNames(method, args, options) {
    const given = readOptions(options);
    return this.#unknown(() => this.#askMethod(method, args, given), given.facts);
  }

  /** Writes a question; a strict one only if all its names are known. */
  #ask(write, options) {
    write(options);
    if (!(options.strict ?? this.#strict)) return;
    refuse(this.#unknown(() => write(options), options.facts));
    write(options);
  }

  /** Names that nothing has: of a question, and of the facts that it brings along. */
  #unknown(write, facts = NO_ARGS) {
    write();
    this.#writer.within([UNKNOWN_NAMES, LAYOUT_VERSION]);
    return [...new Set([...unknownNames(this.#answer('unknown names')), ...this.#unknownOfFacts(facts)])];
  }

  /** Context facts name predicates and types as a query does: each kind of them is looked at once. */
  #unknownOfFacts(facts) {
    const kinds = new Map();
    for (const { predicate, args } of facts) {
      const asked = args.map(({ type, id }) => (type === 'String' ? { type, id } : { type }));
      kinds.set(JSON.stringify([predicate, asked]), [predicate, asked]);
    }
    return [...kinds.values()].flatMap(([predicate, asked]) => this.#unknownOfQuery(predicate, asked));
  }

  #unknownOfQuery(predicate, args) {
    return this.#unknown(() => this.#askQuery(predicate, args, readOptions()));
  }

  /** Patterns of stored facts may name fewer arguments than the facts have. */
  #unknownOfListing(predicate, args) {
    if (predicate === null) {
      const types = args.flatMap((asked) => asked?.type ?? []).map((type) => ({ type, id: 'any' }));
      return types.flatMap((any) => this.#unknown(() => this.#askActions(any, any, readOptions())));
    }
    const padded = (arity) => [...args, ...Array(arity - args.length).fill(null)];
    const arities = Array.from({ length: FACT_ARITY_MAX + 1 }, (_, arity) => arity).filter((arity) => arity >= args.length);
    const found = arities.map((arity) => this.#unknownOfQuery(predicate, padded(arity)));
    return found.reduce((least, one) => (one.length < least.length ? one : least), found[0] ?? NO_ARGS);
  }

  #askMethod(method, args, options) {
    const [first, second, third] = args;
    switch (method) {
      case 'authorize':
        return this.#askAuthorize(first, second, third, options);
      case 'list':
        return this.#askList(first, second, third, options);
      case 'actions':
        return this.#askActions(first, second, options);
      case 'query':
        return this.#askQuery(first, second, options);
      case 'evaluate':
        return this.#askEvaluate(first, second, options);
      default:
        throw new UnderstudyError('invalid', `\`${method}\` is no question: name authorize, list, actions, query or evaluate`);
    }
  }

  #askAuthorize(actor, action, resource, options) {
    this.#triple(AUTHORIZE, actor, action, value(resource, 'the resource'), options);
  }

  #askList(actor, action, resourceType, options) {
    const resource = { type: checked(resourceType, 'the type of the resources'), id: '' };
    this.#triple(LIST, actor, action, resource, options);
  }

  #askActions(actor, resource, options) {
    this.#triple(ACTIONS, actor, '', value(resource, 'the resource'), options);
  }

  #askQuery(predicate, args, options) {
    checked(predicate, 'the predicate');
    const patterns = args.map(pattern);
    this.#head(QUERY, room(predicate) + roomOfPatterns(patterns), options);
    const writer = this.#writer;
    writer.text(predicate, patterns.length);
    for (const asked of patterns) writePattern(writer, asked);
    this.#contextFacts(options.facts);
  }

  #askEvaluate(calls, constraints, options) {
    const asked = calls.map(([predicate, variables]) => [checked(predicate, 'a predicate'), variables.map((name) => checked(name, 'a variable'))]);
    const given = Object.entries(constraints).map(constraint);
    given.sort((one, other) => (one.name < other.name ? -1 : 1));
    const names = asked.flatMap(([predicate, variables]) => [predicate, ...variables]);
    const texts = given.flatMap(({ name, type, ids }) => [name, type, ...(ids ?? [])]);
    this.#head(EVALUATE, 8 + [...names, ...texts].reduce((sum, text) => sum + 16 + room(text), 0), options);
    const writer = this.#writer;
    writer.word(asked.length);
    writer.word(given.length);
    for (const [predicate, variables] of asked) {
      writer.text(predicate, variables.length);
      for (const name of variables) writer.text(name);
    }
    for (const { name, type, ids } of given) writeConstraint(writer, name, type, ids);
    this.#contextFacts(options.facts);
  }

  facts(predicate = null, args = NO_ARGS, options = undefined) {
    const isStrict = readListing(options) ?? this.#strict;
    const patterns = args.map(pattern);
    const named = predicate === null ? '' : checked(predicate, 'the predicate');
    if (isStrict) refuse(this.#unknownOfListing(predicate, args));
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
  #head(kind, more, { facts, now, budget }) {
    const writer = this.#writer;
    writer.begin(HEAD_BYTES + more + (facts.length === 0 ? 0 : roomOfFacts(facts)));
    writer.word(kind);
    writer.word(LAYOUT_VERSION);
    writer.long(now);
    writer.long(budget);
    writer.word(facts.length);
    writer.word(0);
  }

  #triple(kind, actor, action, resource, options) {
    value(actor, 'the actor');
    checked(action, 'the action');
    const more = room(actor.type) + room(actor.id) + room(action) + room(resource.type) + room(resource.id);
    this.#head(kind, more, options);
    const writer = this.#writer;
    const lengths = writer.at;
    writer.at += 24;
    writer.wordAt(lengths + 8, writer.padded(actor.type));
    writer.wordAt(lengths + 12, writer.padded(action));
    writer.wordAt(lengths + 16, writer.padded(resource.type));
    writer.wordAt(lengths + 20, 0);
    writer.wordAt(lengths, writer.padded(actor.id));
    writer.wordAt(lengths + 4, writer.padded(resource.id));
    if (options.facts.length > 0) this.#contextFacts(options.facts);
  }

  #contextFacts(facts) {
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

/** What a strict call does with names that nothing has. */
function refuse(unknown) {
  if (unknown.length > 0) throw new UnderstudyError('unknown_name', unknown.join('; '));
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
  for (const given of facts) {
    if (given === null || typeof given !== 'object' || !Array.isArray(given.args)) {
      throw new UnderstudyError('invalid', 'one of `facts` is no fact: give `{ predicate, args: [{ type, id }, …] }`');
    }
    const { predicate, args } = given;
    sum += 8 + room(checked(predicate, 'the predicate of a context fact'));
    for (const argument of args) {
      value(argument, 'an argument of a context fact');
      sum += 8 + room(argument.type) + room(argument.id);
    }
  }
  return sum;
}
