#include <tz/format/appender.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/safetensors.hpp>
#include <tz/format/safetensors_write.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <numeric>
#include <string_view>

namespace tz::format {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view ending = ".safetensors";
constexpr std::uint64_t alignment_min = 8;
constexpr std::uint64_t alignment_max = 1 << 20;
constexpr int alignment_bits_max = 12; // 4096: what reads past the page cache want

[[noreturn]] void refuse(const std::string& name, const std::string& problem) {
    throw Error(errc::usage, tensor_label(name) + ": " + problem);
}

void check_text(const std::string& text, const char* what) {
    if (!valid_utf8(text))
        throw Error(errc::usage, std::string(what) + " '" + printable(text) + "' is not UTF-8");
}

void check_options(const SafetensorsOptions& options) {
    const std::uint64_t alignment = options.alignment;
    if (alignment < alignment_min || alignment > alignment_max || !std::has_single_bit(alignment))
        throw Error(
            errc::usage,
            "alignment " + std::to_string(alignment) + " is no power of two from 8 to 1048576");
    for (const auto& [name, text] : options.metadata) {
        check_text(name, "the name in __metadata__");
        check_text(text, "the text in __metadata__");
    }
}

/// What the reader would refuse of a single tensor is said here in the words of who writes it.
void check(const SafetensorsSpec& tensor) {
    check_text(tensor.name, "the name");
    check_text(tensor.dtype, "the dtype");
    if (tensor.name == "__metadata__")
        refuse(tensor.name, "the format keeps this name for itself");
}

/// How many zero bits the tensor's size ends with, as far as they count.
int alignment_bits(const SafetensorsSpec& tensor) {
    return std::min(std::countr_zero(tensor.bytes), alignment_bits_max);
}

std::vector<std::size_t> order_by_alignment(std::span<const SafetensorsSpec> tensors) {
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        const int bits_a = alignment_bits(tensors[a]);
        const int bits_b = alignment_bits(tensors[b]);
        return bits_a != bits_b ? bits_a > bits_b : a < b;
    });
    return order;
}

/// An object member by member: a tree would look for each name, and drop one that stands twice.
class ObjectText {
public:
    void add(const std::string& name, const std::string& value) {
        text_ += (text_.size() > 1 ? "," : "") + Json(name).dump() + ":" + value;
    }

    std::string finish() && { return std::move(text_) + "}"; }

private:
    std::string text_ = "{";
};

std::string header_text(
    std::span<const SafetensorsSpec> tensors,
    std::span<const std::size_t> order,
    const SafetensorsOptions& options) {
    ObjectText header;
    if (!options.metadata.empty()) {
        ObjectText metadata;
        for (const auto& [name, text] : options.metadata)
            metadata.add(name, Json(text).dump());
        header.add("__metadata__", std::move(metadata).finish());
    }
    std::uint64_t at = 0;
    for (const std::size_t i : order) {
        const SafetensorsSpec& tensor = tensors[i];
        const std::uint64_t end = at + tensor.bytes;
        Json entry;
        entry["dtype"] = tensor.dtype;
        entry["shape"] = tensor.shape;
        entry["data_offsets"] = {at, end};
        header.add(tensor.name, entry.dump());
        at = end;
    }
    return std::move(header).finish();
}

std::vector<std::byte> with_length(const std::string& text, std::uint64_t alignment) {
    const std::uint64_t end = safetensors_prefix_bytes + text.size();
    const std::uint64_t bytes = (end + alignment - 1) / alignment * alignment;
    Appender out;
    out.reserve(bytes);
    out.integer<std::uint64_t>(bytes - safetensors_prefix_bytes);
    out.text(text);
    out.text(std::string(bytes - end, ' '));
    return out.finish();
}

std::uint64_t data_bytes(std::span<const SafetensorsSpec> tensors) {
    std::uint64_t total = 0;
    for (const SafetensorsSpec& tensor : tensors)
        if (__builtin_add_overflow(total, tensor.bytes, &total) || total > INT64_MAX)
            throw Error(errc::limit, "the tensors have 2^63 bytes or more together");
    return total;
}

std::string stem(const std::string& file) {
    return file.substr(0, file.size() - (file.ends_with(ending) ? ending.size() : 0));
}

std::string five_digits(std::size_t number) {
    const std::string digits = std::to_string(number);
    return std::string(5 - std::min<std::size_t>(digits.size(), 5), '0') + digits;
}

} // namespace

SafetensorsPlan
plan_safetensors(std::span<const SafetensorsSpec> tensors, const SafetensorsOptions& options) {
    check_options(options);
    for (const SafetensorsSpec& tensor : tensors)
        check(tensor);
    const std::uint64_t bytes = data_bytes(tensors);
    SafetensorsPlan plan;
    plan.order = order_by_alignment(tensors);
    plan.header = with_length(header_text(tensors, plan.order, options), options.alignment);
    // Whatever our own strict reader refuses must not be written.
    try {
        const std::uint64_t file_bytes = plan.header.size() + bytes;
        (void)safetensors_index_bytes(plan.header, file_bytes);
        plan.layout = parse_safetensors(plan.header, file_bytes);
    } catch (const Error& error) {
        throw Error(error.kind() == errc::format ? errc::usage : error.kind(), error.problem());
    }
    return plan;
}

std::vector<std::span<const SafetensorsSpec>>
split_into_shards(std::span<const SafetensorsSpec> tensors, std::uint64_t bytes_max) {
    std::vector<std::span<const SafetensorsSpec>> shards;
    std::size_t begin = 0;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const bool full = i > begin && tensors[i].bytes > bytes_max - std::min(bytes, bytes_max);
        if (full) {
            shards.push_back(tensors.subspan(begin, i - begin));
            begin = i;
            bytes = 0;
        }
        bytes += tensors[i].bytes;
    }
    shards.push_back(tensors.subspan(begin));
    return shards;
}

std::string shard_name(const std::string& file, std::size_t number, std::size_t count) {
    return stem(file) + "-" + five_digits(number) + "-of-" + five_digits(count) +
           std::string(ending);
}

std::string shard_list_name(const std::string& file) {
    return stem(file) + std::string(ending) + ".index.json";
}

std::string write_shard_index(
    std::span<const std::span<const SafetensorsSpec>> shards, std::span<const std::string> names) {
    nlohmann::json map = nlohmann::json::object(); // sorted
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        for (const SafetensorsSpec& tensor : shards[i])
            if (!map.emplace(tensor.name, names[i]).second)
                refuse(tensor.name, "there are two of this name");
        bytes += data_bytes(shards[i]);
    }
    Json index;
    index["metadata"] = {{"total_size", bytes}};
    index["weight_map"] = Json(map);
    return index.dump(2) + "\n";
}

} // namespace tz::format
