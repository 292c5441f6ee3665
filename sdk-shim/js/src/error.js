// The one error type. Enters: kind and message. Leaves: UnderstudyError. Never: an answer; none of its kinds is an allow or a deny.

/** Why there is no answer. */
export class UnderstudyError extends Error {
  /**
   * @param {string} kind one of the kinds in index.d.ts
   * @param {string} message for people: what, where, what to do
   * @param {{ detail?: string, units?: number, cause?: unknown }} [more]
   */
  constructor(kind, message, { detail = '', units = 0, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'UnderstudyError';
    this.kind = kind;
    this.detail = detail;
    this.units = units;
  }
}
