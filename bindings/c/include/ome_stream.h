/*
 * ome_stream: camera frames in, OME-Zarr out, in bounded memory, safe against a crash.
 *
 * A stream is four calls:
 *
 *     ome_stream_t *stream = NULL;
 *     if (ome_stream_create(settings, &stream) != OME_STREAM_OK) ...
 *     for (each frame)
 *         if (ome_stream_append(stream, pixels, nbytes, NULL, NULL) != OME_STREAM_OK) ...
 *     if (ome_stream_finish(stream) != OME_STREAM_OK) ...
 *     ome_stream_free(stream);
 *
 * Results
 *     Functions return a code: OME_STREAM_OK (0) or one of the numbers below. Codes are permanent. On failure outputs
 *     are left as they were (`needed` of a buffer that is too small excepted) and ome_stream_last_error has the message.
 *     No panic, exception or signal leaves the library.
 *
 * Handles
 *     A stream's handle is opaque: a number in the shape of a pointer, which is looked up and never followed. NULL gives
 *     OME_STREAM_NULL_POINTER, a handle that was freed or never given OME_STREAM_INVALID_HANDLE: never a crash. Each
 *     handle is owned by the host and freed once with ome_stream_free; the library owns everything else.
 *
 * Pointers
 *     Every pointer may be NULL: that is a code, or has the meaning that the function states. A pointer that is not NULL
 *     must point at as many bytes as the function says. Nothing is kept after a call: all memory passed in is the
 *     host's again when the function returns. Pixels and numbers need no alignment.
 *
 * Texts that the host passes
 *     UTF-8, zero-terminated. Other encodings give OME_STREAM_INVALID_UTF8.
 *
 * Texts that the library returns
 *     Copied into the host's buffer `buf` of `len` bytes, UTF-8, zero-terminated; `*needed` receives the size with the
 *     terminating zero (`needed` may be NULL if `buf` is not). `buf` NULL with `len` 0 asks for the size only. Where
 *     `len` is too small the code is OME_STREAM_BUFFER_TOO_SMALL, `*needed` is set and the buffer is not touched.
 *
 * Threads
 *     Every function may be called from any thread at any time. Calls of append for one stream are made one after
 *     another; status answers meanwhile; several streams are independent. ome_stream_free while another thread is
 *     inside a call is safe. Messages are per thread. A process that forks must not use in the child a stream that was
 *     made in the parent. Free every stream before the process ends or the library is unloaded: no function runs by
 *     itself at exit, and a stream that was not finished is left as after a crash (readable, without what was in memory).
 *
 * What streams share
 *     Some limits belong to the process. All streams together keep shard files open that take at most half of the
 *     descriptors which the process may have (two each); beyond that, and wherever the system says that there are too
 *     many, the file that was opened first is closed until it is needed again. Streams without a frame hold at most 112 MiB
 *     of buffers made ahead of need and 4 threads for each core, together; the other threads of a stream start with its
 *     frames. With the engine "zarrs" no thread is alive after the last ome_stream_free.
 *     Memory that the system does not have is OME_STREAM_OUT_OF_MEMORY where it was asked for in proportion to frames,
 *     chunks and shards; a run goes on with the buffers that it has. Small allocations (names, texts, a few hundred bytes)
 *     end the process where there is not even room for them, as everywhere.
 *
 * Settings
 *     A JSON object. The least of it:
 *
 *         {"root_path": "run.ome.zarr", "dtype": "uint16", "dimensions": [
 *             {"name": "t", "count": null, "unit": "second", "scale": 0.05},
 *             {"name": "y", "count": 2048, "chunk_size": 512, "unit": "micrometer", "scale": 0.108},
 *             {"name": "x", "count": 2048, "chunk_size": 512, "unit": "micrometer", "scale": 0.108}]}
 *
 *     Unknown fields are refused by name, and every refusal says what would work. Fields of the settings, with what holds
 *     where one is left out:
 *
 *         root_path          folder of the store; without a .zarr ending ".ome.zarr" is added, and then it may not end in
 *                            a separator. Its name is one that a folder can have on every system. Must be given.
 *         dtype              "uint8" to "uint64", "int8" to "int64", "float16", "float32", "float64". Must be given.
 *         dimensions         the loops of the acquisition, slowest first; the last two are a frame's rows and columns.
 *                            Must be given; their fields are below.
 *         compression        "none", "zstd", "gzip", "blosc-zstd", "blosc-lz4", or an object with codec, level, checksum
 *                            ("crc32c": four bytes behind each chunk, by which readers see a damaged one; not in version
 *                            "0.4") and, for Blosc, shuffle ("none", "byte", "bit"). Default "none", without a checksum.
 *         storage_order      "ome" (t, c, z, y, x), "acquisition", or a list of the dimensions' names. Default "ome".
 *         plate              a well plate: row_names and column_names (lists of all of them), or standard_wells (6, 12,
 *                            24, 48, 96, 384, 1536) in their place; name; acquisitions, objects with id, name,
 *                            description, start_time and end_time (seconds since 1970). Each position is then a field
 *                            of a well. Default: no plate.
 *         overwrite          true replaces an OME-Zarr store that is already there. Default false.
 *         resume             true goes on with a store of the same settings behind its last stored frame, and starts
 *                            one where there is none. Default false.
 *         format             name of an engine, or an object with backend (name of an engine), version (of OME-NGFF; none
 *                            but "0.5" is written) and suffix (of the store's folder). Default "auto", "0.5",
 *                            ".ome.zarr".
 *         pyramid            levels below full resolution, made while frames come: an object with method ("mean", "min",
 *                            "max", "median", "mode", "nearest"; default "mean"), levels (how many, full resolution
 *                            included) or smallest (levels end with the first that has fewer rows or columns; default
 *                            256), factors (object: by how much a space dimension becomes smaller from level to level;
 *                            default 2), chunks and shards (lists with an object for each level below full resolution:
 *                            pixels of a chunk, chunks of a shard, by name of a dimension; default as full resolution).
 *                            Default: no levels.
 *         memory_limit       most bytes that the stream may hold, at least 1048576. Default 1073741824. Where the machine
 *                            or a container has less left, "notes" of ome_stream_status say so.
 *         threads            worker threads, 1 to 256. Default: chosen for the machine.
 *         durability         when data must survive power loss: "finish" (all, when ome_stream_finish returns), "shard"
 *                            (each shard as it is complete), "none". Default "finish".
 *         when_full          what ome_stream_append does at the memory limit: "block" (waits), "error" (refuses), "drop"
 *                            (drops and counts; refuses where the disk stands still for 65536 chunks). Default "block".
 *         live_interval      seconds after which a written frame shows to readers though its shard is still open, 0.05
 *                            to 3600. Default 1.
 *         program            what the host program calls itself, with its version; it is told in the store. Default:
 *                            nothing.
 *         frame_times        whether the time at which each frame was accepted is kept: true of all frames (one more
 *                            file for each image), false of none. Default: of frames that come with metadata.
 *
 *     Fields of a dimension:
 *
 *         name               its name, each once: x, y, z, c, t, p where they apply. Must be given.
 *         count              number of elements; null for a first dimension without an end.
 *         type               "space", "time", "channel", "position", "other". Default: told by coords, unit or name.
 *         coords             what each element is, instead of count. Positions: objects with name, plate_row,
 *                            plate_column (the well, where there is a plate), acquisition (an id of the plate's),
 *                            grid_row, grid_column, x_coord, y_coord, z_coord; names are those of folders on every
 *                            system. Channels: names, or objects
 *                            with name, color, fluorophore, excitation_wavelength_nm, emission_wavelength_nm, window
 *                            {"start", "end"} (intensities shown black and in full color; else from the data). Others:
 *                            names or numbers.
 *         chunk_size         pixels of a chunk. Default: the whole frame in rows and columns, 1 elsewhere.
 *         shard_size_chunks  chunks (not pixels) of a shard. Default: no shards.
 *         unit               "micrometer", "second" or another name of OME-NGFF, or a common symbol such as "um".
 *         scale              size of one element in that unit: pixel size, time interval.
 *         translation        place of the first element in that unit.
 */


