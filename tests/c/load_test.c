/* The C interface, used as C programs use it, on golden files. */
#include <tz/tz.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char plain[] = TZ_TEST_DATA "/example_plain.tensors";
static const char module[] = TZ_TEST_DATA "/pip-2.6.0_module.tensors";
static const char sealed[] = TZ_TEST_DATA "/example_key.tensors";
static const char password_sealed[] = TZ_TEST_DATA "/example_password.tensors";

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            ++failures;                                                                            \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(text, expected) CHECK(strcmp(text, expected) == 0)

static tz_engine* engine;

static tz_status
load_one(const char* path, const tz_load_options* options, tz_loaded** loaded, tz_error** error) {
    return tz_load(engine, &path, 1, options, loaded, error);
}

/* The status of a load that is expected to fail, whose error goes to `error` unless NULL. */
static tz_status fail_one(const char* path, const tz_load_options* options, tz_error** error) {
    tz_loaded* loaded = NULL;
    tz_error* own = NULL;
    tz_status status = load_one(path, options, &loaded, &own);
    CHECK(status != TZ_OK);
    CHECK(loaded == NULL);
    CHECK(tz_error_status(own) == status);
    CHECK(tz_error_message(own)[0] != '\0');
    if (error != NULL)
        *error = own;
    else
        tz_error_destroy(own);
    return status;
}

/* ---- what is loaded */

static void loads_a_file(void) {
    tz_loaded* loaded = NULL;
    tz_error* error = NULL;
    const tz_tensor* tensor;
    const tz_stats* stats;
    float values[2];
    CHECK(load_one(plain, NULL, &loaded, &error) == TZ_OK);
    CHECK(error == NULL);
    CHECK(tz_loaded_files(loaded) == 1);
    CHECK(tz_loaded_tensors(loaded, 0) == 1);
    tensor = tz_loaded_tensor(loaded, 0, 0);
    CHECK_TEXT(tz_tensor_name(tensor), "w");
    CHECK_TEXT(tz_tensor_dtype(tensor), "float32");
    CHECK(tz_tensor_element_bytes(tensor) == 4);
    CHECK(tz_tensor_element_bits(tensor) == 32);
    CHECK(tz_tensor_bytes(tensor) == sizeof values);
    CHECK(tz_tensor_file(tensor) == 0);
    CHECK((uintptr_t)tz_tensor_data(tensor) % 64 == 0);
    memcpy(values, tz_tensor_data(tensor), sizeof values);
    CHECK(values[0] == 1 && values[1] == 2);
    CHECK(tz_loaded_find(loaded, 0, "w") == tensor);
    CHECK(tz_loaded_find(loaded, 0, "v") == NULL);
    stats = tz_loaded_stats(loaded);
    CHECK(stats->bytes == sizeof values && stats->tensors == 1 && stats->seconds > 0);
    CHECK(tz_loaded_explain(loaded)[0] != '\0');
    tz_loaded_destroy(loaded);
}

static void loads_several_files(void) {
    const char* paths[2];
    tz_loaded* loaded = NULL;
    const tz_tensor* tensor;
    paths[0] = plain;
    paths[1] = module;
    CHECK(tz_load(engine, paths, 2, NULL, &loaded, NULL) == TZ_OK);
    CHECK(tz_loaded_files(loaded) == 2);
    CHECK(tz_loaded_tensors(loaded, 0) == 1);
    CHECK(tz_loaded_tensors(loaded, 1) == 10);
    tensor = tz_loaded_find(loaded, 1, "inner.0.weight");
    CHECK(tz_tensor_file(tensor) == 1);
    CHECK(tz_tensor_dimensions(tensor) == 2);
    CHECK(tz_tensor_shape(tensor)[0] == 9 && tz_tensor_shape(tensor)[1] == 4);
    tz_loaded_destroy(loaded);
}

