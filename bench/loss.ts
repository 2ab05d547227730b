// How much of their work good guests have lost to a bad one: pairs of measurements, and what is made of them.

import { type Bills, paidNs } from './bills.ts'
import { median } from './report.ts'

/** One measurement: the work that each good guest has done, and the bills of that time. */
export interface Trial {
  work: Record<string, number>
  bills: Bills
}

/** What a guest's neighbour has cost, in percent of what the guest does without. Negative: it has done more. */
export interface Loss {
  /** Of its work. */
  work: number
  /** Of the CPU time that it paid for: what of the lost work the schedule has taken from it. */
  paid: number
  /** Of the work for each ns that it paid for: what the host, or wrong bills, have taken. */
  slower: number
}

/** Percent by which `stressed` is less than `baseline`. */
export function lossPercent(baseline: number, stressed: number): number {
  return 100 * (1 - stressed / baseline)
}

/** The median losses of each guest over pairs of a baseline and what followed it. */
export function losses(pairs: [baseline: Trial, stressed: Trial][]): Record<string, Loss> {
  const names = Object.keys(pairs[0]![0].work)
  return Object.fromEntries(
    names.map((name) => {
      const work = median(pairs.map(([before, after]) => lossPercent(before.work[name]!, after.work[name]!)))
      const paid = median(
        pairs.map(([before, after]) => lossPercent(paidPerSecond(before, name), paidPerSecond(after, name))),
      )
      const slower = median(
        pairs.map(([before, after]) => lossPercent(workPerPaid(before, name), workPerPaid(after, name))),
      )
      return [name, { work, paid, slower }]
    }),
  )
}

/** Whose work has suffered most. */
export function worstLoss(all: Record<string, Loss>): Loss {
  return Object.values(all).reduce((worst, loss) => (loss.work > worst.work ? loss : worst))
}

/** Where the machine's time went in a trial, in percent of all CPUs: what nobody else has paid is the bad guest's. */
export interface Shares {
  good: number[]
  bad: number
  kernel: number
  idle: number
  /** Time in which threads of the machine had no processor of the host. */
  host: number
}

export function sharesOf({ work, bills }: Trial): Shares {
  const { wallNs, cpus, countedNs, idleNs, kernelNs, hostNs, guests } = bills
  const percent = (ns: number) => (100 * ns) / (wallNs * cpus)
  const paid = Object.values(guests).reduce((sum, bill) => sum + paidNs(bill), 0)
  const good = Object.keys(work).map((name) => paidNs(guests[name]!))
  return {
    good: good.map(percent),
    bad: percent(countedNs - idleNs - kernelNs - paid) + percent(paid - good.reduce((sum, ns) => sum + ns, 0)),
    kernel: percent(kernelNs),
    idle: percent(idleNs),
    host: percent(hostNs),
  }
}

function paidPerSecond({ bills }: Trial, name: string): number {
  return paidNs(bills.guests[name]!) / bills.wallNs
}

function workPerPaid({ work, bills }: Trial, name: string): number {
  return work[name]! / paidNs(bills.guests[name]!)
}
