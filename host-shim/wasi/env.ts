// The door of the kernel (hypervisor/index.ts), as far as this shim uses it. wasm-merge joins both, and knows the kernel, which
// brings the memory, by the name of the module that asc imports memories from.

export declare function boot(cpus: u32, memoryBytes: f64, codeBytes: u32): i32;
export declare function window(): usize;
export declare function guestCreate(): i32;
export declare function guestLoad(id: u32, what: u32, offset: f64, total: f64, length: u32): i32;
export declare function guestStart(id: u32): i32;
export declare function guestPause(id: u32): i32;
export declare function guestResume(id: u32): i32;
export declare function guestSet(id: u32, what: u32, value: f64): i32;
export declare function guestPress(id: u32): i32;
export declare function guestStop(id: u32): i32;
export declare function guestRemove(id: u32): i32;
export declare function guestStats(id: u32): i32;
export declare function guestReadRam(id: u32, gpa: f64, length: u32): i32;
export declare function guestState(id: u32): i32;
export declare function guestStopReason(id: u32): i32;
export declare function guestStopCode(id: u32): u32;
export declare function divergence(id: u32): i32;
export declare function machineStats(): i32;
export declare function networkDefine(id: u32): i32;
export declare function networkRemove(id: u32): i32;
export declare function networkForward(id: u32, isNew: u32): i32;
export declare function networkReport(id: u32): i32;
export declare function networkLink(uplink: u32, up: u32): i32;
export declare function networkCapture(guest: u32, nic: u32, uplink: u32): i32;
export declare function networkPlug(guest: u32, nic: u32, uplink: u32): i32;
export declare function codeTrained(ptr: usize, length: u32): i32;
export declare function run(cpu: u32): f64;
export declare function consoleReady(guest: u32): void;
export declare function netReady(uplink: u32): void;
