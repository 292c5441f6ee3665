// The package's door.

import { Engine } from './engine.js';
import { Guest, compile } from './module.js';
import { readOpening } from './options.js';
import { place } from './snapshot.js';

export { compile } from './module.js';
export { Engine } from './engine.js';
export { UnderstudyError } from './error.js';

/** Opens a snapshot: verified in full, then sealed. index.d.ts tells the rest. */
export async function open(snapshot, options) {
  const { module, strict, memory } = readOpening(options);
  const compiled = await compile(module);
  const make = () => {
    const guest = new Guest(compiled);
    guest.limitMemory(memory);
    place(guest, snapshot);
    return guest;
  };
  return new Engine(make, { strict });
}
