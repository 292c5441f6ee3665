// A snapshot file into an instance: copied once, verified where it lies, sealed.
// Enters: a path or bytes. Leaves: a sealed instance. Never: seals bytes whose SHA-256 it has not checked.
// `core/snapshot/FORMAT.md` draws the file: the header's digest covers the table, the table's digests cover the sections.

import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { UnderstudyError } from './error.js';
import { finish } from './words.js';

const FORMAT_VERSION = 0;
const MAGIC = Buffer.from('UNDRSTDY');
const HEADER_BYTES = 64;
const ENTRY_BYTES = 64;
const ALIGNMENT = 64n;
const SECTIONS_MAX = 64;
const SECTION_NAMES = ['', 'manifest', 'keys', 'policy', 'program', 'dictionary', 'relations'];
/** A module's memory ends at 4 GiB, of which the engine needs some itself. */
const SNAPSHOT_BYTES_MAX = 4 * 2 ** 30 - 64 * 2 ** 20;
/** One read takes less than 2 GiB. */
const CHUNK_BYTES = 64 << 20;

/**
 * Copies a snapshot into a fresh instance, verifies it there and seals it. Cost: reads every byte once and hashes it.
 *
 * @param {import('./module.js').Guest} guest
 * @param {string | URL | Uint8Array | ArrayBuffer} source
 */
export function place(guest, source) {
  if (typeof source === 'string' || source instanceof URL) {
    const path = source instanceof URL ? fileURLToPath(source) : source;
    placeFile(guest, path);
  } else {
    const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
    if (!(bytes instanceof Uint8Array)) {
      throw new UnderstudyError('invalid', 'a snapshot is given as a path or as its bytes, a Uint8Array');
    }
    const at = reserve(guest, bytes.length);
    guest.bytes.set(bytes, at);
    seal(guest, at, bytes.length, '');
  }
}

function placeFile(guest, path) {
  const named = `${path}: `;
  let file;
  try {
    file = openSync(path, 'r');
    const { size } = fstatSync(file);
    const at = reserve(guest, size, named);
    const room = guest.bytes.subarray(at, at + size);
    for (let filled = 0; filled < size; ) {
      const n = readSync(file, room, filled, Math.min(CHUNK_BYTES, size - filled), null);
      if (n === 0) throw new UnderstudyError('snapshot', `${named}the file became shorter while it was read: open it again`);
      filled += n;
    }
    seal(guest, at, size, named);
  } catch (cause) {
    if (cause instanceof UnderstudyError) throw cause;
    throw new UnderstudyError('snapshot', `${named}the snapshot can't be read (${cause.code ?? cause.message})`, { cause });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function reserve(guest, length, named = '') {
  if (length > SNAPSHOT_BYTES_MAX) {
    throw new UnderstudyError('snapshot', `${named}a snapshot of ${length} bytes doesn't fit: at most ${SNAPSHOT_BYTES_MAX}`);
  }
  return guest.reserve(length);
}

function seal(guest, at, length, named) {
  const why = damage(guest.bytes.subarray(at, at + length));
  if (why !== null) throw new UnderstudyError('snapshot', named + why);
  const seed = randomBytes(8);
  finish(guest, guest.seal(length, [seed.readUInt32LE(0), seed.readUInt32LE(4)]), 'status');
}

/**
 * Checks every digest of a snapshot. Cost: reads every byte once.
 *
 * @param {Uint8Array} bytes
 * @returns {string | null} what is wrong; null: every byte is what was written
 */
export function damage(bytes) {
  const found = bytes.length;
  const cut = (expected) => `the snapshot is cut off or has a tail: ${found} bytes, ${expected} expected`;
  const damaged = (part) => `the snapshot is damaged: its ${part} is not what was written`;
  const isOurs = (n) => bytes.subarray(0, n).every((byte, at) => byte === MAGIC[at]);
  if (!isOurs(8)) return "this isn't a snapshot: its first bytes are another format's";
  if (found < HEADER_BYTES) return cut(HEADER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, found);
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) {
    return `the snapshot has format version ${version}, this build reads version ${FORMAT_VERSION}`;
  }
  const expected = view.getBigUint64(16, true);
  if (expected !== BigInt(found)) return cut(expected);
  const nSections = view.getUint32(12, true);
  const tableEnd = HEADER_BYTES + nSections * ENTRY_BYTES;
  if (nSections === 0 || nSections > SECTIONS_MAX || tableEnd > found) return damaged('section table');
  const header = createHash('sha256').update(bytes.subarray(0, 32)).update(bytes.subarray(HEADER_BYTES, tableEnd));
  if (!header.digest().equals(bytes.subarray(32, HEADER_BYTES))) return damaged('header');
  // The table is what was written; that sections follow each other and fill the file makes the digests cover every byte.
  let next = BigInt(tableEnd);
  for (let entry = HEADER_BYTES; entry < tableEnd; entry += ENTRY_BYTES) {
    const [at, length] = [view.getBigUint64(entry + 8, true), view.getBigUint64(entry + 16, true)];
    const end = ((at + length + ALIGNMENT - 1n) / ALIGNMENT) * ALIGNMENT;
    if (at !== next || end > BigInt(found)) return damaged('section table');
    const digest = createHash('sha256').update(bytes.subarray(Number(at), Number(end))).digest();
    if (!digest.equals(bytes.subarray(entry + 32, entry + ENTRY_BYTES))) {
      return damaged(SECTION_NAMES[view.getUint32(entry, true)] || 'extension');
    }
    next = end;
  }
  return next === BigInt(found) ? null : damaged('section table');
}
