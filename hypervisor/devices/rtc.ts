// The real-time clock, as QEMU's goldfish RTC: wall time in ns as two words, and one alarm.

import { Guest, offend } from "../guest/guest";
import * as lines from "../guest/lines";
import * as host from "../host";
import { Device } from "./device";

/** Registers, as in Linux's include/clocksource/timer-goldfish.h. All are 32 bits wide. */
const TIMER_TIME_LOW: u32 = 0x00;
const TIMER_TIME_HIGH: u32 = 0x04;
const TIMER_ALARM_LOW: u32 = 0x08;
const TIMER_ALARM_HIGH: u32 = 0x0c;
const TIMER_IRQ_ENABLED: u32 = 0x10;
const TIMER_CLEAR_ALARM: u32 = 0x14;
const TIMER_ALARM_STATUS: u32 = 0x18;
const TIMER_CLEAR_INTERRUPT: u32 = 0x1c;

@unmanaged @final
export class Rtc extends Device {
  /** What the guest's clock is ahead of the host's wall clock, in ns, modulo 2^64: set by a guest that sets the time. */
  ahead: u64;
  /** Time of the alarm in ns. */
  alarm: u64;
  /** High word of the time, latched by reading the low word, or written before the low word. */
  timeHigh: u32;
  /** High word of the alarm, written before the low word. */
  alarmHigh: u32;
  /** 1 while the alarm is set and has not gone off. */
  alarmRunning: u32;
  /** 1 once the alarm has gone off, until the guest clears it. */
  pending: u32;
  /** 1 while the guest wants an interrupt. */
  irqEnabled: u32;
}

function time(rtc: Rtc): u64 {
  return <u64>host.wall() + rtc.ahead;
}

function setLine(guest: Guest, rtc: Rtc): void {
  if (rtc.line != 0) lines.set(guest, rtc.line, (rtc.pending & rtc.irqEnabled) != 0);
}

/** Power-on state: the host's wall clock, no alarm. */
export function reset(rtc: Rtc): void {
  rtc.ahead = 0;
  rtc.alarm = 0;
  rtc.timeHigh = 0;
  rtc.alarmHigh = 0;
  rtc.alarmRunning = 0;
  rtc.pending = 0;
  rtc.irqEnabled = 0;
}

/** Answers a load; reading the low word of the time latches the high one, so that both belong together. */
export function read(guest: Guest, rtc: Rtc, offset: u64, size: u32): u64 {
  if (size == 4) {
    switch (<u32>offset) {
      case TIMER_TIME_LOW: {
        const now = time(rtc);
        rtc.timeHigh = <u32>(now >> 32);
        return now & 0xffff_ffff;
      }
      case TIMER_TIME_HIGH: return rtc.timeHigh;
      case TIMER_ALARM_LOW: return rtc.alarm & 0xffff_ffff;
      case TIMER_ALARM_HIGH: return rtc.alarm >> 32;
      case TIMER_IRQ_ENABLED: return rtc.irqEnabled;
      case TIMER_ALARM_STATUS: return rtc.alarmRunning;
      case TIMER_CLEAR_ALARM:
      case TIMER_CLEAR_INTERRUPT: return 0;
    }
  }
  offend(guest);
  return 0;
}

/** Takes a store; writing the low word of time or alarm sets both words. */
export function write(guest: Guest, rtc: Rtc, offset: u64, size: u32, value: u64): void {
  const word = value & 0xffff_ffff;
  if (size == 4) {
    switch (<u32>offset) {
      case TIMER_TIME_HIGH:
        rtc.timeHigh = <u32>word;
        return;
      case TIMER_TIME_LOW:
        rtc.ahead = (<u64>rtc.timeHigh << 32 | word) - <u64>host.wall();
        poll(guest, rtc);
        return;
      case TIMER_ALARM_HIGH:
        rtc.alarmHigh = <u32>word;
        return;
      case TIMER_ALARM_LOW:
        rtc.alarm = <u64>rtc.alarmHigh << 32 | word;
        rtc.alarmRunning = 1;
        poll(guest, rtc);
        return;
      case TIMER_IRQ_ENABLED:
        rtc.irqEnabled = <u32>word & 1;
        setLine(guest, rtc);
        return;
      case TIMER_CLEAR_ALARM:
        rtc.alarmRunning = 0;
        return;
      case TIMER_CLEAR_INTERRUPT:
        rtc.pending = 0;
        setLine(guest, rtc);
        return;
      case TIMER_ALARM_STATUS:
        return;
    }
  }
  offend(guest);
}

/** Lets the alarm go off if its time has come; true if it did. */
export function poll(guest: Guest, rtc: Rtc): bool {
  if (rtc.alarmRunning == 0 || time(rtc) < rtc.alarm) return false;
  rtc.alarmRunning = 0;
  rtc.pending = 1;
  setLine(guest, rtc);
  return true;
}

/** Value of host.now() at which the alarm goes off; infinite when none is set. */
export function deadlineNs(rtc: Rtc): f64 {
  if (rtc.alarmRunning == 0) return Infinity;
  const now = time(rtc);
  return host.now() + (now < rtc.alarm ? <f64>(rtc.alarm - now) : 0);
}
