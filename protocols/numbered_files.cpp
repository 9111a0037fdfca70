#include <tz/engine/find_missing.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/number_search.hpp>
#include <tz/protocols/numbered_files.hpp>

#include <filesystem>
#include <optional>
#include <utility>

namespace tz {

namespace {

namespace fs = std::filesystem;

// As many requests as find_missing() has under way; mostly one round is enough.
constexpr std::size_t round_files = 16;

constexpr const char* first_number = "the numbers of such files begin with 0";

/// What a search says that has ended with files: `named` says what they are called.
template <typename Named>
void check(const NumberSearch& search, Named named) {
    if (search.too_many())
        throw Error(
            errc::limit,
            "there are more than " + std::to_string(numbered_files_max) + " files of such names",
            {},
            "name those that are wanted one by one")
            .in(named(search.count() - 1));
    if (const auto other = search.beyond_gap())
        throw Error(
            errc::not_found,
            "it is missing, though there is " + printable(named(*other)),
            {},
            "bring it back, or name those that are wanted one by one")
            .in(named(search.count()));
}

/// Whether something has that name, be it a link that leads nowhere, or hidden from us: opening it
/// says so then.
bool is_there(const std::string& path) {
    std::error_code ignored;
    return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

/// A server's files, as far as they were looked for.
class Found {
public:
    Found(Engine& engine, const LoadOptions& waiting) : engine_(engine), waiting_(waiting) {}

    const NumberSearch& search() const { return search_; }

    void look_for(const std::vector<NumberedSource>& files);

    std::vector<NumberedSource> result() {
        files_.resize(search_.count());
        return std::move(files_);
    }

    std::string named(std::size_t number) const { return files_[number].source->name(); }

private:
    std::vector<std::optional<Error>> missing(const std::vector<NumberedSource>& files) const;

    Engine& engine_;
    const LoadOptions& waiting_;
    NumberSearch search_;
    std::vector<NumberedSource> files_; ///< by number, those that are missing too
};

std::vector<std::optional<Error>> Found::missing(const std::vector<NumberedSource>& files) const {
    std::vector<std::shared_ptr<const Source>> sources;
    sources.reserve(files.size());
    for (const NumberedSource& file : files)
        sources.push_back(file.source);
    try {
        return find_missing(engine_, sources, waiting_);
    } catch (const Error& error) {
        if (error.kind() != errc::denied || files_.empty())
            throw;
        // S3 says so of what is not there to who may not list the bucket
        throw Error(
            errc::denied,
            error.problem(),
            error.offset(),
            "or it does not exist, which the server tells only who may list: name the files "
            "that are wanted one by one")
            .in(error.source());
    }
}

void Found::look_for(const std::vector<NumberedSource>& files) {
    const auto missing = this->missing(files);
    if (files_.empty() && missing.front()) {
        const Error& error = *missing.front();
        throw Error(errc::not_found, error.problem(), error.offset(), first_number)
            .in(error.source());
    }
    files_.insert(files_.end(), files.begin(), files.end());
    for (const auto& error : missing)
        search_.note(!error);
}

} // namespace

std::vector<std::string> numbered_paths(const NumberedName& name) {
    NumberSearch search;
    while (!search.ended())
        search.note(is_there(name.with(search.asked())));
    if (search.count() == 0 && !search.beyond_gap())
        throw Error(errc::not_found, "there is no such file", {}, first_number).in(name.with(0));
    check(search, [&name](std::size_t number) { return name.with(number); });
    std::vector<std::string> paths;
    paths.reserve(search.count());
    for (std::size_t number = 0; number < search.count(); ++number)
        paths.push_back(name.with(number));
    return paths;
}

std::vector<NumberedSource> numbered_sources(
    Engine& engine,
    const NumberedName& name,
    const std::string& query,
    const OpenAddress& open,
    const LoadOptions& waiting) {
    Found found(engine, waiting);
    while (!found.search().ended()) {
        const std::size_t first = found.search().asked();
        const std::size_t end = first == 0 ? 1 : first + round_files;
        std::vector<NumberedSource> files;
        for (std::size_t number = first; number < end; ++number) {
            std::string address = name.with(number) + query;
            auto source = open(address);
            files.push_back({std::move(address), std::move(source)});
        }
        found.look_for(files);
    }
    check(found.search(), [&found](std::size_t number) { return found.named(number); });
    return found.result();
}

} // namespace tz
