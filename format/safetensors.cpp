#include <tz/format/cursor.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/json_reader.hpp>
#include <tz/format/json_text.hpp>
#include <tz/format/name.hpp>
#include <tz/format/safetensors.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace tz::format {

namespace {

constexpr std::string_view metadata_name = "__metadata__";
// An entry without a name or dimensions, and the comma before it.
constexpr std::size_t entry_bytes_min =
    std::string_view(R"(,"":{"dtype":"X","shape":[],"data_offsets":[0,0]})").size();

bool plain_word(std::string_view word) {
    constexpr std::size_t bytes_max = 64;
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    return !word.empty() && word.size() <= bytes_max &&
           word.find_first_not_of(letters) == word.npos;
}

/// Braces that are not in a text. Text that is no JSON may be counted in any way.
std::size_t braces_of(std::span<const std::byte> header) {
    std::size_t braces = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const char letter = static_cast<char>(header[i]);
        if (letter == '"')
            in_text = !in_text;
        else if (letter == '\\')
            ++i;
        else if (letter == '{' && !in_text)
            ++braces;
    }
    return braces;
}

/// What a text takes beside itself: short ones lie within it.
std::uint64_t heap_bytes(const std::string& text) {
    return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
}

/// One entry of the header. Offsets count from the end of the header.
struct Entry {
    std::string_view dtype;
    std::optional<std::uint64_t> dtype_at; // in the file
    std::span<const std::uint64_t> shape;
    std::optional<std::uint64_t> shape_at;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::optional<std::uint64_t> offsets_at;
};

/// Reads one header.
class HeaderParser {
public:
    HeaderParser(std::span<const std::byte> header, std::uint64_t file_bytes)
        : json_(header, safetensors_prefix_bytes, "the header") {
        layout_.format = FileFormat::safetensors;
        layout_.file_bytes = file_bytes;
        layout_.index_bytes = safetensors_prefix_bytes + header.size();
        memory_max_ = 3 * header.size() + memory_beside;
        const std::size_t tensors = std::min( // each has a brace of its own
            {braces_of(header), header.size() / entry_bytes_min, memory_max_ / tensor_memory});
        memory_ = tensors * tensor_memory;
        layout_.tensors.reserve(tensors);
        places_.reserve(tensors);
        shape_.reserve(dimensions_max);
    }

    Layout run() {
        json_.read_root([this](std::string_view name, std::uint64_t at, JsonReader::Value value) {
            if (name == metadata_name)
                read_metadata(at, value);
            else
                read_tensor(name, at, value);
        });
        check_names();
        sort_by_data();
        check_places();
        return std::move(layout_);
    }

private:
    using Value = JsonReader::Value;
    using Text = std::pair<std::string, std::string>; // of the metadata

    // A parser may take three times the header and 16 MiB: here without what isn't counted.
    static constexpr std::size_t memory_beside = 15 << 20;
    // In the lists of tensors and of places, and in an order of them.
    static constexpr std::size_t tensor_memory = sizeof(Tensor) + 2 * sizeof(std::uint32_t);

    /// Counts what an entry takes beside its place in a list.
    void take_memory(std::uint64_t bytes, std::uint64_t at) {
        memory_ += bytes;
        if (memory_ + metadata_memory() + json_.decoded_bytes() > memory_max_)
            json_.fail(
                "what the header lists would take more than three times its size in memory",
                at,
                errc::limit,
                "write the file anew with fewer tensors or texts");
    }

    /// At most, while the lists grow by half of what they then are.
    std::uint64_t metadata_memory() const {
        return std::bit_ceil(layout_.metadata.size()) * 3 / 2 *
               (sizeof(Text) + sizeof(std::uint64_t));
    }

    std::uint64_t data_bytes() const { return layout_.file_bytes - layout_.index_bytes; }

