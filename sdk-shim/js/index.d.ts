/** A value: a type and an id, neither empty, the id not `*`. Strings of Polar are `{ type: 'String', id: … }`. */
export interface Value {
  type: string;
  id: string;
}

/** One argument of a question: a value, any id of a type, or anything (null, or without a type). */
export type Pattern = { type?: string | null; id?: string | null } | null | undefined;

export interface Fact {
  predicate: string;
  args: readonly Value[];
}

/** A solution: a null id stands for any id of the type, a null type for anything. */
export interface Solution {
  predicate: string;
  args: { type: string | null; id: string | null }[];
}

/** An argument in an explanation. Those of one number above 0 in one goal are the same value, whichever it is. */
export interface Argument {
  type: string | null;
  id: string | null;
  number: number;
}

/** A condition of a rule, with the bindings of one way. `goal`: the place of the goal that says why. */
export type Condition = { outcome: 'met' | 'failed' | 'open'; goal: number | null } & (
  | { kind: 'goal' | 'not'; predicate: string; args: Argument[] }
  | { kind: 'compare'; sign: '=' | '!=' | '<' | '<=' | '>' | '>='; left: Argument; right: Argument }
  | { kind: 'in'; left: Argument; elements: Argument[] }
  | { kind: 'never' }
);

/** A way to a goal. `file` and `line` (from 1): of a rule that is written down. */
export interface Way {
  by: 'stored_fact' | 'later_fact' | 'context_fact' | 'question' | 'rule' | 'default_rule';
  file: string | null;
  line: number | null;
  conditions: Condition[];
}

/** If it holds: the one way it was found by. If not: ways that come near, nearest first; none where only a fact could give it. */
export interface Goal {
  predicate: string;
  args: Argument[];
  holds: boolean;
  ways: Way[];
}

export interface Explanation<Answer> {
  /** The same as without reasons. */
  answer: Answer;
  /** Places of the goals asked for: one per row of the answer, in its order; where it has none, the goals that failed. */
  roots: number[];
  /** Each once, however often it is needed; named by its place. */
  goals: Goal[];
  /** Of a refusal: which way of which goal came nearest; where there is no such way, a fact is missing. */
  nearest: { goal: number; way: number } | null;
  /** Were goals left out, as there are more than 2,000 or the work units were spent? */
  isCut: boolean;
}

/** What a call is told besides its question; anything else in this place is a `TypeError`. */
export interface Options {
  /** Facts that hold for this call alone. */
  facts?: readonly Fact[];
  /** `@current_unix_time`: seconds since 1970-01-01 UTC. Default: the clock. */
  now?: number;
  /** Work units the request may spend; exhausted is an error, never a shortened answer. Default: 20,000,000, about a second. */
  budget?: number;
  /**
   * Refuse types, actions, predicates and a query's Strings that neither policy nor facts name, in `facts` as well
   * (`unknown_name`). Default: what `open` was told.
   */
  strict?: boolean;
}

export interface Paging extends Options {
  /** Solutions of a page at most. Default: 1000. */
  pageSize?: number;
}

export interface Status {
  environment: string;
  tenant: string;
  store: string;
  /** Number of the snapshot within its store. */
  epoch: number;
  /** Milliseconds since 1970-01-01 UTC. */
  createdMs: number;
  /** Offset of the last write the snapshot contains, and of the last one answers contain. */
  snapshotOffset: number;
  offset: number;
  facts: number;
  types: number;
  values: number;
  relations: number;
}

/**
 * `negation`, `recursion`, `comparison`, `unrenderable`: the policy has no answer to this question; `detail` says where.
 * `budget`: the work units are spent, `memory`: the request needs more than it may take; `units` says how many units or
 * bytes there were. `unknown_name`: a strict call names what nothing else does. `invalid`: the question can't be read.
 * `snapshot`: these bytes are no snapshot, or not what was written. `module`: no core module, or another release's.
 * `malformed`, `not_open`: package and module don't fit each other. `trapped`: the engine stopped; reopen.
 */
