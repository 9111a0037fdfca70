/*
 * Loading model weights from C and whatever calls C. C99, and C++.
 *
 * Results: what can fail returns a tz_status, TZ_OK (0) if it did not, and tells more in a tz_error
 * where the caller gives a place for one. That is NULL after success.
 *
 * Handles are opaque. What a *_create function, tz_load() or tz_tensor_hold() gives is the
 * caller's, and so is an error; each goes back to the *_destroy function of its type, which takes
 * NULL too. Everything else that the library hands out belongs to the handle it was asked of and
 * lives as long. Structures are made by the library only; later versions may append members to
 * them.
 *
 * Options are set by functions that return nothing: the first wrong value is reported by the call
 * that the options are for. It copies them; they may be changed or destroyed after it.
 *
 * Strings end in a zero byte and are UTF-8. Those that come from the library are printable, but for
 * tz_tensor_stored_name(); those given to it are copied.
 *
 * Threads: an engine, a tz_cancel, and all that is const may be used by several at once; any other
 * handle by one at a time; and none while it is being destroyed.
 *
 * Callbacks run on the thread that called tz_load(), but for the log. They get the `user` pointer
 * that was given with them, must not throw or longjmp, and must not load on the engine that calls
 * them.
 */
#ifndef TZ_TZ_H
#define TZ_TZ_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TZ_API __attribute__((visibility("default")))
#else
#define TZ_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, as "0.1.0". */
TZ_API const char* tz_version(void);

/* ---- errors */

typedef enum tz_status {
    TZ_OK = 0,
    TZ_ERROR_FORMAT = 1,         /* the file breaks its format */
    TZ_ERROR_INTEGRITY = 2,      /* a hash does not fit, or is missing though it was asked for */
    TZ_ERROR_AUTH = 3,           /* a wrong key, or one given or missing wrongly */
    TZ_ERROR_UNSUPPORTED = 4,    /* a version, flag or type that this build does not know */
    TZ_ERROR_NOT_FOUND = 5,      /* no such file */
    TZ_ERROR_DENIED = 6,         /* permissions */
    TZ_ERROR_TRANSPORT = 7,      /* the network or the server; a retry may help */
    TZ_ERROR_DEADLINE = 8,       /* the deadline has passed */
    TZ_ERROR_OBJECT_CHANGED = 9, /* the file was replaced or altered during the load */
    TZ_ERROR_LIMIT = 10,         /* a limit, memory, or space */
    TZ_ERROR_IO = 11,            /* the operating system refused something */
    TZ_ERROR_DEVICE = 12,        /* a GPU */
    TZ_ERROR_CANCELLED = 13,     /* a tz_cancel or a callback stopped the load */
    TZ_ERROR_USAGE = 14          /* arguments or options that cannot hold */
} tz_status;

/* What failed. NULL in place of one (where not even memory for it was left) has no texts. */
typedef struct tz_error tz_error;

TZ_API tz_status tz_error_status(const tz_error* error);
/* One line that says all: the file, the byte, what is wrong, and the hint. */
TZ_API const char* tz_error_message(const tz_error* error);
/* The file it happened in, or "". */
TZ_API const char* tz_error_file(const tz_error* error);
/* What the user can do about it, or "". */
TZ_API const char* tz_error_hint(const tz_error* error);
/* Nonzero where the byte of the file is known, which `offset` (unless NULL) is then set to. */
TZ_API int tz_error_offset(const tz_error* error, uint64_t* offset);
/* After a load into the caller's memory: the tensors that are whole and verified there. Others may
 * be partly written. */
TZ_API size_t tz_error_complete_count(const tz_error* error);
TZ_API const char* tz_error_complete_name(const tz_error* error, size_t index);
TZ_API size_t tz_error_complete_file(const tz_error* error, size_t index);
TZ_API void tz_error_destroy(tz_error* error);

/* ---- engines: the threads and staging memory of loads */

typedef enum tz_log_level { TZ_LOG_DEBUG = 0, TZ_LOG_INFO = 1, TZ_LOG_WARNING = 2 } tz_log_level;

/* How reads reach the kernel. Automatic takes io_uring where the kernel grants it. */
typedef enum tz_io { TZ_IO_AUTOMATIC = 0, TZ_IO_URING = 1, TZ_IO_THREADS = 2 } tz_io;

