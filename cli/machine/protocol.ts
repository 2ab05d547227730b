// What a running machine and its clients say to each other: lines of JSON over a UNIX socket.
//
//   machine -> client   {"hello":"orlop","version":1,"machine":"lab","pid":4711}          once, first
//   client -> machine   {"id":1,"verb":"pause","guest":"web"}
//   machine -> client   {"id":1,"result":{...}}   or   {"id":1,"error":{"message":"...","exitCode":2}}
//   machine -> client   {"event":"output","guest":3,"bytes":"<base64>"}                   after "attach"
//                       {"event":"lost","guest":3,"count":4096}      bytes of it that this client was too slow for
//                       {"event":"log","entry":{...}}                                     after "watch"
//                       {"event":"missed","count":7}                 entries that this client was too slow for
//                       {"event":"packets","bytes":"<base64>"}      a piece of a pcap file    after "capture"
//                       {"event":"unseen","count":3}                 pieces of it that this client was too slow for
//                       {"event":"gone","guest":3}                   the guest that it is attached to was removed

import type { MachineEvent } from './events.ts'

export const PROTOCOL_VERSION = 1

/** A longer line ends the connection. A fleet file goes over in one. */
export const LINE_MAX_BYTES = 1024 * 1024

export interface Hello {
  hello: 'orlop'
  version: number
  machine: string
  pid: number
}

export interface Request {
  id: number
  verb: string
  [argument: string]: unknown
}

export type Reply =
  | { id: number | null; result: unknown }
  | { id: number | null; error: { message: string; exitCode: number } }

export type Push =
  | { event: 'output'; guest: number; bytes: string }
  | { event: 'lost'; guest: number; count: number }
  | { event: 'log'; entry: MachineEvent }
  | { event: 'missed'; count: number }
  | { event: 'packets'; bytes: string }
  | { event: 'unseen'; count: number }
  | { event: 'gone'; guest: number }

export type Message = Hello | Reply | Push