#ifndef OME_STREAM_H
#define OME_STREAM_H

/* Made by `cargo xtask header` from bindings/c/src; change it there. */

#include <stdint.h>

/**
 * Number of this ABI, the N of libome_stream.so.N: what ome_stream_abi_version returns. It goes up only if a function
 * is ever taken away or changed, which is not planned.
 */
#define OME_STREAM_ABI_VERSION 1

/**
 * Success.
 */
#define OME_STREAM_OK 0

/**
 * A settings field has a value that cannot be used; the message names the field, the value and what would work.
 */
#define OME_STREAM_INVALID_SETTINGS 1

/**
 * The settings are valid, but the chosen engine cannot do what they ask.
 */
#define OME_STREAM_UNSUPPORTED 2

/**
 * The acquisition needs more memory than `memory_limit` allows; the message says how much.
 */
#define OME_STREAM_MEMORY_LIMIT 3

/**
 * Something is already at `root_path` and `overwrite` is false; it was not touched.
 */
#define OME_STREAM_ALREADY_EXISTS 4

/**
 * `overwrite` was asked for on something that is not an OME-Zarr store; it was not touched.
 */
#define OME_STREAM_NOT_A_STORE 5

/**
 * The operating system refused a file operation; the message names the file and the reason.
 */
#define OME_STREAM_IO 6

