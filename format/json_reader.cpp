#include <tz/format/json_reader.hpp>
#include <tz/format/json_text.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <cassert>
#include <charconv>

namespace tz::format {

namespace {

// Objects and arrays in one that is skipped: each costs stack. safetensors' own reader takes 125.
constexpr int depth_max = 120;

constexpr std::size_t block_bytes = 64 << 10;
/// Longer texts have a block of their own, so that little of a block is lost at its end.
constexpr std::size_t shared_bytes_max = block_bytes / 16;

} // namespace

JsonReader::JsonReader(std::span<const std::byte> text, std::uint64_t at, const char* part)
    : begin_(reinterpret_cast<const char*>(text.data())),
      end_(begin_ + text.size()),
      next_(begin_),
      at_(at),
      part_(part) {}

std::string_view JsonReader::read_text(Value value, const char* what) {
    if (!begins(value, '"'))
        fail(std::string(what) + " is no JSON string", place(value));
    return take_text();
}

std::uint64_t JsonReader::read_number(Value value, const char* what) {
    check_turn(value);
    std::uint64_t number = 0;
    const auto [stop, failure] = std::from_chars(next_, end_, number);
    const bool whole = failure == std::errc() &&
                       number_length({next_, end_}) == static_cast<std::size_t>(stop - next_);
    if (!whole)
        fail(std::string(what) + " is no whole number from 0 to 2^64 - 1", place(value));
    next_ = stop;
    return number;
}

bool JsonReader::read_bool(Value value, const char* what) {
    check_turn(value);
    const bool is_true = take_word("true");
    if (!is_true && !take_word("false"))
        fail(std::string(what) + " is neither true nor false", place(value));
    return is_true;
}

bool JsonReader::read_null(Value value) {
    check_turn(value);
    return take_word("null");
}

void JsonReader::once(
    std::optional<std::uint64_t>& seen, std::uint64_t at, std::string_view what) const {
    if (seen)
        fail(std::string(what) + " stands twice", at);
    seen = at;
}

void JsonReader::skip(Value value, int depth) {
    const bool object = begins(value, '{');
    if ((object || begins(value, '[')) && depth == depth_max)
        fail(std::string(part_) + " is nested too deep", place(value));
    if (object)
        read_object(value, "a value", [&](std::string_view, std::uint64_t, Value one) {
            skip(one, depth + 1);
        });
    else if (begins(value, '['))
        read_array(value, "a value", [&](Value one) { skip(one, depth + 1); });
    else if (begins(value, '"'))
        take_text();
    else if (!take_word("true") && !take_word("false") && !take_word("null"))
        skip_number(value);
}

/// Though nobody wants it, it must be one that all readers take.
void JsonReader::skip_number(Value value) {
    const std::string_view number(next_, number_length({next_, end_}));
    if (number.empty())
        fail_grammar("a value is missing", value.begin_);
    if (beyond_double(number))
        fail_grammar("a number is out of range", value.begin_);
    next_ += number.size();
}

void JsonReader::check_turn([[maybe_unused]] Value value) const {
    assert(value.begin_ == next_);
}

bool JsonReader::begins(Value value, char token) const {
    check_turn(value);
    return *value.begin_ == token;
}

void JsonReader::begin_root() {
    pass_blanks();
    if (next_ == end_)
        fail_grammar("it is empty", begin_);
    if (*next_ != '{')
        fail_grammar("it is no object", next_);
}

void JsonReader::end_root() {
    pass_blanks();
    if (next_ != end_)
        fail_grammar("text follows its object", next_);
}

void JsonReader::pass_blanks() {
    while (next_ != end_ && json_blanks.find(*next_) != json_blanks.npos)
        ++next_;
}

/// Takes it, and the blanks before it, if it comes next.
bool JsonReader::take(char token) {
    pass_blanks();
    if (next_ == end_)
        fail_grammar("it ends within an object or array", end_);
    if (*next_ != token)
        return false;
    ++next_;
    return true;
}

bool JsonReader::take_word(std::string_view word) {
    if (!std::string_view(next_, end_).starts_with(word))
        return false;
    next_ += word.size();
    return true;
}

/// Whether another member or element follows, up to which all is then read.
bool JsonReader::goes_on(char end) {
    if (take(end))
        return false;
    if (!take(','))
        fail_grammar("a comma or bracket is missing", next_);
    pass_blanks();
    return true;
}

JsonReader::Value JsonReader::take_value() {
    pass_blanks();
    if (next_ == end_)
        fail_grammar("it ends before a value", end_);
    return Value(next_);
}

std::string_view JsonReader::take_name() {
    if (next_ == end_ || *next_ != '"')
        fail_grammar("a name in quotes is missing", next_);
    const std::string_view name = take_text();
    if (!take(':'))
        fail_grammar("a colon is missing", next_);
    return name;
}

std::string_view JsonReader::take_text() {
    const char* const begin = next_ + 1;
    bool ascii = true;
    bool escapes = false;
    const char* stop = find_special(begin, end_, ascii);
    for (; stop != end_ && *stop == '\\'; escapes = true)
        stop = find_special(stop + std::min<std::ptrdiff_t>(2, end_ - stop), end_, ascii);
    if (stop == end_)
        fail_grammar("it ends within a text", next_);
    if (*stop != '"')
        fail_grammar("a text holds a control character", stop);
    std::string_view text(begin, stop);
    if (escapes)
        text = decoded(text);
    if (!ascii && !valid_utf8(text))
        fail_grammar("a text is not valid UTF-8", next_);
    next_ = stop + 1;
    return text;
}

std::string_view JsonReader::decoded(std::string_view raw) {
    bool shared = false;
    char* const begin = room_for(raw.size(), shared); // what is decoded is never longer
    char* out = begin;
    while (!raw.empty()) {
        const std::size_t plain = std::min(raw.find('\\'), raw.size());
        out += raw.copy(out, plain);
        raw.remove_prefix(plain);
        const char* const escape = raw.data();
        if (!raw.empty() && !decode_escape(raw, out))
            fail_grammar("a text holds an escape that means nothing", escape);
    }
    const std::string_view text(begin, out);
    if (shared) {
        free_ += text.size();
        free_bytes_ -= text.size();
    }
    return text;
}

/// `shared`: it is the beginning of what is free of a block.
char* JsonReader::room_for(std::size_t bytes, bool& shared) {
    shared = bytes <= shared_bytes_max;
    if (shared && bytes <= free_bytes_)
        return free_;
    const std::size_t size = shared ? block_bytes : bytes;
    char* const block = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(size)).get();
    decoded_bytes_ += size;
    if (shared) {
        free_ = block;
        free_bytes_ = size;
    }
    return block;
}

void JsonReader::fail(
    const std::string& problem, std::uint64_t at, errc kind, const char* hint) const {
    const std::string subject = tensor_.data() == nullptr ? "" : tensor_label(tensor_) + ": ";
    throw Error(kind, subject + problem, at, hint);
}

void JsonReader::fail_grammar(const char* problem, const char* position) const {
    fail(std::string(part_) + " is not valid JSON: " + problem, place(position));
}

} // namespace tz::format