static void takes_what_is_wanted(void) {
    tz_load_options* options = tz_load_options_create();
    tz_loaded* loaded = NULL;
    tz_load_options_add_include(options, "inner.*");
    tz_load_options_add_exclude(options, "*running*");
    tz_load_options_add_name(options, "head.weight");
    tz_load_options_add_slice(options, "head.weight", 0, 2, 5);
    CHECK(load_one(module, options, &loaded, NULL) == TZ_OK);
    CHECK(tz_loaded_tensors(loaded, 0) == 6);
    CHECK(tz_loaded_find(loaded, 0, ".weight") == NULL);
    CHECK(tz_loaded_find(loaded, 0, "inner.1.running_mean") == NULL);
    CHECK(tz_tensor_shape(tz_loaded_find(loaded, 0, "head.weight"))[0] == 3);
    /* the head's weights are tied to these, so rows 2 to 4 are the same */
    CHECK(
        memcmp(
            tz_tensor_data(tz_loaded_find(loaded, 0, "head.weight")),
            (char*)tz_tensor_data(tz_loaded_find(loaded, 0, "inner.0.weight")) + 2 * 16,
            3 * 16) == 0);
    tz_loaded_destroy(loaded);

    /* a hash needs the whole tensor */
    tz_load_options_set_verify(options, TZ_VERIFY_SHA256);
    CHECK(fail_one(module, options, NULL) == TZ_ERROR_USAGE);
    tz_load_options_set_read_whole_for_hashes(options, 1);
    CHECK(load_one(module, options, &loaded, NULL) == TZ_OK);
    tz_loaded_destroy(loaded);

    tz_load_options_add_name(options, "no such tensor");
    CHECK(fail_one(module, options, NULL) != TZ_OK);
    tz_load_options_destroy(options);
}

static void opens_encrypted_files(void) {
    unsigned char key[32];
    int i;
    tz_load_options* options;
    tz_loaded* loaded = NULL;
    tz_error* error = NULL;
    float first;
    for (i = 0; i < 32; ++i)
        key[i] = (unsigned char)i;
    options = tz_load_options_create();
    tz_load_options_set_key(options, key, sizeof key);
    memset(key, 0, sizeof key); /* it was copied */
    CHECK(load_one(sealed, options, &loaded, NULL) == TZ_OK);
    memcpy(&first, tz_tensor_data(tz_loaded_find(loaded, 0, "w")), sizeof first);
    CHECK(first == 1);
    tz_loaded_destroy(loaded);

    tz_load_options_set_key(options, key, sizeof key); /* now a wrong one */
    CHECK(fail_one(sealed, options, &error) == TZ_ERROR_AUTH);
    CHECK_TEXT(tz_error_file(error), sealed);
    tz_error_destroy(error);
    tz_load_options_destroy(options);

    CHECK(fail_one(sealed, NULL, NULL) == TZ_ERROR_AUTH);

    options = tz_load_options_create();
    tz_load_options_set_password(options, "pw", 2);
    CHECK(load_one(password_sealed, options, NULL, NULL) == TZ_OK);
    tz_load_options_set_kdf_max(options, 16, 4096);
    CHECK(load_one(password_sealed, options, NULL, NULL) == TZ_ERROR_LIMIT);
    tz_load_options_set_kdf_max(options, 16, 1 << 30);
    CHECK(load_one(password_sealed, options, NULL, NULL) == TZ_OK);
    tz_load_options_destroy(options);
}

/* ---- memory */

typedef struct own_memory {
    unsigned char bytes[4096];
    size_t used;
    size_t room;
} own_memory;

static void* place(const tz_tensor* tensor, void* user) {
    own_memory* memory = user;
    void* at = memory->bytes + memory->used;
    CHECK(tz_tensor_data(tensor) == NULL);
    if (memory->used + tz_tensor_bytes(tensor) > memory->room)
        return NULL;
    memory->used += (size_t)tz_tensor_bytes(tensor);
    return at;
}

static void loads_into_memory_of_the_caller(void) {
    static own_memory memory;
    tz_load_options* options = tz_load_options_create();
    tz_loaded* loaded = NULL;
    tz_loaded* theirs = NULL;
    size_t i;
    memory.used = 0;
    memory.room = sizeof memory.bytes;
    tz_load_options_set_destination(options, place, &memory);
    CHECK(load_one(module, options, &loaded, NULL) == TZ_OK);
    CHECK(load_one(module, NULL, &theirs, NULL) == TZ_OK);
    CHECK(tz_tensor_data(tz_loaded_tensor(loaded, 0, 0)) == memory.bytes);
    for (i = 0; i < tz_loaded_tensors(loaded, 0); ++i) {
        const tz_tensor* tensor = tz_loaded_tensor(loaded, 0, i);
        const tz_tensor* same = tz_loaded_tensor(theirs, 0, i);
        CHECK_TEXT(tz_tensor_name(tensor), tz_tensor_name(same));
        CHECK(
            memcmp(tz_tensor_data(tensor), tz_tensor_data(same), (size_t)tz_tensor_bytes(tensor)) ==
            0);
        CHECK(tz_tensor_hold(tensor) == NULL);
    }
    CHECK(tz_loaded_stats(loaded)->bytes == memory.used);
    tz_loaded_destroy(loaded);
    tz_loaded_destroy(theirs);

    memory.used = 0;
    memory.room = 200; /* and then no more */
    CHECK(fail_one(module, options, NULL) == TZ_ERROR_LIMIT);
    tz_load_options_destroy(options);
}