/**
 * A frame has the wrong number of bytes; it was refused and used no frame number.
 */
#define OME_STREAM_FRAME_SIZE 7

/**
 * More frames than the dimensions declare; nothing was consumed.
 */
#define OME_STREAM_TOO_MANY_FRAMES 8

/**
 * No room within the memory limit now; the frame was refused and used no frame number. Not a failure: try again.
 */
#define OME_STREAM_FULL 9

/**
 * The stream is finished; create a new one to write more frames.
 */
#define OME_STREAM_FINISHED 10

/**
 * An earlier write failed (disk full, folder gone); the message has the first cause and its frame number. The stream
 * takes no more frames. What was written before stays readable.
 */
#define OME_STREAM_FAILED 11

/**
 * Metadata cannot be stored: not a JSON object, too long, or a reserved name.
 */
#define OME_STREAM_INVALID_METADATA 12

/**
 * An engine reported a failure of its own.
 */
#define OME_STREAM_ENGINE 13

/**
 * The chosen engine is not available on this machine; the message says what would make it so.
 */
#define OME_STREAM_UNAVAILABLE 14

/**
 * A bug in this library; what was written before stays readable.
 */
#define OME_STREAM_INTERNAL 15

/**
 * A store is damaged or is not what an operation on it needs.
 */
#define OME_STREAM_DAMAGED 16

/**
 * `resume` was asked for on a store that was not made with these settings; the message has the difference. It was not
 * touched.
 */
#define OME_STREAM_MISMATCH 17

/**
 * A frame that was to be replaced does not exist. No function of this ABI replaces frames yet: the number is reserved.
 */
#define OME_STREAM_NO_SUCH_FRAME 18

/**
 * Another program, or another stream of this one, is at work on the store; the message says which. It was not touched.
 */
#define OME_STREAM_BUSY 19

/**
 * The system has no memory to give, though `memory_limit` allows more; nothing was changed. A refused frame used no
 * number: it may be given again when there is some.
 */
#define OME_STREAM_OUT_OF_MEMORY 20

/**
 * What was waited for had not happened when the time limit was over. A frame that was to be appended was refused and
 * used no frame number. Not a failure: the stream goes on.
 */