    void read_metadata(std::uint64_t at, Value value) {
        json_.once(metadata_at_, at, metadata_name);
        if (json_.read_null(value))
            return;
        std::vector<std::uint64_t> places;
        json_.read_object(
            value, "__metadata__", [&](std::string_view name, std::uint64_t name_at, Value one) {
                if (layout_.metadata.size() == safetensors_metadata_max)
                    json_.fail(
                        "__metadata__ has more than " + std::to_string(safetensors_metadata_max) +
                            " texts",
                        name_at,
                        errc::limit,
                        "write the file anew with less");
                const auto text = json_.read_text(one, "a value in __metadata__");
                take_memory(name.size() + text.size() + 2, name_at); // or less
                layout_.metadata.emplace_back(name, text);
                places.push_back(name_at);
            });
        const auto name_of = [this](std::size_t i) -> const std::string& {
            return layout_.metadata[i].first;
        };
        if (const auto twice = find_twice(places.size(), name_of))
            json_.fail("__metadata__ names " + quoted(name_of(*twice)) + " twice", places[*twice]);
    }

    void read_tensor(std::string_view name, std::uint64_t at, Value value) {
        json_.about(name);
        if (name.size() > safetensors_name_bytes_max)
            json_.fail(
                "the name has " + std::to_string(name.size()) + " bytes, the limit is " +
                    std::to_string(safetensors_name_bytes_max),
                at,
                errc::limit,
                "shorten it");
        const Entry entry = read_entry(at, value);
        Tensor tensor;
        tensor.name = store_name({std::string(name)});
        tensor.shape.assign(entry.shape.begin(), entry.shape.end());
        tensor.bytes = tensor.data.bytes = check_range(entry);
        tensor.dtype = dtype_of(entry, tensor.bytes);
        tensor.data.offset = layout_.index_bytes + entry.begin;
        tensor.header = {tensor.data.offset, 0};
        take_memory(
            heap_bytes(tensor.name) + heap_bytes(tensor.dtype.code) +
                heap_bytes(tensor.dtype.name) + tensor.shape.size() * sizeof(tensor.shape[0]),
            at);
        layout_.tensors.push_back(std::move(tensor));
        places_.push_back(static_cast<std::uint32_t>(at));
        json_.about({});
    }

    Entry read_entry(std::uint64_t at, Value value) {
        Entry entry;
        json_.read_object(
            value, "its entry", [&](std::string_view field, std::uint64_t field_at, Value one) {
                if (field == "dtype") {
                    json_.once(entry.dtype_at, field_at, "its dtype");
                    entry.dtype = json_.read_text(one, "its dtype");
                } else if (field == "shape") {
                    json_.once(entry.shape_at, field_at, "its shape");
                    entry.shape = read_shape(one);
                } else if (field == "data_offsets") {
                    json_.once(entry.offsets_at, field_at, "its data_offsets");
                    read_offsets(one, entry);
                } else {
                    json_.skip(one); // of a later version, perhaps
                }
            });
        for (const auto& [place, field] :
             {std::pair(entry.dtype_at, "dtype"),
              std::pair(entry.shape_at, "shape"),
              std::pair(entry.offsets_at, "data_offsets")})
            if (!place)
                json_.fail(std::string("its entry lacks ") + field, at);
        return entry;
    }

    /// Stays until the next one is read.
    std::span<const std::uint64_t> read_shape(Value value) {
        shape_.clear();
        json_.read_array(value, "its shape", [this](Value one) {
            if (shape_.size() == dimensions_max)
                json_.fail(
                    "more than NumPy's " + std::to_string(dimensions_max) + " dimensions",
                    json_.place(one));
            shape_.push_back(json_.read_number(one, "a dimension"));
        });
        return shape_;
    }

    void read_offsets(Value value, Entry& entry) {
        std::array<std::uint64_t, 2> offsets{};
        std::size_t count = 0;
        const std::uint64_t at = json_.place(value);
        json_.read_array(value, "data_offsets", [&](Value one) {
            if (count == offsets.size())
                json_.fail("data_offsets has more than two numbers", json_.place(one));
            offsets[count++] = json_.read_number(one, "an offset");
        });
        if (count < offsets.size())
            json_.fail("data_offsets has fewer than two numbers", at);
        entry.begin = offsets[0];
        entry.end = offsets[1];
    }

    /// Its length.
    std::uint64_t check_range(const Entry& entry) {
        if (entry.begin > entry.end)
            json_.fail(
                "its data begins at offset " + std::to_string(entry.begin) + " and ends at " +
                    std::to_string(entry.end),
                *entry.offsets_at);
        if (entry.end > data_bytes())
            json_.fail(
                "its data ends at offset " + std::to_string(entry.end) + " of the data, of which " +
                    "the file has " + std::to_string(data_bytes()) + " bytes",
                *entry.offsets_at);
        return entry.end - entry.begin;
    }

