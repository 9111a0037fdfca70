/* Loads a `.tensors` file from C, until Ctrl-C: example_load_c model.tensors */
#include <tz/tz.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

/* On this thread, about ten times a second: the place to stop from. */
static int on_progress(const tz_progress* progress, void* user) {
    (void)user;
    fprintf(
        stderr, "%" PRIu64 " of %" PRIu64 " bytes\r", progress->bytes_done, progress->bytes_total);
    return interrupted;
}

static void print(const tz_tensor* tensor) {
    size_t i;
    printf("%s: %s [", tz_tensor_name(tensor), tz_tensor_dtype(tensor));
    for (i = 0; i < tz_tensor_dimensions(tensor); ++i)
        printf(" %" PRIu64, tz_tensor_shape(tensor)[i]);
    printf(" ], %" PRIu64 " bytes\n", tz_tensor_bytes(tensor)); /* at tz_tensor_data(tensor) */
}

int main(int argc, char** argv) {
    tz_engine* engine = NULL;
    tz_load_options* options;
    tz_loaded* loaded = NULL;
    tz_error* error = NULL;
    tz_status status;
    size_t i;
    if (argc != 2) {
        fprintf(stderr, "usage: example_load_c FILE\n");
        return 2;
    }
    signal(SIGINT, on_interrupt);

    options = tz_load_options_create();
    tz_load_options_set_progress(options, on_progress, NULL);
    status = tz_engine_create(NULL, &engine, &error);
    if (status == TZ_OK) {
        const char* path = argv[1];
        status = tz_load(engine, &path, 1, options, &loaded, &error);
    }
    if (status == TZ_OK)
        for (i = 0; i < tz_loaded_tensors(loaded, 0); ++i)
            print(tz_loaded_tensor(loaded, 0, i));
    else
        fprintf(stderr, "example_load_c: %s\n", tz_error_message(error));

    tz_loaded_destroy(loaded);
    tz_load_options_destroy(options);
    tz_engine_destroy(engine);
    tz_error_destroy(error);
    return status == TZ_OK ? 0 : status == TZ_ERROR_CANCELLED ? 130 : 1;
}