/* One line without secrets. Called on any thread, by several at once too; must not block long. */
typedef void (*tz_log_fn)(tz_log_level level, const char* line, void* user);

typedef struct tz_engine_options tz_engine_options;

/* NULL where there is no memory. */
TZ_API tz_engine_options* tz_engine_options_create(void);
TZ_API void tz_engine_options_destroy(tz_engine_options* options);
TZ_API void tz_engine_options_set_io(tz_engine_options* options, int io);
/* 0, as at first, chooses for each of these four what pays. */
TZ_API void tz_engine_options_set_loops(tz_engine_options* options, unsigned loops);
TZ_API void tz_engine_options_set_workers(tz_engine_options* options, unsigned workers);
TZ_API void tz_engine_options_set_concurrency(tz_engine_options* options, unsigned chunks);
TZ_API void tz_engine_options_set_chunk_bytes(tz_engine_options* options, size_t bytes);
/* Most staging memory. */
TZ_API void tz_engine_options_set_memory_limit(tz_engine_options* options, size_t bytes);
/* `user` must stay until the engine is destroyed. */
TZ_API void tz_engine_options_set_log(tz_engine_options* options, tz_log_fn log, void* user);

/* Lives across loads, which run one after another on it. */
typedef struct tz_engine tz_engine;

/* Options may be NULL. */
TZ_API tz_status
tz_engine_create(const tz_engine_options* options, tz_engine** engine, tz_error** error);
/* After its last load has returned. */
TZ_API void tz_engine_destroy(tz_engine* engine);
/* "uring" or "threads". */
TZ_API const char* tz_engine_io(const tz_engine* engine);

/* ---- tensors */

/* A tensor of a result or, during a callback, the one it is about. */
typedef struct tz_tensor tz_tensor;

/* The path of keys, to be shown: one plain string, or a JSON array. Control characters stand as
 * escapes, so that two tensors may have the same. */
TZ_API const char* tz_tensor_name(const tz_tensor* tensor);
/* The same as the file stores it, which no two tensors of a file share: one key as it is, or the
 * byte 1E and a JSON array of keys. It may hold any character, and zero bytes too: `bytes` (unless
 * NULL) is set to its length. */
TZ_API const char* tz_tensor_stored_name(const tz_tensor* tensor, size_t* bytes);
/* As torch calls it: "float32", "bfloat16", ... */
TZ_API const char* tz_tensor_dtype(const tz_tensor* tensor);
/* 0 where elements are no whole bytes. */
TZ_API size_t tz_tensor_element_bytes(const tz_tensor* tensor);
/* 4 or 6 too, packed without gaps. 0 where an unknown type has no elements to tell it by. */
TZ_API size_t tz_tensor_element_bits(const tz_tensor* tensor);
TZ_API size_t tz_tensor_dimensions(const tz_tensor* tensor);
/* Outermost dimension first. */
TZ_API const uint64_t* tz_tensor_shape(const tz_tensor* tensor);
TZ_API uint64_t tz_tensor_bytes(const tz_tensor* tensor);
/* Aligned to 64 bytes at least; if mapped, as its elements ask; the caller's memory is as it is.
 * NULL with TZ_MEMORY_NONE and in a destination callback. */
TZ_API void* tz_tensor_data(const tz_tensor* tensor);
/* Which of the load's files it is from: the shards of a folder or a list are files of their own. */
TZ_API size_t tz_tensor_file(const tz_tensor* tensor);

/* Keeps the data of a tensor where it is when its result is destroyed, or the load that delivered
 * it fails. */
typedef struct tz_hold tz_hold;

/* NULL where the memory is the caller's or there is none. Keeps that of the whole load. */
TZ_API tz_hold* tz_tensor_hold(const tz_tensor* tensor);
TZ_API void tz_hold_destroy(tz_hold* hold);

/* ---- stopping a load */

typedef struct tz_cancel tz_cancel;

/* NULL where there is no memory. */
TZ_API tz_cancel* tz_cancel_create(void);
/* Stops the loads that have it in their options, for good, with TZ_ERROR_CANCELLED. Takes locks:
 * not for signal handlers. They can set a flag for the progress callback to see. */