    DType dtype_of(const Entry& entry, std::uint64_t bytes) {
        const auto elements = shape_bytes(entry.shape, 1);
        if (!elements)
            json_.fail("the dimensions multiply to 2^63 or more", *entry.shape_at);
        if (!layout_.tensors.empty() && layout_.tensors.back().dtype.code == entry.dtype) {
            const DType& last = layout_.tensors.back().dtype; // as most have it
            if (is_known(last)) {
                check_bytes(entry, last.bits, *elements, bytes);
                return last;
            }
        }
        for (const KnownDType& known : safetensors_dtypes()) {
            if (known.code != entry.dtype)
                continue;
            check_bytes(entry, known.bits, *elements, bytes);
            return {std::string(known.code), std::string(known.name), known.bits};
        }
        return unknown_dtype(entry, *elements, bytes);
    }

    static bool is_known(const DType& dtype) { return dtype.name != dtype.code; }

    void check_bytes(
        const Entry& entry, std::uint32_t bits, std::uint64_t elements, std::uint64_t bytes) {
        std::uint64_t total = 0;
        if (__builtin_mul_overflow(elements, bits, &total))
            json_.fail("the dimensions multiply to 2^64 bits or more", *entry.shape_at);
        if (total % 8 != 0)
            json_.fail(
                std::to_string(elements) + " elements of " + std::to_string(bits) +
                    " bits do not end with a byte",
                *entry.shape_at);
        if (total / 8 != bytes)
            json_.fail(
                "data of " + std::to_string(bytes) + " bytes does not fit dtype and shape, which " +
                    "take " + std::to_string(total / 8),
                *entry.offsets_at);
    }

    /// By the size that its data gives, the same for all tensors of the type.
    DType unknown_dtype(const Entry& entry, std::uint64_t elements, std::uint64_t bytes) {
        if (!plain_word(entry.dtype))
            json_.fail("dtype " + quoted(entry.dtype) + " is no name of a type", *entry.dtype_at);
        DType dtype{std::string(entry.dtype), std::string(entry.dtype), 0};
        const auto unfit = [&] {
            json_.fail(
                "data of " + std::to_string(bytes) + " bytes gives the " +
                    std::to_string(elements) + " elements of its unknown dtype '" + dtype.code +
                    "' no size",
                *entry.offsets_at);
        };
        if (elements == 0) {
            if (bytes != 0)
                unfit();
            return dtype;
        }
        // by division first: bytes * 8 may be more than 2^64
        if (bytes / elements > unknown_element_bits_max / 8 || bytes * 8 % elements != 0)
            unfit();
        const std::uint64_t bits = bytes * 8 / elements;
        if (bits == 0 || bits > unknown_element_bits_max)
            unfit();
        dtype.bits = static_cast<std::uint32_t>(bits);
        for (const KnownDType& known : safetensors_dtypes())
            if (known.name == dtype.name && known.bits != dtype.bits)
                json_.fail(
                    "its data gives the dtype '" + dtype.code + "' elements of " +
                        std::to_string(dtype.bits) + " bits, and they have " +
                        std::to_string(known.bits),
                    *entry.offsets_at);
        const auto [seen, is_new] = unknown_bits_.emplace(entry.dtype, dtype.bits);
        if (is_new)
            take_memory(unknown_memory, *entry.dtype_at);
        if (!is_new && seen->second != dtype.bits)
            json_.fail(
                "its data gives the unknown dtype '" + dtype.code + "' elements of " +
                    std::to_string(dtype.bits) + " bits, that of another tensor " +
                    std::to_string(seen->second),
                *entry.offsets_at);
        return dtype;
    }

