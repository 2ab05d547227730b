// The live table of a machine as lines of text.

import type { Snapshot } from './machine/machine.ts'
import type { GuestSample, MachineSample } from './machine/sample.ts'
import { showSize } from './size.ts'

/** Rows as lines with aligned columns; those numbered in `right` are aligned at their ends. */
export function columns(rows: string[][], right: number[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

const HEAD = ['ID', 'NAME', 'STATE', 'HARTS', 'WEIGHT', 'CPU %', 'STEAL %', 'MEMORY', 'DISK R/W', 'NET IN/OUT']

/** A line for the machine, a head, and a line for each guest. */
export function tableOf({ machine, guests }: Snapshot): string[] {
  const rows = guests.map((guest) => [
    `${guest.id}`,
    guest.name,
    guest.starved ? `${guest.state}, starved` : guest.state,
    `${guest.harts}`,
    `${guest.weight}`,
    guest.cpuPercent.toFixed(1),
    guest.stealPercent.toFixed(1),
    memoryOf(guest),
    `${short(guest.diskReadBytes)}/${short(guest.diskWrittenBytes)}`,
    `${short(guest.netReceivedBytes)}/${short(guest.netSentBytes)}`,
  ])
  return [titleOf(machine), ...columns([HEAD, ...rows], [0, 3, 4, 5, 6, 7, 8, 9])]
}

function titleOf(machine: MachineSample): string {
  const cpus = `${machine.cpus} CPU${machine.cpus === 1 ? '' : 's'} ${machine.busyPercent.toFixed(1)} % busy`
  const saved = machine.savedBytes > 0 ? `, ${showSize(machine.savedBytes)} saved` : ''
  const memory = `memory ${showSize(machine.usedBytes)} of ${showSize(machine.memoryBytes)}${saved}`
  return `${machine.name}: ${cpus}, ${memory}, up ${upTime(machine.upSeconds)}`
}

function memoryOf({ usedBytes, memoryBytes }: GuestSample): string {
  return `${short(usedBytes)}/${short(memoryBytes)}`
}

/** A number of bytes in few letters: 0, 812, 3.4K, 128M. */
function short(bytes: number): string {
  let value = bytes
  for (const unit of ['', 'K', 'M', 'G']) {
    if (value < 1000 || unit === 'G')
      return `${unit === '' || value >= 10 ? Math.round(value) : value.toFixed(1)}${unit}`
    value /= 1024
  }
  return `${bytes}`
}

function upTime(seconds: number): string {
  const whole = Math.floor(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
}