#define OME_STREAM_TIMED_OUT 21

/**
 * ome_stream_cancel called off what was waited for. A frame that was to be appended was refused and used no frame
 * number. Not a failure: the stream goes on.
 */
#define OME_STREAM_CANCELED 22

/**
 * ome_stream_abort gave the run up: what was written is kept, the rest is not in the store.
 */
#define OME_STREAM_ABORTED 24

/**
 * The settings declare no such frame, plane, position or level; the message says what there is.
 */
#define OME_STREAM_NOT_DECLARED 25

/**
 * A pointer that must not be NULL is NULL.
 */
#define OME_STREAM_NULL_POINTER 32

/**
 * The handle is not that of a live stream: it was freed, or it never came from `ome_stream_create`.
 */
#define OME_STREAM_INVALID_HANDLE 33

/**
 * A text is not UTF-8.
 */
#define OME_STREAM_INVALID_UTF8 34

/**
 * The buffer is too small for the answer: `*needed` says how many bytes (of an array, how many numbers) it needs. The
 * buffer was not touched.
 */
#define OME_STREAM_BUFFER_TOO_SMALL 35

/**
 * A bug in this library: a panic was caught before it reached the host. Finish and free still work.
 */
#define OME_STREAM_PANIC 36

/**
 * For ome_stream_wait: the operating system has the frame, which survives the death of this process.
 */
#define OME_STREAM_STATE_WRITTEN 1

/**
 * For ome_stream_wait: the frame is on the medium, and survives a loss of power. Before ome_stream_finish frames become
 * so only with `durability` "shard".
 */
#define OME_STREAM_STATE_DURABLE 2

/**
 * For ome_stream_wait: who opens the store sees the frame.
 */
#define OME_STREAM_STATE_READABLE 3

/**
 * A stream: one acquisition being written. Only ever used through a pointer that ome_stream_create gives.
 */
typedef struct ome_stream_t ome_stream_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Version of the library, such as "0.1.0". Never NULL; lives for ever, do not free it.
 *
 * Any thread, any time.
 */
const char *ome_stream_version(void);

/**
 * Number of this ABI: the N of libome_stream.so.N. A host that loads the library at run time compares it with
 * OME_STREAM_ABI_VERSION of the header it was built with and refuses another number.
 *
 * Any thread, any time.
 */
uint32_t ome_stream_abi_version(void);

/**
 * Name of a code as written in this header, such as "OME_STREAM_FULL"; "unknown code" for any other number. Never
 * NULL; lives for ever, do not free it.
 *
 * Any thread, any time.
 */
const char *ome_stream_error_name(int32_t code);

/**
 * The message of the last call that failed on this thread, in English, UTF-8: what was wrong, with the field or file
 * and the value, and what would work. Empty before the first failure; calls that succeed leave it as it is.
 *
 * `buf`, `len`, `needed`: see "Texts that the library returns" above. 1024 bytes are enough for nearly every message.
 * Failing here (buffer too small) does not replace the message.
 *
 * Any thread, any time; each thread has its own message.
 */
int32_t ome_stream_last_error(char *buf,
                              uint64_t len,
                              uint64_t *needed);

/**
 * The engines of this build as a JSON array of objects: "name" (for `format.backend` of the settings), "available"
 * (true or false), "reason" (where it was found, or why it is not available and what would make it so) and
 * "capabilities" (null where it is not available).
 *
 * `buf`, `len`, `needed`: see "Texts that the library returns" above; 4096 bytes are enough.
 *
 * An engine that is loaded at run time (acquire-zarr) is told here by its file, and not loaded: a call that names it
 * in its settings (ome_stream_create, ome_stream_estimate_memory) loads it, for the rest of the process's life, and
 * may still find it OME_STREAM_UNAVAILABLE. Its version is that of the Python package in which it lies, "0.10 or
 * newer" for a library of one's own. It prints its errors to standard error, which is left as it is.
 *
 * Any thread, any time. May take a moment: it reads the files of such engines.
 */