static void maps_a_file_or_drops_it(void) {
    tz_load_options* options = tz_load_options_create();
    tz_loaded* loaded = NULL;
    const tz_tensor* tensor;
    tz_load_options_set_memory(options, TZ_MEMORY_MAPPED);
    CHECK(load_one(module, options, &loaded, NULL) == TZ_OK);
    CHECK(tz_tensor_data(tz_loaded_tensor(loaded, 0, 0)) != NULL);
    tz_loaded_destroy(loaded);
    tz_load_options_set_memory(options, TZ_MEMORY_NONE);
    tz_load_options_set_direct(options, TZ_DIRECT_OFF);
    CHECK(load_one(module, options, &loaded, NULL) == TZ_OK);
    tensor = tz_loaded_tensor(loaded, 0, 0);
    CHECK(tz_tensor_bytes(tensor) > 0 && tz_tensor_data(tensor) == NULL);
    CHECK(tz_tensor_hold(tensor) == NULL);
    tz_loaded_destroy(loaded);
    tz_load_options_destroy(options);
}

static void keeps_what_is_held(void) {
    tz_loaded* loaded = NULL;
    tz_hold* hold;
    float* values;
    CHECK(load_one(plain, NULL, &loaded, NULL) == TZ_OK);
    values = tz_tensor_data(tz_loaded_find(loaded, 0, "w"));
    hold = tz_tensor_hold(tz_loaded_find(loaded, 0, "w"));
    CHECK(hold != NULL);
    tz_loaded_destroy(loaded);
    CHECK(values[1] == 2);
    tz_hold_destroy(hold);
}

/* ---- callbacks */

typedef struct deliveries {
    char names[1024];
    int count;
    int most; /* and then the load is stopped */
    tz_hold* hold;
    const void* data;
    unsigned char first; /* byte of what is held */
} deliveries;

static int note_delivery(const tz_tensor* tensor, void* user) {
    deliveries* noted = user;
    strcat(noted->names, tz_tensor_name(tensor));
    strcat(noted->names, " ");
    if (noted->count++ == 0) {
        noted->hold = tz_tensor_hold(tensor);
        noted->data = tz_tensor_data(tensor);
        if (noted->data != NULL)
            noted->first = *(const unsigned char*)noted->data;
    }
    return noted->count == noted->most;
}

static void delivers_in_the_order_asked_for(void) {
    deliveries noted;
    tz_load_options* options = tz_load_options_create();
    memset(&noted, 0, sizeof noted);
    tz_load_options_add_exclude(options, "inner.1.*");
    tz_load_options_add_order(options, "head.weight");
    tz_load_options_add_order(options, "inner.0.bias");
    tz_load_options_set_deliver(options, note_delivery, &noted);
    CHECK(load_one(module, options, NULL, NULL) == TZ_OK);
    CHECK_TEXT(noted.names, "head.weight inner.0.bias .weight .steps inner.0.weight ");
    tz_hold_destroy(noted.hold);
    tz_load_options_destroy(options);
}

static void leaves_valid_what_was_delivered(void) {
    deliveries noted;
    tz_load_options* options = tz_load_options_create();
    memset(&noted, 0, sizeof noted);
    noted.most = 2;
    tz_load_options_set_deliver(options, note_delivery, &noted);
    CHECK(fail_one(module, options, NULL) == TZ_ERROR_CANCELLED);
    CHECK(noted.count == 2);
    CHECK(noted.hold != NULL);
    CHECK(*(const unsigned char*)noted.data == noted.first);
    tz_hold_destroy(noted.hold);
    tz_load_options_destroy(options);
}

