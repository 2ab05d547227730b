// What we use of WASI preview1: nothing else is imported. The file has the name of the import's module.
// All give an error number, 0 for none; what else there is to give lies at the last pointers afterwards.

/** Reads one clock, in ns. */
export declare function clock_time_get(clock: u32, precision: u64, time: usize): i32;
export declare function random_get(ptr: usize, length: usize): i32;
/** Moves bytes of `count` parts (u32 pointer, u32 length); runtimes may serve the first one alone, and not all of it. */
export declare function fd_read(fd: u32, parts: usize, count: u32, moved: usize): i32;
export declare function fd_write(fd: u32, parts: usize, count: u32, moved: usize): i32;
export declare function fd_pread(fd: u32, parts: usize, count: u32, offset: u64, moved: usize): i32;
export declare function fd_pwrite(fd: u32, parts: usize, count: u32, offset: u64, moved: usize): i32;
export declare function fd_sync(fd: u32): i32;
/** What a descriptor is: u8 kind, and more. */
export declare function fd_fdstat_get(fd: u32, stat: usize): i32;
export declare function fd_filestat_get(fd: u32, stat: usize): i32;
export declare function path_open(
  folder: u32, lookup: u32, path: usize, length: usize, how: u32, rights: u64, inherited: u64, flags: u32, fd: usize,
): i32;
export declare function fd_close(fd: u32): i32;
/** Of a preopened folder: u32 kind, u32 bytes of its name. */
export declare function fd_prestat_get(fd: u32, prestat: usize): i32;
export declare function fd_prestat_dir_name(fd: u32, name: usize, length: usize): i32;
/** How many arguments there are, and how many bytes they have with a zero behind each; the first is the program's name. */
export declare function args_sizes_get(count: usize, bytes: usize): i32;
export declare function args_get(pointers: usize, text: usize): i32;
/** Waits until one of `count` subscriptions has something to tell. */
export declare function poll_oneoff(subscriptions: usize, events: usize, count: u32, told: usize): i32;
export declare function proc_exit(code: u32): void;