int32_t ome_stream_backends(char *buf,
                            uint64_t len,
                            uint64_t *needed);

/**
 * Most bytes of memory that a stream with these settings will hold, in `*bytes`. Touches no disk, so a host can ask
 * before it starts.
 *
 * Fails as ome_stream_create does for settings that cannot be used: OME_STREAM_INVALID_SETTINGS,
 * OME_STREAM_MEMORY_LIMIT, OME_STREAM_UNSUPPORTED, OME_STREAM_UNAVAILABLE.
 *
 * Any thread, any time.
 */
int32_t ome_stream_estimate_memory(const char *settings_json,
                                   uint64_t *bytes);

/**
 * Starts a stream: checks the settings, makes the store, valid and empty, and gives its handle in `*out`.
 *
 * `settings_json`: see "Settings" above. Every handle must be given to ome_stream_free once.
 *
 * Fails with OME_STREAM_INVALID_SETTINGS, OME_STREAM_UNSUPPORTED, OME_STREAM_MEMORY_LIMIT or OME_STREAM_UNAVAILABLE
 * before anything is touched; OME_STREAM_ALREADY_EXISTS or OME_STREAM_NOT_A_STORE for what is in the way, which stays
 * as it is; OME_STREAM_IO or OME_STREAM_ENGINE if the store cannot be made, after which nothing of it is left behind;
 * OME_STREAM_BUSY where another program or stream is at work on the store; OME_STREAM_OUT_OF_MEMORY. With `resume`
 * also OME_STREAM_MISMATCH or OME_STREAM_DAMAGED for a store that cannot be continued.
 *
 * Any thread, any time; several streams may live at once.
 */
int32_t ome_stream_create(const char *settings_json,
                          ome_stream_t **out);

/**
 * Takes the next frame: `nbytes` bytes at `pixels`, rows of pixels in native byte order, no padding between rows.
 * Copies them: when this returns, the memory is the host's again.
 *
 * `frame_metadata_json`: a JSON object with whatever is known about this frame, at most 65536 bytes; NULL or "" for
 * none. Some names have a meaning, and stand for finite numbers, or null, where they are there: "delta_t" (seconds
 * since the acquisition began), "exposure_time" (seconds, not negative), "position_x", "position_y", "position_z"
 * (place of the stage, micrometers); leave out what is not known. The library adds "storage_index", "frame" and the
 * time at which it "accepted" the frame. `frame_number`: receives the zero-based number of this frame; NULL if not
 * wanted.
 *
 * Where the disk is slower than the camera and `memory_limit` is reached, this does what `when_full` of the settings
 * says: "block" waits for room, "error" returns OME_STREAM_FULL, "drop" counts the frame as dropped, returns
 * OME_STREAM_OK and leaves its place empty.
 *
 * Fails with OME_STREAM_FAILED when an earlier write went wrong, OME_STREAM_FRAME_SIZE when `nbytes` is not
 * ome_stream_frame_bytes, OME_STREAM_TOO_MANY_FRAMES, OME_STREAM_INVALID_METADATA, OME_STREAM_FULL,
 * OME_STREAM_FINISHED; with OME_STREAM_OUT_OF_MEMORY or OME_STREAM_IO where the system has no memory for the frame, or
 * no thread to store the first. A refused frame changes nothing and uses no number.
 *
 * Any thread. Calls from several threads for one stream are made one after another in an order that the library
 * chooses: frames whose order matters come from one thread.
 */
int32_t ome_stream_append(ome_stream_t *stream,
                          const void *pixels,
                          uint64_t nbytes,
                          const char *frame_metadata_json,
                          uint64_t *frame_number);