static void lists_what_is_complete_in_memory_of_the_caller(void) {
    static own_memory memory;
    deliveries noted;
    tz_load_options* options = tz_load_options_create();
    tz_error* error = NULL;
    memset(&noted, 0, sizeof noted);
    noted.most = 1;
    memory.used = 0;
    memory.room = sizeof memory.bytes;
    tz_load_options_set_destination(options, place, &memory);
    tz_load_options_set_deliver(options, note_delivery, &noted);
    CHECK(fail_one(module, options, &error) == TZ_ERROR_CANCELLED);
    CHECK(tz_error_complete_count(error) >= 1);
    CHECK_TEXT(tz_error_complete_name(error, 0), ".weight");
    CHECK(tz_error_complete_file(error, 0) == 0);
    CHECK(tz_error_complete_name(error, tz_error_complete_count(error)) == NULL);
    tz_error_destroy(error);
    tz_load_options_destroy(options);
}

static int note_progress(const tz_progress* progress, void* user) {
    *(tz_progress*)user = *progress;
    return 0;
}

static int stop_at_once(const tz_progress* progress, void* user) {
    (void)progress;
    ++*(int*)user;
    return 1;
}

static void reports_progress_which_may_stop_it(void) {
    tz_load_options* options = tz_load_options_create();
    tz_progress progress;
    int calls = 0;
    memset(&progress, 0, sizeof progress);
    tz_load_options_set_progress(options, note_progress, &progress);
    CHECK(load_one(module, options, NULL, NULL) == TZ_OK);
    CHECK(progress.tensors_done == 10 && progress.tensors_total == 10);
    CHECK(progress.bytes_done > 0 && progress.bytes_done == progress.bytes_total);
    tz_load_options_set_progress(options, stop_at_once, &calls);
    CHECK(fail_one(module, options, NULL) == TZ_ERROR_CANCELLED);
    CHECK(calls == 1);
    tz_load_options_destroy(options);
}

typedef struct log_lines {
    int count;
    int levels[3];
} log_lines;

static void count_line(tz_log_level level, const char* line, void* user) {
    log_lines* lines = user;
    CHECK(line[0] != '\0');
    ++lines->count;
    ++lines->levels[level];
}

static void logs_to_the_engines_callback(void) {
    log_lines lines;
    tz_engine_options* options = tz_engine_options_create();
    tz_engine* threads = NULL;
    const char* path = plain;
    memset(&lines, 0, sizeof lines);
    tz_engine_options_set_io(options, TZ_IO_THREADS);
    tz_engine_options_set_loops(options, 1);
    tz_engine_options_set_workers(options, 1);
    tz_engine_options_set_concurrency(options, 2);
    tz_engine_options_set_chunk_bytes(options, 65536);
    tz_engine_options_set_memory_limit(options, 16 << 20);
    tz_engine_options_set_log(options, count_line, &lines);
    CHECK(tz_engine_create(options, &threads, NULL) == TZ_OK);
    tz_engine_options_destroy(options);
    CHECK_TEXT(tz_engine_io(threads), "threads");
    CHECK(tz_load(threads, &path, 1, NULL, NULL, NULL) == TZ_OK);
    tz_engine_destroy(threads);
    CHECK(lines.count > 0 && lines.levels[TZ_LOG_DEBUG] > 0);
}

/* ---- stopping and failing */

typedef struct cancelled_memory {
    own_memory memory;
    tz_cancel* cancel;
} cancelled_memory;

static void* place_and_cancel(const tz_tensor* tensor, void* user) {
    cancelled_memory* to = user;
    tz_cancel_request(to->cancel);
    return place(tensor, &to->memory);
}

static void is_cancelled(void) {
    tz_load_options* options = tz_load_options_create();
    tz_cancel* cancel = tz_cancel_create();
    static cancelled_memory to;
    to.memory.room = sizeof to.memory.bytes;
    to.cancel = cancel;
    tz_load_options_set_cancel(options, cancel);
    CHECK(load_one(module, options, NULL, NULL) == TZ_OK);
    tz_load_options_set_destination(options, place_and_cancel, &to); /* under way */
    CHECK(fail_one(module, options, NULL) == TZ_ERROR_CANCELLED);
    tz_load_options_set_destination(options, NULL, NULL); /* before it begins */
    CHECK(fail_one(module, options, NULL) == TZ_ERROR_CANCELLED);
    tz_cancel_destroy(cancel); /* the options still have it */
    CHECK(fail_one(module, options, NULL) == TZ_ERROR_CANCELLED);
    tz_load_options_set_cancel(options, NULL);
    CHECK(load_one(module, options, NULL, NULL) == TZ_OK);
    tz_load_options_destroy(options);
}

