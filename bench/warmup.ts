// How long after its start a program runs nearly as fast as it ever will.

import { OrlopError } from '../cli/error.ts'

/** How far the program had come at a moment. */
export interface Slice {
  /** Seconds since its start, by the guest's clock. */
  seconds: number
  /** Steps done by then. */
  steps: number
}

/** Its speed may be a tenth below the final one. */
const ENOUGH = 0.9
/** Time over which a speed is taken; a shorter one would show what else the host does. */
const WINDOW_SECONDS = 0.2
/** The final speed is that of the last third. */
const FINAL_PART = 1 / 3

/** What main.c printed for `PROGRAM for MILLISECONDS`. */
export function slicesOf(output: string): Slice[] {
  return [...output.matchAll(/^slice (\d+) (\d+)$/gm)].map((match) => ({
    seconds: Number(match[1]) / 1e6,
    steps: Number(match[2]),
  }))
}

/**
 * Seconds from the start until the program runs at nine tenths of its final speed: the end of the first slice at the
 * soonest, and the moment from which the final speed is taken at the latest.
 */
export function warmUpSeconds(slices: Slice[]): number {
  const last = slices.at(-1)
  const steady = last && slices.find(({ seconds }) => seconds >= last.seconds * (1 - FINAL_PART))
  if (steady === undefined || steady === last || last.seconds < 5 * WINDOW_SECONDS)
    throw new OrlopError('The program ended before its final speed could be told.', 1)
  const final = speedBetween(steady, last)
  for (const from of slices) {
    const to = slices.find(({ seconds }) => seconds >= from.seconds + WINDOW_SECONDS)
    if (from === steady || to === undefined) break
    if (speedBetween(from, to) >= ENOUGH * final) return from.seconds
  }
  return steady.seconds
}

function speedBetween(from: Slice, to: Slice): number {
  return (to.steps - from.steps) / (to.seconds - from.seconds)
}