/**
 * As ome_stream_append, but never waits for the disk, whatever `when_full` says: OME_STREAM_FULL when there is no room
 * within the memory limit now. The frame is then still the host's, to try again, to keep or to drop. It may wait for
 * another thread that is copying its frame.
 *
 * Any thread, as ome_stream_append.
 */
int32_t ome_stream_try_append(ome_stream_t *stream,
                              const void *pixels,
                              uint64_t nbytes,
                              const char *frame_metadata_json,
                              uint64_t *frame_number);

/**
 * As ome_stream_append, but waits for room no longer than `milliseconds`, whatever `when_full` says:
 * OME_STREAM_TIMED_OUT where there was none by then. UINT64_MAX is no limit.
 *
 * Any thread, as ome_stream_append.
 */
int32_t ome_stream_append_within(ome_stream_t *stream,
                                 const void *pixels,
                                 uint64_t nbytes,
                                 const char *frame_metadata_json,
                                 uint64_t milliseconds,
                                 uint64_t *frame_number);

/**
 * Waits until frame `frame` (from 0) and every one before it is written (`state` OME_STREAM_STATE_WRITTEN), durable
 * (OME_STREAM_STATE_DURABLE) or readable (OME_STREAM_STATE_READABLE), for at most `milliseconds`; UINT64_MAX is no limit, 0 asks
 * without waiting. A frame that was not appended yet is waited for too. Frames become readable some `live_interval`
 * after they are written.
 *
 * Fails with OME_STREAM_TIMED_OUT, OME_STREAM_CANCELED, OME_STREAM_FAILED where the run failed before,
 * OME_STREAM_FINISHED where it ended without the frame, OME_STREAM_INVALID_SETTINGS for another `state`, and for durable
 * with `durability` "none".
 *
 * Any thread, any time before ome_stream_free, while other threads append or finish.
 */
int32_t ome_stream_wait(ome_stream_t *stream,
                        uint64_t frame,
                        int32_t state,
                        uint64_t milliseconds);

/**
 * Calls off what waits now in other threads: calls of append that wait for room, and of ome_stream_wait, return
 * OME_STREAM_CANCELED at once, and their frames are refused. The stream goes on; calls that come later wait as before.
 * For a stop button.
 *
 * Any thread, any time before ome_stream_free. Never waits for the disk.
 */
int32_t ome_stream_cancel(ome_stream_t *stream);

/**
 * Passes over the next `frames` frames: their places stay empty and read as zero.
 *
 * Fails with OME_STREAM_TOO_MANY_FRAMES when fewer are left or `frames` is above 100000000 (nothing is skipped then),
 * OME_STREAM_FAILED, OME_STREAM_FINISHED.
 *
 * Any thread, as ome_stream_append.
 */
int32_t ome_stream_skip(ome_stream_t *stream,
                        uint64_t frames);

/**
 * Stores metadata of the whole acquisition: the JSON object `json` becomes the attribute `namespace_` of the store's
 * root, at once and atomically. Asked again for the same namespace it replaces what was there.
 *
 * Fails with OME_STREAM_INVALID_METADATA for a name that OME-NGFF or this library uses itself ("ome", "ome_stream",
 * "ome_writers", "series", ...), an empty one, text that is not a JSON object, more than 16 MiB in a namespace, or more
 * than 32 MiB in all together, OME_STREAM_FINISHED, OME_STREAM_IO. Frames are not concerned: the stream goes on.
 *
 * Any thread.
 */
int32_t ome_stream_set_metadata(ome_stream_t *stream,
                                const char *namespace_,
                                const char *json);

/**
 * Bytes of one frame of this stream, in `*bytes`: rows x columns x bytes of a pixel.
 *
 * Any thread.
 */
int32_t ome_stream_frame_bytes(ome_stream_t *stream, uint64_t *bytes);

/**
 * Folder of the store, as the settings' `root_path` and suffix make it.
 *
 * `buf`, `len`, `needed`: see "Texts that the library returns" above.
 *
 * Any thread.
 */