/* A load on the engine that is busy with another one would wait for ever, but for its deadline. */
static int load_in_vain(const tz_tensor* tensor, void* user) {
    tz_load_options* options = tz_load_options_create();
    (void)tensor;
    tz_load_options_set_deadline_ms(options, 20);
    *(tz_status*)user = fail_one(plain, options, NULL);
    tz_load_options_destroy(options);
    return 0;
}

static void ends_at_the_deadline(void) {
    tz_load_options* options = tz_load_options_create();
    tz_status status = TZ_OK;
    tz_load_options_set_deadline_ms(options, 3600000);
    tz_load_options_set_deliver(options, load_in_vain, &status);
    CHECK(load_one(plain, options, NULL, NULL) == TZ_OK);
    CHECK(status == TZ_ERROR_DEADLINE);
    tz_load_options_destroy(options);
}

static void says_what_failed(void) {
    tz_error* error = NULL;
    uint64_t offset = 0;
    FILE* file;
    char path[] = "tz_c_test_damaged_XXXXXX";
    CHECK(fail_one("/no such file", NULL, &error) == TZ_ERROR_NOT_FOUND);
    CHECK_TEXT(tz_error_file(error), "/no such file");
    CHECK(strstr(tz_error_message(error), "/no such file") != NULL);
    CHECK(tz_error_hint(error) != NULL);
    CHECK(!tz_error_offset(error, &offset));
    CHECK(tz_error_complete_count(error) == 0);
    tz_error_destroy(error);

    file = fopen(path, "wb");
    fputs("this is none of ours, and long enough to see that at once", file);
    fclose(file);
    CHECK(fail_one(path, NULL, &error) == TZ_ERROR_FORMAT);
    CHECK(tz_error_offset(error, &offset) == tz_error_offset(error, NULL));
    tz_error_destroy(error);
    remove(path);
}

static void reports_wrong_options_with_the_load(void) {
    tz_load_options* options = tz_load_options_create();
    tz_error* error = NULL;
    tz_load_options_set_verify(options, 17);
    tz_load_options_set_memory(options, -1);
    CHECK(fail_one(plain, options, &error) == TZ_ERROR_USAGE);
    CHECK(strstr(tz_error_message(error), "tz_verify") != NULL); /* the first one */
    tz_error_destroy(error);
    tz_load_options_destroy(options);

    options = tz_load_options_create();
    tz_load_options_set_key(options, "short", 5);
    CHECK(fail_one(plain, options, NULL) == TZ_ERROR_USAGE);
    tz_load_options_destroy(options);

    options = tz_load_options_create();
    tz_load_options_add_name(options, NULL);
    CHECK(fail_one(plain, options, NULL) == TZ_ERROR_USAGE);
    tz_load_options_destroy(options);
}

static void takes_uris_and_network_options(void) {
    tz_load_options* options = tz_load_options_create();
    tz_loaded* loaded = NULL;
    tz_error* error = NULL;
    CHECK(load_one("file://" TZ_TEST_DATA "/example_plain.tensors", NULL, &loaded, NULL) == TZ_OK);
    CHECK(tz_loaded_tensors(loaded, 0) == 1);
    CHECK(tz_loaded_stats(loaded)->requests == 0);
    tz_loaded_destroy(loaded);

    tz_load_options_set_network(options, "proxy", "");
    tz_load_options_set_network(options, "tries", "1");
    tz_load_options_set_network(options, "connect-timeout-ms", "2000");
    CHECK(fail_one("http://127.0.0.1:1/model.tensors", options, &error) == TZ_ERROR_TRANSPORT);
    CHECK(strstr(tz_error_message(error), "127.0.0.1:1") != NULL);
    tz_error_destroy(error);
    CHECK(fail_one("gopher://host/model.tensors", options, NULL) == TZ_ERROR_USAGE);

    tz_load_options_set_network(options, "insecure", "perhaps");
    CHECK(fail_one(plain, options, &error) == TZ_ERROR_USAGE);
    CHECK(strstr(tz_error_message(error), "perhaps") != NULL);
    tz_error_destroy(error);
    tz_load_options_destroy(options);

    options = tz_load_options_create();
    tz_load_options_set_network(options, "secret-acces-key", "canary");
    CHECK(fail_one(plain, options, &error) == TZ_ERROR_USAGE);
    CHECK(strstr(tz_error_message(error), "secret-acces-key") != NULL);
    CHECK(strstr(tz_error_message(error), "canary") == NULL);
    tz_error_destroy(error);
    tz_load_options_destroy(options);
}

