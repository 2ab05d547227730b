// The door of a machine that is a program of its own: each function is a call over the management stream.

import * as abi from '../../../hypervisor/abi.ts'
import type { Door } from '../../machine.ts'
import * as stream from '../../stream.ts'
import type { Stream } from './stream.ts'

const SPEC_BYTES = abi.SPEC_CMDLINE + abi.SPEC_CMDLINE_MAX
const STATS_BYTES = 8 * abi.STAT_COUNT
const MACHINE_STATS_BYTES = 8 * (abi.MACHINE_STAT_COUNT + abi.CPU_STAT_COUNT)
/** Two states, and the code behind one page's. */
const DIVERGENCE_BYTES = abi.DIVERGENCE_CODE + 4096
const NETWORK_REPORT_BYTES = abi.NETREPORT_PORTS + abi.MAX_GUESTS * abi.MAX_NETS * abi.NETPORT_SIZE

/** Makes the door whose window is `window`, at this address. */
export function makeDoor(to: Stream, window: Uint8Array, address: number): Door {
  /** Sends so many bytes of the window, and gets so many back. */
  const call = (fn: number, args: number[], sent = 0, wanted = 0): number => {
    const result = to.call(fn, args, window.subarray(0, sent), wanted)
    window.set(result.window)
    return result.value
  }
  return {
    boot: (_cpus, _bytes, codeBytes) => {
      to.greet()
      return call(stream.CALL_BOOT, [codeBytes])
    },
    mailbox: () => 0,
    window: () => address,
    guestCreate: () => call(stream.CALL_GUEST_CREATE, [], SPEC_BYTES),
    guestLoad: (id, what, offset, total, length) =>
      call(stream.CALL_GUEST_LOAD, [id, what, offset, total, length], length),
    guestStart: (id) => call(stream.CALL_GUEST_START, [id]),
    guestPause: (id) => call(stream.CALL_GUEST_PAUSE, [id]),
    guestResume: (id) => call(stream.CALL_GUEST_RESUME, [id]),
    guestSet: (id, what, value) => call(stream.CALL_GUEST_SET, [id, what, value]),
    guestPress: (id) => call(stream.CALL_GUEST_PRESS, [id]),
    guestStop: (id) => call(stream.CALL_GUEST_STOP, [id]),
    guestRemove: (id) => call(stream.CALL_GUEST_REMOVE, [id]),
    run: () => abi.RUN_FINISHED,
    blockDone: () => undefined,
    guestState: (id) => to.guest(id).state,
    guestStopReason: (id) => to.guest(id).reason,
    guestStopCode: (id) => to.guest(id).code,
    guestStats: (id) => call(stream.CALL_GUEST_STATS, [id], 0, STATS_BYTES),
    machineStats: () => call(stream.CALL_MACHINE_STATS, [], 0, MACHINE_STATS_BYTES),
    networkDefine: (id) => call(stream.CALL_NETWORK_DEFINE, [id], abi.NETWORK_SIZE),
    networkRemove: (id) => call(stream.CALL_NETWORK_REMOVE, [id]),
    networkForward: (id, isNew) => call(stream.CALL_NETWORK_FORWARD, [id, isNew], abi.FORWARD_SIZE),
    networkReport: (id) => call(stream.CALL_NETWORK_REPORT, [id], 0, NETWORK_REPORT_BYTES),
    networkLink: (uplink, up) => call(stream.CALL_NETWORK_LINK, [uplink, up]),
    networkCapture: (guest, nic, uplink) => call(stream.CALL_NETWORK_CAPTURE, [guest, nic, uplink]),
    networkPlug: (guest, nic, uplink) => call(stream.CALL_NETWORK_PLUG, [guest, nic, uplink], abi.SPEC_CMDLINE),
    divergence: (id) => call(stream.CALL_DIVERGENCE, [id], 0, DIVERGENCE_BYTES),
  }
}