int32_t ome_stream_path(ome_stream_t *stream, char *buf, uint64_t len, uint64_t *needed);

/**
 * How the stream stands, as a JSON object. Frame numbers: "accepted" (taken or skipped: the number that the next frame
 * gets), "written" (every frame below it survives the death of this process), "durable" (every frame below it survives
 * power loss). Counts: "skipped", "dropped", "lost" (given up by ome_stream_abort), "declared" (null where the first dimension is
 * unbounded). Bytes:
 * "bytes_in_flight", "bytes_high_water", "bytes_limit", "bytes_written", and of that "bytes_for_live_readers" (what
 * readers cost that look while the run goes on). "append": times of append so far in microseconds ("count", "p50_us",
 * "p99_us", "p999_us", "max_us"). "phases": where the time went, in milliseconds, added up over threads ("copy_ms" and
 * "wait_ms" inside append, "encode_ms" and "write_ms" in the workers, "sync_ms" in finish). "failure": the first
 * cause, or null. "finished": true once finish was asked. "aborted": true once ome_stream_abort was. "housekeeping": what the library keeps beside the pixels
 * (frame metadata, progress, the list of missing frames) and could not write, with the reason, or null: it is tried
 * again, the run goes on, and finish fails with it if it never succeeds. "notes": a list of texts, what is worth
 * knowing of this run, its file system and its memory. More fields may come: pass over those that are not known.
 *
 * `buf`, `len`, `needed`: see "Texts that the library returns" above; 4096 bytes are enough. Numbers grow between two
 * calls: rather pass a buffer of 4096 bytes at once than ask for the size first.
 *
 * Any thread, any time before ome_stream_free, while other threads append or finish.
 */
int32_t ome_stream_status(ome_stream_t *stream,
                          char *buf,
                          uint64_t len,
                          uint64_t *needed);

/**
 * Ends the stream: stores what is still in memory, trims an unbounded first dimension to what came, writes the last
 * metadata and makes everything durable as the settings' `durability` says. Returns when that is done, which can take
 * as long as the disk needs for `memory_limit` bytes. The handle stays valid (for status) until ome_stream_free.
 *
 * May be asked again and then gives the same answer at once. Fails with the first thing that went wrong in the whole
 * run, OME_STREAM_FAILED with its cause: a host that asks nothing else must ask this.
 *
 * Any thread. A call of append that waits on another thread is completed first; later ones get OME_STREAM_FINISHED.
 */
int32_t ome_stream_finish(ome_stream_t *stream);

/**
 * Ends the stream at once: keeps what was written and gives up the frames that wait for the disk. Waits for what is
 * being written just now (a few MiB for each worker, or a shard) and for what was written to be on the medium, as the
 * settings' `durability` says; not for the rest. The store is valid and says in its root group that the run was given
 * up; the frames that were accepted and are not there are listed in it, and "lost" of ome_stream_status counts them. With
 * `resume` a later stream goes on behind the last frame that was written.
 *
 * OME_STREAM_OK where what was written is whole: ome_stream_status tells the rest. May be asked again and then gives the
 * same answer at once; after ome_stream_finish it gives the answer of that. Fails as ome_stream_finish does.
 *
 * Any thread, also while another thread finishes: that becomes an abort. Calls of append and of ome_stream_wait that wait
 * in other threads return OME_STREAM_ABORTED at once, as all later ones do, and ome_stream_finish. The handle stays
 * valid until ome_stream_free.
 */
int32_t ome_stream_abort(ome_stream_t *stream);

/**
 * Frees a stream; finishes it first if that was not asked. From then on its handle is invalid, for ever: any further
 * use is refused with OME_STREAM_INVALID_HANDLE. NULL is allowed and does nothing.
 *
 * What came until then is kept and readable, and it takes as long as ome_stream_finish: to stop without waiting for the
 * disk ask ome_stream_abort before. It returns no code; if finishing fails here the message is in ome_stream_last_error,
 * but rather ask ome_stream_finish before.
 *
 * Any thread, also while other threads use the stream: their calls end as usual or with OME_STREAM_FINISHED.
 */
