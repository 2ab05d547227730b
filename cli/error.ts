// The one error that a command shows to its user: a sentence that says what to do, and the exit code of the process.

/** Thrown for everything that is not our own mistake; `run` of a command lets it through and the entry prints it. */
export class OrlopError extends Error {
  /** `exitCode`: 2 for bad input (the default), 1 for a failure outside, 124 for a timeout, 130 for an interrupt. */
  constructor(
    message: string,
    readonly exitCode = 2,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'OrlopError'
  }
}
