#include <tz/format/seal.hpp>
#include <tz/protocols/c/handles.hpp>

#include <chrono>
#include <span>
#include <utility>

using namespace tz;
using namespace tz::c;

namespace {

Verify verify_of(int verify) {
    switch (verify) {
    case TZ_VERIFY_AUTOMATIC:
        return Verify::automatic;
    case TZ_VERIFY_NONE:
        return Verify::none;
    case TZ_VERIFY_CRC32:
        return Verify::crc32;
    case TZ_VERIFY_SHA256:
        return Verify::sha256;
    case TZ_VERIFY_ALL:
        return Verify::all;
    default:
        throw Error(errc::usage, "no tz_verify is " + std::to_string(verify));
    }
}

Memory memory_of(int memory) {
    switch (memory) {
    case TZ_MEMORY_OWNED:
        return Memory::owned;
    case TZ_MEMORY_MAPPED:
        return Memory::mapped;
    case TZ_MEMORY_NONE:
        return Memory::none;
    default:
        throw Error(errc::usage, "no tz_memory is " + std::to_string(memory));
    }
}

Direct direct_of(int direct) {
    switch (direct) {
    case TZ_DIRECT_AUTOMATIC:
        return Direct::automatic;
    case TZ_DIRECT_ON:
        return Direct::on;
    case TZ_DIRECT_OFF:
        return Direct::off;
    default:
        throw Error(errc::usage, "no tz_direct is " + std::to_string(direct));
    }
}

std::span<const std::byte> bytes_of(const void* data, std::size_t size) {
    demand(data, "the key or password");
    return {static_cast<const std::byte*>(data), size};
}

std::string text_of(const char* text) {
    demand(text, "a name or pattern");
    return text;
}

[[noreturn]] void stopped_by(const char* callback) {
    throw Error(errc::cancelled, std::string("the ") + callback + " callback stopped the load");
}

} // namespace

tz_load_options* tz_load_options_create() {
    return create<tz_load_options>();
}

void tz_load_options_destroy(tz_load_options* options) {
    delete options;
}

void tz_load_options_set_verify(tz_load_options* options, int verify) {
    set(options, [&] { options->options.verify = verify_of(verify); });
}

void tz_load_options_set_memory(tz_load_options* options, int memory) {
    set(options, [&] { options->memory = memory_of(memory); });
}

void tz_load_options_set_direct(tz_load_options* options, int direct) {
    set(options, [&] { options->direct = direct_of(direct); });
}

void tz_load_options_set_key(tz_load_options* options, const void* key, size_t bytes) {
    set(options, [&] {
        options->options.key =
            std::make_shared<format::Secret>(format::parse_key(bytes_of(key, bytes)));
    });
}

void tz_load_options_set_password(tz_load_options* options, const void* password, size_t bytes) {
    set(options, [&] {
        options->options.password = std::make_shared<format::Secret>(bytes_of(password, bytes));
    });
}

void tz_load_options_set_kdf_max(tz_load_options* options, unsigned passes, uint64_t memory_bytes) {
    set(options, [&] { options->options.derivation_max = {passes, memory_bytes}; });
}

void tz_load_options_add_name(tz_load_options* options, const char* name) {
    set(options, [&] { options->options.selection.names.push_back(text_of(name)); });
}

void tz_load_options_add_include(tz_load_options* options, const char* pattern) {
    set(options, [&] { options->options.selection.include.push_back(text_of(pattern)); });
}

void tz_load_options_add_exclude(tz_load_options* options, const char* pattern) {
    set(options, [&] { options->options.selection.exclude.push_back(text_of(pattern)); });
}

void tz_load_options_add_slice(
    tz_load_options* options, const char* name, size_t dimension, uint64_t begin, uint64_t end) {
    set(options, [&] {
        options->options.selection.slices.push_back(Slice{text_of(name), dimension, begin, end});
    });
}

void tz_load_options_set_read_whole_for_hashes(tz_load_options* options, int whole) {
    set(options, [&] { options->options.selection.read_whole_for_hashes = whole != 0; });
}

void tz_load_options_add_order(tz_load_options* options, const char* name) {
    set(options, [&] { options->options.selection.order.push_back(text_of(name)); });
}

void tz_load_options_set_destination(
    tz_load_options* options, tz_destination_fn destination, void* user) {
    set(options, [&] {
        options->options.destination = nullptr;
        if (destination == nullptr)
            return;
        options->options.destination = [destination,
                                        user](std::size_t file, const format::Tensor& tensor) {
            const tz_tensor view(file, tensor);
            void* memory = destination(&view, user);
            if (memory == nullptr && tensor.bytes > 0)
                throw Error(errc::limit, "there is no memory for tensor '" + view.name + "'");
            return std::span(static_cast<std::byte*>(memory), tensor.bytes);
        };
    });
}

void tz_load_options_set_deliver(tz_load_options* options, tz_deliver_fn deliver, void* user) {
    set(options, [&] {
        options->options.deliver = nullptr;
        if (deliver == nullptr)
            return;
        options->options.deliver = [deliver, user](const Delivered& delivered) {
            tz_tensor view(delivered.file, delivered.tensor);
            view.data = delivered.bytes.data();
            view.memory = delivered.memory;
            if (deliver(&view, user) != 0)
                stopped_by("delivery");
        };
    });
}

void tz_load_options_set_progress(tz_load_options* options, tz_progress_fn progress, void* user) {
    set(options, [&] {
        options->options.progress = nullptr;
        if (progress == nullptr)
            return;
        options->options.progress = [progress, user](const Progress& now) {
            const tz_progress view{
                now.bytes_done, now.bytes_total, now.tensors_done, now.tensors_total};
            if (progress(&view, user) != 0)
                stopped_by("progress");
        };
    });
}

void tz_load_options_set_cancel(tz_load_options* options, const tz_cancel* cancel) {
    set(options, [&] {
        options->options.stop = cancel != nullptr ? cancel->stop.get_token() : std::stop_token{};
    });
}

void tz_load_options_set_deadline_ms(tz_load_options* options, uint64_t milliseconds) {
    set(options, [&] {
        options->options.deadline.reset();
        // what a clock of nanoseconds can't count is no end either
        constexpr auto most = std::chrono::milliseconds::rep{1} << 40;
        if (milliseconds > 0 && milliseconds < most)
            options->options.deadline = std::chrono::milliseconds(milliseconds);
    });
}

tz_cancel* tz_cancel_create() {
    return create<tz_cancel>();
}

void tz_cancel_request(tz_cancel* cancel) {
    if (cancel != nullptr)
        cancel->stop.request_stop();
}

void tz_cancel_destroy(tz_cancel* cancel) {
    delete cancel;
}