void ome_stream_free(ome_stream_t *stream);

/**
 * What a stream with these settings will be, as a JSON object, before it is made; touches no disk. "settings": all of
 * them in their normal form, every default filled in. "path": the store's folder. "notes": texts for a person.
 * "memory": bytes that the stream holds at most ("total_bytes"), and what they are made of; "threads": worker threads.
 * "frames": how many are declared (null where the first dimension is unbounded), "frame_bytes": of each. "axes": names
 * of an image's axes in storage order. "loops": the dimensions in the order of acquisition, without rows and columns,
 * each with "name", "count" (null: unbounded) and "axis" (its place among the axes; null: position). "levels": of an
 * image, full resolution first, each with "shape" (null where unbounded), "chunk" and "shard" (null: none), all in
 * pixels along each axis. "positions": of each "name", "folder" of its image and "arrays" (their folders, a level
 * each), all below "path". More fields may come: pass over those that are not known.
 *
 * `buf`, `len`, `needed`: see "Texts that the library returns" above; some 4096 bytes, and 64 for each position.
 *
 * Fails as ome_stream_estimate_memory.
 *
 * Any thread, any time.
 */
int32_t ome_stream_plan(const char *settings_json,
                        char *buf,
                        uint64_t len,
                        uint64_t *needed);

/**
 * What was planned for a stream, as a JSON object: that of ome_stream_plan.
 *
 * `buf`, `len`, `needed`: see "Texts that the library returns" above.
 *
 * Any thread, any time before ome_stream_free; the answer is always the same.
 */
int32_t ome_stream_planned(ome_stream_t *stream, char *buf, uint64_t len, uint64_t *needed);

/**
 * Where frame `frame` (from 0) goes, whether it has come or not: `*position` (from 0; may be NULL) and its coordinates
 * along the axes before rows and columns, in storage order, in `index`, which has room for `len` of them. `*needed`
 * receives how many there are, at most 3 (may be NULL if `index` is not). `index` NULL with `len` 0 asks for the
 * number, and the position. Where `len` is too small the code is OME_STREAM_BUFFER_TOO_SMALL, `*needed` is set and
 * nothing else.
 *
 * Fails with OME_STREAM_NOT_DECLARED beyond the declared frames.
 *
 * Any thread, any time before ome_stream_free.
 */
int32_t ome_stream_place_of(ome_stream_t *stream,
                            uint64_t frame,
                            uint64_t *position,
                            uint64_t *index,
                            uint64_t len,
                            uint64_t *needed);

/**
 * The number of the frame that goes to a place, whether it has come or not, in `*frame`: at `position` (from 0), and
 * at the `len` coordinates `index` along the axes before rows and columns, in storage order. `index` may be NULL where
 * `len` is 0.
 *
 * Fails with OME_STREAM_NOT_DECLARED where there is no such position or plane, or where planes have more or fewer
 * coordinates.
 *
 * Any thread, any time before ome_stream_free.
 */
int32_t ome_stream_frame_of(ome_stream_t *stream,
                            uint64_t position,
                            const uint64_t *index,
                            uint64_t len,
                            uint64_t *frame);

/**
 * Folder of the array that holds `level` (0 is full resolution) of `position` (from 0), in full.
 *
 * `buf`, `len`, `needed`: see "Texts that the library returns" above.
 *
 * Fails with OME_STREAM_NOT_DECLARED where there is no such position or level.
 *
 * Any thread, any time before ome_stream_free.
 */
int32_t ome_stream_array_path(ome_stream_t *stream,
                              uint64_t position,
                              uint32_t level,
                              char *buf,
                              uint64_t len,
                              uint64_t *needed);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OME_STREAM_H */
