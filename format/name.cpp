#include <tz/format/cursor.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/name_tree.hpp>

#include <nlohmann/json.hpp>

namespace tz::format {

namespace {

constexpr char structured_mark = '\x1e';
constexpr std::size_t quoted_bytes_max = 200;

// Takes the events of nlohmann's parser, which keeps no stack of ours or its own: an array in an
// array stops it at once.
class PathReader {
public:
    explicit PathReader(Path& path) : path_(path) {}

    const char* problem() const { return problem_; }

    bool null() { return refuse("holds a null"); }

    bool boolean(bool) { return refuse("holds a boolean"); }

    bool number_float(double, const std::string&) {
        return refuse("holds a number that is not an integer of 64 bits");
    }

    bool number_integer(std::int64_t value) {
        return value == 0 ? number_unsigned(0) : refuse("holds a negative number"); // "-0"
    }

    bool number_unsigned(std::uint64_t value) {
        path_.emplace_back(value);
        return true;
    }

    bool string(std::string& value) {
        path_.emplace_back(std::move(value));
        return true;
    }

    bool binary(nlohmann::json::binary_t&) { return false; } // never called: JSON has none

    bool start_object(std::size_t) { return refuse("holds an object"); }

    bool key(std::string&) { return false; } // never called: the object's start was refused

    bool end_object() { return false; } // nor this

    bool start_array(std::size_t) { return depth_++ == 0 || refuse("holds an array in the array"); }

    bool end_array() { return true; }

    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) {
        return refuse("is not valid JSON");
    }

private:
    bool refuse(const char* problem) {
        if (problem_ == nullptr)
            problem_ = problem;
        return false;
    }

    Path& path_;
    int depth_ = 0;
    const char* problem_ = nullptr;
};

const char* read_structured(std::string_view json, Path& path) {
    if (json.size() < 2 || json.front() != '[' || json.back() != ']')
        return "is marked as structured but is no JSON array";
    if (json.find_first_of("\n\r") != json.npos)
        return "holds a line end in its JSON";
    PathReader reader(path);
    nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
    if (reader.problem() != nullptr)
        return reader.problem();
    return path.empty() ? "has no keys" : nullptr;
}

bool structured(std::string_view name) {
    return name.starts_with(structured_mark);
}

void report(const std::optional<NameProblem>& problem, std::span<const std::uint64_t> offsets) {
    if (problem)
        throw_format(problem->text, offsets[problem->index]);
}

} // namespace

const char* read_name(std::string_view name, Path& path) {
    path.clear();
    if (name.empty())
        return "is empty";
    if (structured(name))
        return read_structured(name.substr(1), path);
    if (!valid_utf8(name))
        return "is not valid UTF-8";
    path.emplace_back(std::string(name));
    return nullptr;
}

Path parse_name(std::string_view name, std::uint64_t at) {
    Path path;
    if (const char* const problem = read_name(name, path))
        throw_format(tensor_label(name) + ": the name " + problem, at);
    return path;
}

std::string store_name(const Path& path) {
    if (path.empty())
        throw Error(errc::usage, "a tensor's name has no keys");
    for (const Key& key : path) {
        const auto* const text = std::get_if<std::string>(&key);
        if (text != nullptr && !valid_utf8(*text))
            throw Error(errc::usage, "the name '" + printable(*text) + "' is not valid UTF-8");
        if (text != nullptr && path.size() == 1 && !structured(*text))
            return *text;
    }
    nlohmann::json array = nlohmann::json::array();
    for (const Key& key : path)
        std::visit([&](const auto& value) { array.push_back(value); }, key);
    return structured_mark + array.dump(-1, ' ', /*ensure_ascii=*/true);
}

std::string key_name(std::string_view name) {
    if (!structured(name))
        return std::string(name);
    Path path;
    if (read_name(name, path) == nullptr && path.size() == 1)
        if (const auto* const text = std::get_if<std::string>(&path.front()))
            return *text;
    return std::string(name.substr(1));
}

std::string display_name(std::string_view name) {
    return printable(structured(name) ? name.substr(1) : name);
}

std::string quoted(std::string_view text) {
    if (text.size() <= quoted_bytes_max)
        return "'" + printable(text) + "'";
    std::size_t end = quoted_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end; // not within a character
    return "'" + printable(text.substr(0, end)) + "...'";
}

std::string tensor_label(std::string_view name) {
    return "tensor " + quoted(structured(name) ? name.substr(1) : name);
}

void check_names(std::span<const Path> paths, std::span<const std::uint64_t> offsets) {
    report(find_path_problem(paths), offsets);
}

void check_names(std::span<const std::string_view> names, std::span<const std::uint64_t> offsets) {
    report(find_name_problem(names), offsets);
}

} // namespace tz::format
