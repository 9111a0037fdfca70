#include <tz/format/json_reader.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <new>

namespace tz::format {

namespace {

// What is skipped may be nested this deep, as safetensors' own reader has it: it costs stack.
constexpr int depth_max = 120;

std::string_view without_digits(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
}

/// By its grammar alone: it may be larger than anything that holds it.
bool is_number(std::string_view text) {
    text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    const auto take_digits = [&text] {
        const std::size_t had = text.size();
        text = without_digits(text);
        return text.size() < had;
    };
    if (text.starts_with('-'))
        text.remove_prefix(1);
    if (text.starts_with('0'))
        text.remove_prefix(1);
    else if (!take_digits())
        return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!take_digits())
            return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-'))
            text.remove_prefix(1);
        if (!take_digits())
            return false;
    }
    return text.empty();
}

/// simdjson doesn't look whether it got the memory that texts are written to.
struct Document : simdjson::ondemand::document {
    static bool has_room_for_texts(simdjson::ondemand::document& document) {
        return (document.*&Document::iter).string_buf_loc() != nullptr;
    }
};

} // namespace

JsonReader::JsonReader(std::span<const std::byte> text, std::uint64_t at, const char* part)
    : text_(reinterpret_cast<const char*>(text.data()), text.size()),
      at_(at),
      part_(part) {
    if (text_.data() == nullptr) // simdjson throws nothing
        throw std::bad_alloc();
    const auto error = parser_.iterate(text_).get(document_);
    if (error == simdjson::MEMALLOC)
        throw std::bad_alloc();
    if (error)
        fail(std::string(part_) + " is not valid JSON: " + simdjson::error_message(error), at_);
    if (!Document::has_room_for_texts(document_))
        throw std::bad_alloc();
}

std::string_view JsonReader::read_text(Value value, const char* what) {
    const std::uint64_t at = place(value);
    std::string_view text;
    if (value.get_string().get(text))
        fail(std::string(what) + " is no JSON string", at);
    return text;
}

std::uint64_t JsonReader::read_number(Value value, const char* what) {
    const std::uint64_t at = place(value);
    std::uint64_t number = 0;
    if (value.get_uint64().get(number))
        fail(std::string(what) + " is no whole number from 0 to 2^64 - 1", at);
    return number;
}

bool JsonReader::read_null(Value value) {
    const auto result = value.is_null();
    return result.error() == simdjson::SUCCESS && result.value_unsafe();
}

void JsonReader::skip(Value value, int depth) {
    using simdjson::ondemand::json_type;
    const std::uint64_t at = place(value);
    if (depth == depth_max)
        fail(std::string(part_) + " is nested too deep", at);
    json_type type{};
    if (const auto error = value.type().get(type))
        fail(error);
    bool valid = true;
    switch (type) {
    case json_type::object:
        read_object(value, "a value", [&](std::string_view, std::uint64_t, Value one) {
            skip(one, depth + 1);
        });
        break;
    case json_type::array:
        read_array(value, "a value", [&](Value one) { skip(one, depth + 1); });
        break;
    case json_type::string:
        read_text(value, "a value");
        break;
    case json_type::number:
        valid = is_number(value.raw_json_token());
        break;
    case json_type::boolean:
        valid = value.get_bool().error() == simdjson::SUCCESS;
        break;
    case json_type::null:
        valid = read_null(value);
        break;
    }
    if (!valid)
        fail("a value is not valid JSON", at);
}

std::uint64_t JsonReader::place(Value& value) const {
    const std::string_view token = value.raw_json_token();
    return place(token.begin());
}

std::uint64_t JsonReader::place(const char* position) const {
    const auto into = position - text_.data(); // simdjson may look one value too far
    return at_ + static_cast<std::uint64_t>(std::clamp<std::ptrdiff_t>(
                     into, 0, static_cast<std::ptrdiff_t>(text_.size())));
}

std::uint64_t JsonReader::here() {
    const char* position = nullptr;
    if (document_.current_location().get(position))
        return at_ + text_.size();
    return place(position);
}

void JsonReader::fail(
    const std::string& problem, std::uint64_t at, errc kind, const char* hint) const {
    const std::string subject = tensor_.data() == nullptr ? "" : tensor_label(tensor_) + ": ";
    throw Error(kind, subject + problem, at, hint);
}

void JsonReader::fail(simdjson::error_code error) {
    fail(std::string(part_) + " is not valid JSON: " + simdjson::error_message(error), here());
}

} // namespace tz::format
