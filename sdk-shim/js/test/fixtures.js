// What the tests run on: folders that `cargo test --test javascript` makes, one per case, with the native engine's answer.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.UNDERSTUDY_CASES;
if (folder === undefined) {
  throw new Error('UNDERSTUDY_CASES is not set: run `cargo test --test javascript` in the repository, it makes what these tests need');
}

/** The core module of this build. */
export const MODULE = join(folder, 'understudy.core.wasm');

/** Path of a case's file. */
export function path(name, file) {
  return join(folder, 'cases', name, file);
}

/** Every case: name, question, what the native engine answered and how it explained it (null: refused). */
export function cases() {
  const json = (name, file) => JSON.parse(readFileSync(path(name, file), 'utf8'));
  return readdirSync(join(folder, 'cases'))
    .sort()
    .map((name) => ({
      name,
      snapshot: path(name, 'case.snapshot'),
      ask: json(name, 'ask.json'),
      expected: json(name, 'expected.json'),
      explained: json(name, 'explained.json'),
    }));
}