TZ_API void tz_cancel_request(tz_cancel* cancel);
/* Loads may still have it in their options. */
TZ_API void tz_cancel_destroy(tz_cancel* cancel);

/* ---- loads */

/* Which stored hashes are checked. Sealed (encrypted) data is always authenticated. */
typedef enum tz_verify {
    TZ_VERIFY_AUTOMATIC = 0, /* CRC-32 where stored, but not of sealed or mapped data */
    TZ_VERIFY_NONE = 1,
    TZ_VERIFY_CRC32 = 2,  /* a tensor without one is an error */
    TZ_VERIFY_SHA256 = 3, /* a tensor without one is an error */
    TZ_VERIFY_ALL = 4     /* every stored hash; a tensor without any is an error */
} tz_verify;

/* Where tensors end up, unless there is a destination callback. */
typedef enum tz_memory {
    TZ_MEMORY_OWNED = 0,
    /* Where they can be: pages of the file itself, private to the process. While they are in use
     * nobody may cut the file short (that ends the process) or write to it (that may show). */
    TZ_MEMORY_MAPPED = 1,
    TZ_MEMORY_NONE = 2 /* read, verified, decrypted and dropped */
} tz_memory;

/* Whether reads bypass the page cache. */
typedef enum tz_direct { TZ_DIRECT_AUTOMATIC = 0, TZ_DIRECT_ON = 1, TZ_DIRECT_OFF = 2 } tz_direct;

typedef struct tz_progress {
    uint64_t bytes_done;  /* of tensors, through all stages */
    uint64_t bytes_total; /* 0 until the index is read */
    uint64_t tensors_done;
    uint64_t tensors_total;
} tz_progress;

/* Where a tensor shall go: tz_tensor_bytes() bytes that stay until tz_load() returns. Called for
 * each tensor before any data is read. NULL ends the load (TZ_ERROR_LIMIT). */
typedef void* (*tz_destination_fn)(const tz_tensor* tensor, void* user);
/* A tensor is complete, in the order of the load. What was delivered stays valid whatever happens
 * later: see tz_tensor_hold(). Nonzero ends the load. */
typedef int (*tz_deliver_fn)(const tz_tensor* tensor, void* user);
/* About ten times a second, and at the end. Nonzero ends the load. */
typedef int (*tz_progress_fn)(const tz_progress* progress, void* user);

typedef struct tz_load_options tz_load_options;

/* NULL where there is no memory. */
TZ_API tz_load_options* tz_load_options_create(void);
TZ_API void tz_load_options_destroy(tz_load_options* options);
TZ_API void tz_load_options_set_verify(tz_load_options* options, int verify);
TZ_API void tz_load_options_set_memory(tz_load_options* options, int memory);
TZ_API void tz_load_options_set_direct(tz_load_options* options, int direct);
/* 32 bytes, raw or as 64 hex digits, for encrypted files; or a password. At most one of them. */
TZ_API void tz_load_options_set_key(tz_load_options* options, const void* key, size_t bytes);
TZ_API void
tz_load_options_set_password(tz_load_options* options, const void* password, size_t bytes);
/* What deriving a password's key may cost, which its file says: passes, and bytes of memory (16 and
 * 2 GiB; and half of what is available). Above that a load is TZ_ERROR_LIMIT. To be raised only for
 * files of somebody trusted. */
TZ_API void
tz_load_options_set_kdf_max(tz_load_options* options, unsigned passes, uint64_t memory_bytes);

/* Wanted are the tensors of these names (each must exist) and those that match any of the include
 * patterns (fnmatch(3); `*` matches dots too; each must match one), or all where neither is given;
 * but none that matches an exclude pattern. */
TZ_API void tz_load_options_add_name(tz_load_options* options, const char* name);
TZ_API void tz_load_options_add_include(tz_load_options* options, const char* pattern);
TZ_API void tz_load_options_add_exclude(tz_load_options* options, const char* pattern);
/* Of a wanted tensor only the indices `begin` up to, not including, `end` of one dimension. */
TZ_API void tz_load_options_add_slice(
    tz_load_options* options, const char* name, size_t dimension, uint64_t begin, uint64_t end);