export type Kind =
  | 'negation'
  | 'recursion'
  | 'comparison'
  | 'unrenderable'
  | 'budget'
  | 'memory'
  | 'unknown_name'
  | 'invalid'
  | 'malformed'
  | 'not_open'
  | 'snapshot'
  | 'module'
  | 'trapped';

/** Why there is no answer. None of its kinds is an allow or a deny. */
export class UnderstudyError extends Error {
  readonly name: 'UnderstudyError';
  readonly kind: Kind;
  readonly detail: string;
  readonly units: number;
}

/** An open snapshot. Calls are synchronous and never touch disk or network. */
export class Engine {
  /** May the actor do this to the resource? */
  authorize(actor: Value, action: string, resource: Value, options?: Options): boolean;
  /** Ids of the resources of this exact type that the actor may do this to, in bytewise order; `*` first if any id fits. */
  list(actor: Value, action: string, resourceType: string, options?: Options): string[];
  /** What the actor may do to the resource, in bytewise order. */
  actions(actor: Value, resource: Value, options?: Options): string[];
  /** Every solution of a predicate. */
  query(predicate: string, args: readonly Pattern[], options?: Options): Solution[];
  /** The same, some solutions at a time: found once, whole, while nothing else is asked of the engine in between. */
  pages(predicate: string, args: readonly Pattern[], options?: Paging): Generator<Solution[], void, void>;
  /**
   * Every solution of a conjunction: calls are `[predicate, variables]`, every variable has a constraint. One object a
   * solution, an id per variable; null: any id of its type.
   */
  evaluate(
    calls: readonly (readonly [string, readonly string[]])[],
    constraints: Readonly<Record<string, { type: string; ids?: readonly string[] | null }>>,
    options?: Options,
  ): Record<string, string | null>[];
  /** The answer of `authorize`, `list`, `actions`, `query` or `evaluate` to these arguments, and why it is as it is. */
  explain<Method extends 'authorize' | 'list' | 'actions' | 'query' | 'evaluate'>(
    method: Method,
    args: readonly unknown[],
    options?: Options,
  ): Explanation<ReturnType<Engine[Method]>>;
  /**
   * Types, actions, predicates and a query's Strings that neither policy nor stored facts name, in the question and in
   * `facts` beside it: a sentence each, with what may be meant.
   */
  unknownNames(method: 'authorize' | 'list' | 'actions' | 'query' | 'evaluate', args: readonly unknown[], options?: Options): string[];
  /** Stored facts that fit, without rules: of this predicate if one is named, of as many arguments as given or more. */
  facts(predicate?: string | null, args?: readonly Pattern[], options?: { strict?: boolean }): { predicate: string; args: Value[] }[];
  /** Which snapshot it is. */
  status(): Status;
  /** Reads, verifies and opens the snapshot again: what a path holds now. The way on after `trapped`. */
  reopen(): void;
}

export type ModuleSource = string | URL | Uint8Array | ArrayBuffer | WebAssembly.Module;

/** Compiles the core module, for several engines. Default: `understudy.core.wasm` in the package's folder. */
export function compile(module?: ModuleSource): Promise<WebAssembly.Module>;

/**
 * Opens a snapshot: a path, or bytes (kept for `reopen`). Every byte is checked against its SHA-256 before it is used; a
 * damaged snapshot is refused (`snapshot`).
 */
export function open(snapshot: string | URL | Uint8Array | ArrayBuffer, options?: OpenOptions): Promise<Engine>;

/** Anything else in it is a `TypeError`. */
export interface OpenOptions {
  /** Default: `understudy.core.wasm` in the package's folder. */
  module?: ModuleSource;
  /** Default of every call's `strict`. */
  strict?: boolean;
  /** Bytes of memory that one request's work may take; more is the error `memory`. Default: 128 MiB. */
  memory?: number;
}