    /// One of `count` names that stands before it too. By sorting: a file can't make that slow.
    template <typename NameOf>
    static std::optional<std::size_t> find_twice(std::size_t count, NameOf name_of) {
        std::vector<std::uint32_t> order(count);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
            const int less = name_of(a).compare(name_of(b));
            return less != 0 ? less < 0 : a < b;
        });
        for (std::size_t i = 1; i < count; ++i)
            if (name_of(order[i]) == name_of(order[i - 1]))
                return order[i];
        return {};
    }

    void check_names() {
        const auto name_of = [this](std::size_t i) -> const std::string& {
            return layout_.tensors[i].name;
        };
        const auto twice = find_twice(places_.size(), name_of);
        if (twice)
            json_.fail(
                tensor_label(name_of(*twice)) + " stands in the header twice", places_[*twice]);
    }

    /// Tensors without data stay in the order of the header where they share a place.
    void sort_by_data() {
        auto& tensors = layout_.tensors;
        const auto range_of = [&](std::uint32_t i) {
            return std::tuple(tensors[i].data.offset, tensors[i].data.end(), i);
        };
        std::vector<std::uint32_t> order(tensors.size());
        std::iota(order.begin(), order.end(), 0);
        if (std::ranges::is_sorted(order, {}, range_of))
            return;
        std::ranges::sort(order, {}, range_of);
        put_in_order(order);
    }

    /// By swaps: a second list would take as much memory again. `order[i]` says which comes to `i`.
    void put_in_order(std::vector<std::uint32_t>& order) {
        for (std::uint32_t i = 0; i < order.size(); ++i) {
            for (std::uint32_t to = i; order[to] != to;) {
                const std::uint32_t from = std::exchange(order[to], to);
                if (from == i)
                    break;
                std::swap(layout_.tensors[to], layout_.tensors[from]);
                std::swap(places_[to], places_[from]);
                to = from;
            }
        }
    }

    /// One behind the other, from the end of the header to the end of the file.
    void check_places() {
        std::uint64_t end = layout_.index_bytes;
        for (std::size_t i = 0; i < layout_.tensors.size(); ++i) {
            const Tensor& tensor = layout_.tensors[i];
            if (tensor.data.offset != end) {
                json_.about(tensor.name);
                json_.fail(
                    "its data begins at byte " + std::to_string(tensor.data.offset) +
                        ", and what is before it ends at byte " + std::to_string(end),
                    places_[i]);
            }
            end = tensor.data.end();
        }
        if (end != layout_.file_bytes)
            json_.fail(
                "the file goes on for " + std::to_string(layout_.file_bytes - end) +
                    " bytes that belong to no tensor",
                end);
    }

    static constexpr std::size_t unknown_memory = 64; // a node of the map

    JsonReader json_;
    Layout layout_;
    std::size_t memory_max_ = 0;
    std::uint64_t memory_ = 0;          ///< taken, but for metadata's list and decoded texts
    std::vector<std::uint32_t> places_; ///< of the tensors' names in the file
    std::vector<std::uint64_t> shape_;
    std::optional<std::uint64_t> metadata_at_;
    std::map<std::string_view, std::uint32_t> unknown_bits_; ///< by dtype; no file makes it slow
};

} // namespace

bool looks_like_safetensors(std::span<const std::byte> start) {
    // the high bytes of a length below 4 GiB are zero
    constexpr std::string_view high_bytes("\0\0\0\0", 4);
    const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
    return text.size() > safetensors_prefix_bytes && text.substr(4, 4) == high_bytes &&
           (text[8] == '{' || json_blanks.find(text[8]) != json_blanks.npos);
}

std::uint64_t safetensors_index_bytes(std::span<const std::byte> prefix, std::uint64_t file_bytes) {
    Cursor in(prefix, 0, "the file");
    const auto header_bytes = in.read<std::uint64_t>("the length of its header");
    if (header_bytes > safetensors_header_bytes_max)
        throw_format(
            "the header takes " + std::to_string(header_bytes) + " bytes, and the format allows " +
                std::to_string(safetensors_header_bytes_max),
            0);
    if (header_bytes < 2)
        throw_format(
            "the header has " + std::to_string(header_bytes) + " bytes, too few for any", 0);
    const std::uint64_t left = file_bytes - std::min(file_bytes, safetensors_prefix_bytes);
    if (header_bytes > left)
        throw_format(
            "the header takes " + std::to_string(header_bytes) + " bytes, the file has " +
                std::to_string(left) + " left",
            0);
    return safetensors_prefix_bytes + header_bytes;
}

Layout parse_safetensors(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
    const std::uint64_t index = safetensors_index_bytes(bytes, file_bytes);
    Cursor in(bytes, 0, "the file");
    in.take(safetensors_prefix_bytes, "the length of its header");
    const auto header = in.take(index - safetensors_prefix_bytes, "its header");
    return HeaderParser(header, file_bytes).run();
}

} // namespace tz::format