static void takes_null(void) {
    tz_engine_options* options;
    tz_engine* other = NULL;
    const char* path = NULL;
    const char* good = plain;
    tz_error* error = NULL;

    tz_engine_options_destroy(NULL);
    tz_engine_destroy(NULL);
    tz_load_options_destroy(NULL);
    tz_loaded_destroy(NULL);
    tz_cancel_destroy(NULL);
    tz_cancel_request(NULL);
    tz_hold_destroy(NULL);
    tz_error_destroy(NULL);
    tz_engine_options_set_workers(NULL, 1);
    tz_load_options_set_verify(NULL, TZ_VERIFY_ALL);

    CHECK(tz_load(NULL, &good, 1, NULL, NULL, &error) == TZ_ERROR_USAGE);
    tz_error_destroy(error);
    CHECK(tz_load(engine, NULL, 1, NULL, NULL, NULL) == TZ_ERROR_USAGE);
    CHECK(tz_load(engine, &path, 1, NULL, NULL, NULL) == TZ_ERROR_USAGE);
    CHECK(tz_load(engine, &good, 0, NULL, NULL, NULL) == TZ_ERROR_USAGE);
    CHECK(tz_load(engine, &good, 1, NULL, NULL, NULL) == TZ_OK);

    CHECK(tz_engine_create(NULL, NULL, NULL) == TZ_ERROR_USAGE);
    options = tz_engine_options_create();
    tz_engine_options_set_io(options, 9);
    CHECK(tz_engine_create(options, &other, &error) == TZ_ERROR_USAGE);
    CHECK(other == NULL && error != NULL);
    tz_error_destroy(error);
    tz_engine_options_destroy(options);

    CHECK_TEXT(tz_error_message(NULL), "");
    CHECK(tz_error_status(NULL) == TZ_OK);
    CHECK(!tz_error_offset(NULL, NULL));
    CHECK(tz_loaded_files(NULL) == 0 && tz_loaded_tensors(NULL, 0) == 0);
    CHECK(tz_loaded_tensor(NULL, 0, 0) == NULL && tz_loaded_find(NULL, 0, "w") == NULL);
    CHECK(tz_loaded_stats(NULL) == NULL);
    CHECK(tz_tensor_data(NULL) == NULL && tz_tensor_hold(NULL) == NULL);
    CHECK_TEXT(tz_tensor_name(NULL), "");
    CHECK_TEXT(tz_engine_io(NULL), "");
    CHECK(strchr(tz_version(), '.') != NULL);
}

int main(void) {
    tz_error* error = NULL;
    if (tz_engine_create(NULL, &engine, &error) != TZ_OK) {
        fprintf(stderr, "%s\n", tz_error_message(error));
        tz_error_destroy(error);
        return 1;
    }
    loads_a_file();
    loads_several_files();
    takes_what_is_wanted();
    opens_encrypted_files();
    loads_into_memory_of_the_caller();
    maps_a_file_or_drops_it();
    keeps_what_is_held();
    delivers_in_the_order_asked_for();
    leaves_valid_what_was_delivered();
    lists_what_is_complete_in_memory_of_the_caller();
    reports_progress_which_may_stop_it();
    logs_to_the_engines_callback();
    is_cancelled();
    ends_at_the_deadline();
    says_what_failed();
    reports_wrong_options_with_the_load();
    takes_uris_and_network_options();
    takes_null();
    tz_engine_destroy(engine);
    if (failures > 0)
        fprintf(stderr, "%d checks failed\n", failures);
    return failures > 0;
}
