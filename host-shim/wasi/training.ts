// The function of trained.ts, which is a part of its own.

export declare function trained(ptr: usize): u32;