/* A hash covers a whole tensor. Where hashes are asked for, a slice is an error, unless this is
 * nonzero: then sliced tensors are read whole, checked, and handed out in part. */
TZ_API void tz_load_options_set_read_whole_for_hashes(tz_load_options* options, int whole);
/* Tensors to read and deliver first, in the order of the calls; the others follow in file order. */
TZ_API void tz_load_options_add_order(tz_load_options* options, const char* name);

TZ_API void tz_load_options_set_destination(
    tz_load_options* options, tz_destination_fn destination, void* user);
TZ_API void
tz_load_options_set_deliver(tz_load_options* options, tz_deliver_fn deliver, void* user);
TZ_API void
tz_load_options_set_progress(tz_load_options* options, tz_progress_fn progress, void* user);
TZ_API void tz_load_options_set_cancel(tz_load_options* options, const tz_cancel* cancel);
/* How remote files are reached; docs/network.md has defaults and reasons. Values are text:
 *   ca-file, client-cert, client-key: paths of PEM files
 *   endpoint-url, region, profile, access-key-id, secret-access-key, session-token: of S3
 *   proxy: a URL, or "" for none
 *   hedge, insecure, no-sign-request, allow-http: "1" or "0"
 *   redirects, tries: how many at most
 *   connect-timeout-ms, first-byte-timeout-ms, stall-time-ms: milliseconds */
TZ_API void
tz_load_options_set_network(tz_load_options* options, const char* name, const char* value);
/* Longest time the load may take, waiting for other loads of the engine included; 0 for no end. */
TZ_API void tz_load_options_set_deadline_ms(tz_load_options* options, uint64_t milliseconds);

/* What a load got. */
typedef struct tz_loaded tz_loaded;

/* Loads the wanted tensors of one file or several, local or remote: paths, or URIs of file, http,
 * https or s3. A folder, a list of shards (*.index.json) or hf://ORG/NAME stands for all files of a
 * model, see docs/safetensors.md. Returns when every read has ended, or with the
 * first failure; then nothing of the load is left but what was delivered or is in the caller's
 * memory. `options` may be NULL, and `loaded` where the result is not wanted. */
TZ_API tz_status tz_load(
    tz_engine* engine,
    const char* const* uris,
    size_t uri_count,
    const tz_load_options* options,
    tz_loaded** loaded,
    tz_error** error);
/* Frees the tensors too, unless they are held or in the caller's memory. */
TZ_API void tz_loaded_destroy(tz_loaded* loaded);

/* More than paths and URIs where one of them stands for several files. */
TZ_API size_t tz_loaded_files(const tz_loaded* loaded);
TZ_API size_t tz_loaded_tensors(const tz_loaded* loaded, size_t file);
/* In file order, whatever the order of the load. NULL where there is no such tensor. */
TZ_API const tz_tensor* tz_loaded_tensor(const tz_loaded* loaded, size_t file, size_t index);
/* The first of that shown name. */
TZ_API const tz_tensor* tz_loaded_find(const tz_loaded* loaded, size_t file, const char* name);

typedef struct tz_stats {
    uint64_t bytes; /* of tensors handed out, or dropped */
    uint64_t tensors;
    double seconds;         /* from the call to its return */
    double cpu_seconds;     /* of the whole process in that time */
    uint64_t staging_bytes; /* staging memory that was touched */
    uint64_t read_bytes;    /* alignment and headers included */
    uint64_t direct_bytes;  /* of these, read past the page cache */
    uint64_t mapped_bytes;  /* handed out as pages of the file itself */
    uint64_t retries;       /* reads repeated after a passing fault */
    unsigned loops;
    unsigned workers;
    unsigned lanes;
    size_t chunk_bytes;
    uint64_t requests;    /* of remote files, those repeated included */
    uint64_t connections; /* that were opened */
    uint64_t throttles;   /* answers by which a server asked for less (429, 503) */
} tz_stats;

TZ_API const tz_stats* tz_loaded_stats(const tz_loaded* loaded);
/* What kept the load from being faster, in one sentence without a full stop. */
TZ_API const char* tz_loaded_explain(const tz_loaded* loaded);

#ifdef __cplusplus
}
#endif

#endif
