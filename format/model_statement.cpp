#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/json_reader.hpp>
#include <tz/format/model_statement.hpp>
#include <tz/format/name.hpp>
#include <tz/format/requirement.hpp>

#include <algorithm>
#include <optional>

namespace tz::format {

namespace {

using Value = JsonReader::Value;
using Seen = std::optional<std::uint64_t>; ///< where a name stood

constexpr std::string_view in_toto_payload = "application/vnd.in-toto+json";
constexpr std::string_view in_toto_statement = "https://in-toto.io/Statement/v1";
constexpr std::string_view model_predicate = "https://model_signing/signature/v1.0";

/// Whether it leads to something in the folder, and in one way only.
bool plain_path(std::string_view name) {
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('/', begin), name.size());
        const std::string_view part = name.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..")
            return false;
        begin = end + 1;
    }
    return name.find('\0') == name.npos;
}

/// Reads one statement.
class StatementReader {
public:
    explicit StatementReader(std::span<const std::byte> text) : json_(text, 0, "the statement") {}

    ModelStatement run() {
        json_.read_root([this](std::string_view name, std::uint64_t at, Value value) {
            if (name == "_type")
                expect(type_, name, at, value, in_toto_statement);
            else if (name == "predicateType")
                expect(predicate_type_, name, at, value, model_predicate);
            else if (name == "subject")
                read_subject(value, at);
            else if (name == "predicate")
                read_predicate(value, at);
            else
                json_.skip(value);
        });
        if (!type_ || !predicate_type_ || !predicate_ || !method_ || !subject_)
            json_.fail("this is no statement about a model", 0, errc::format, kind_hint);
        check_subject();
        std::ranges::sort(statement_.files, {}, &ModelStatement::File::name);
        for (std::size_t i = 1; i < statement_.files.size(); ++i)
            if (statement_.files[i].name == statement_.files[i - 1].name)
                json_.fail("a file is listed twice", 0);
        return std::move(statement_);
    }

private:
    static constexpr const char* kind_hint = "sign the model with `model_signing sign key`";

    void expect(
        Seen& seen, std::string_view name, std::uint64_t at, Value value, std::string_view wanted) {
        json_.once(seen, at, name);
        const std::string_view is = json_.read_text(value, "a kind");
        if (is != wanted)
            json_.fail(
                std::string(name) + " is " + quoted(is) + " and not " + std::string(wanted),
                at,
                errc::unsupported,
                kind_hint);
    }

    Sha256 read_digest(Value value) {
        const std::uint64_t at = json_.place(value);
        try {
            return parse_root(json_.read_text(value, "a digest"));
        } catch (const Error& error) {
            if (error.kind() != errc::usage)
                throw;
        }
        json_.fail("a digest is not 64 hex digits", at);
    }

    /// The hash of all digests, in their order.
    void read_subject(Value value, std::uint64_t at) {
        json_.read_array(value, "subject", [this, at](Value one) {
            json_.once(has_subject_, at, "a subject");
            json_.read_object(
                one, "a subject", [this](std::string_view name, std::uint64_t place, Value part) {
                    if (name != "digest")
                        return json_.skip(part);
                    json_.once(has_digest_, place, name);
                    read_digests(part);
                });
        });
    }

    void read_digests(Value value) {
        Seen seen;
        json_.read_object(
            value, "its digest", [&](std::string_view kind, std::uint64_t at, Value text) {
                if (kind != "sha256")
                    return json_.skip(text);
                json_.once(seen, at, kind);
                subject_ = read_digest(text);
            });
    }

    void check_subject() {
        Sha256Stream all;
        for (const ModelStatement::File& file : statement_.files)
            all.update(file.sha256);
        if (all.finish() != *subject_)
            json_.fail("the digest of the model is not that of its files", 0);
    }

    void read_predicate(Value value, std::uint64_t at) {
        json_.once(predicate_, at, "predicate");
        json_.read_object(
            value, "predicate", [this](std::string_view name, std::uint64_t place, Value part) {
                if (name == "resources") {
                    json_.once(has_resources_, place, name);
                    json_.read_array(part, "resources", [this](Value one) { read_file(one); });
                } else if (name == "serialization") {
                    json_.once(has_serialization_, place, name);
                    read_serialization(part);
                } else {
                    json_.skip(part);
                }
            });
    }

    void read_file(Value value) {
        const std::uint64_t at = json_.place(value);
        ModelStatement::File file;
        Seen named;
        Seen algorithm;
        Seen digest;
        json_.read_object(
            value, "a resource", [&](std::string_view name, std::uint64_t place, Value part) {
                if (name == "name") {
                    json_.once(named, place, name);
                    file.name = json_.read_text(part, "a name");
                } else if (name == "algorithm") {
                    expect(algorithm, name, place, part, "sha256");
                } else if (name == "digest") {
                    json_.once(digest, place, name);
                    file.sha256 = read_digest(part);
                } else {
                    json_.skip(part);
                }
            });
        if (!algorithm || !digest || !plain_path(file.name))
            json_.fail("a resource has no digest, or a name that is no path in the folder", at);
        statement_.files.push_back(std::move(file));
    }

    void read_serialization(Value value) {
        Seen hash;
        Seen ignored;
        Seen symlinks;
        json_.read_object(
            value, "serialization", [&](std::string_view name, std::uint64_t at, Value part) {
                if (name == "method") {
                    expect(method_, name, at, part, "files");
                } else if (name == "hash_type") {
                    expect(hash, name, at, part, "sha256");
                } else if (name == "ignore_paths") {
                    json_.once(ignored, at, name);
                    json_.read_array(part, "ignore_paths", [this](Value path) {
                        statement_.ignored.emplace_back(json_.read_text(path, "a path"));
                    });
                } else if (name == "allow_symlinks") {
                    json_.once(symlinks, at, name);
                    statement_.symlinks = json_.read_bool(part, "allow_symlinks");
                } else {
                    json_.skip(part);
                }
            });
    }

    JsonReader json_;
    ModelStatement statement_;
    Seen type_;
    Seen predicate_type_;
    Seen predicate_;
    Seen method_;
    Seen has_subject_;
    Seen has_digest_;
    Seen has_resources_;
    Seen has_serialization_;
    std::optional<Sha256> subject_;
};

} // namespace

const ModelStatement::File* ModelStatement::find(std::string_view name) const {
    const auto file = std::ranges::lower_bound(files, name, {}, &File::name);
    return file == files.end() || file->name != name ? nullptr : &*file;
}

bool ModelStatement::ignores(std::string_view name) const {
    return std::ranges::any_of(ignored, [name](const std::string& path) {
        return name.starts_with(path) &&
               (name.size() == path.size() || (name[path.size()] == '/' && !path.empty()));
    });
}

ModelStatement parse_statement(const Envelope& envelope) {
    if (envelope.payload_type != in_toto_payload)
        throw Error(
            errc::unsupported,
            "what is signed is " + quoted(envelope.payload_type) + " and no in-toto statement",
            0,
            "sign the model with `model_signing sign key`");
    return StatementReader(envelope.payload).run();
}

} // namespace tz::format
