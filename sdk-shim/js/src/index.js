// The package's door.

import { Engine } from './engine.js';
import { UnderstudyError } from './error.js';
import { Guest, compile } from './module.js';
import { place } from './snapshot.js';

export { compile } from './module.js';
export { Engine } from './engine.js';
export { UnderstudyError } from './error.js';

/** Opens a snapshot: verified in full, then sealed. index.d.ts tells the rest. */
export async function open(snapshot, { module, strict = false, memory = 0 } = {}) {
  if (!Number.isSafeInteger(memory) || memory < 0 || memory >= 2 ** 32) {
    throw new UnderstudyError('invalid', '`memory` is no number of bytes below 4 GiB');
  }
  const compiled = await compile(module);
  const make = () => {
    const guest = new Guest(compiled);
    guest.limitMemory(memory);
    place(guest, snapshot);
    return guest;
  };
  return new Engine(make, { strict });
}
