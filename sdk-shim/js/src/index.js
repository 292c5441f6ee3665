// The package's door.

import { Engine } from './engine.js';
import { Guest, compile } from './module.js';
import { place } from './snapshot.js';

export { compile } from './module.js';
export { Engine } from './engine.js';
export { UnderstudyError } from './error.js';

/** Opens a snapshot: verified in full, then sealed. index.d.ts tells the rest. */
export async function open(snapshot, { module } = {}) {
  const compiled = await compile(module);
  return new Engine(() => {
    const guest = new Guest(compiled);
    place(guest, snapshot);
    return guest;
  });
}
