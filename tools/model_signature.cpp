#include <tz/engine/file_calls.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/start_thread.hpp>
#include <tz/format/dsse.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/model_statement.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/early_end.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/model_signature.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace tz::cli {

namespace {

namespace fs = std::filesystem;

// Read at once; small enough to stay in the cache next to the core.
constexpr std::size_t step_bytes = 1 << 20;
// Of a PEM with a public key.
constexpr std::size_t key_bytes_max = 64 << 10;

struct File {
    explicit File(const std::string& its_path)
        : path(its_path),
          fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        if (fd < 0)
            fail_on(path, "open", errno);
        struct ::stat facts{};
        if (::fstat(fd, &facts) != 0)
            fail_on(path, "fstat", errno);
        if (!S_ISREG(facts.st_mode))
            throw Error(errc::usage, "this is not a regular file").in(path);
    }

    ~File() { ::close(fd); }

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    std::size_t read(std::span<std::byte> to) const {
        for (;;) {
            const auto got = ::read(fd, to.data(), to.size());
            if (got >= 0)
                return static_cast<std::size_t>(got);
            if (errno != EINTR)
                fail_on(path, "read", errno);
        }
    }

    const std::string& path;
    const int fd;
};

std::vector<std::byte> read_small(const std::string& path, std::size_t bytes_max) {
    const File file(path);
    std::vector<std::byte> bytes;
    std::vector<std::byte> step(step_bytes);
    while (const std::size_t got = file.read(step)) {
        if (got > bytes_max - bytes.size())
            throw Error(errc::limit, fmt::format("it has more than {} bytes", bytes_max)).in(path);
        bytes.insert(bytes.end(), step.begin(), step.begin() + static_cast<std::ptrdiff_t>(got));
    }
    return bytes;
}

// The files of a folder as a statement names them.
class FolderFiles {
public:
    FolderFiles(const std::string& folder, const format::ModelStatement& statement)
        : folder_(folder),
          statement_(statement) {}

    std::vector<std::string> list(const std::string& signature) {
        std::error_code ignored;
        signature_ = fs::weakly_canonical(signature, ignored);
        std::error_code failure;
        fs::recursive_directory_iterator entry(folder_, failure);
        for (; !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure))
            if (!take(*entry))
                entry.disable_recursion_pending();
        if (failure)
            fail_on(folder_, "read the folder", failure.value());
        return std::move(names_);
    }

private:
    // Whether to go on inside.
    bool take(const fs::directory_entry& entry) {
        const std::string name = entry.path().lexically_relative(folder_).generic_string();
        if (statement_.ignores(name))
            return false;
        if (entry.is_symlink() && !statement_.symlinks)
            refuse(name, "this is a symbolic link, and the model was signed without any");
        if (entry.is_directory()) {
            if (entry.is_symlink())
                refuse(name, "links to folders are not followed");
            return true;
        }
        std::error_code ignored;
        if (fs::weakly_canonical(entry.path(), ignored) == signature_)
            return false;
        if (!entry.is_regular_file())
            refuse(name, "this is neither a file nor a folder");
        if (statement_.find(name) == nullptr)
            refuse(name, "the signature does not list this file");
        names_.push_back(name);
        return true;
    }

    [[noreturn]] void refuse(const std::string& name, const char* problem) const {
        throw Error(
            errc::integrity,
            problem,
            {},
            "take it out of the folder if it does not belong to the model")
            .in((fs::path(folder_) / name).string());
    }

    const std::string& folder_;
    const format::ModelStatement& statement_;
    fs::path signature_;
    std::vector<std::string> names_;
};

// Hashes files on all cores, each one on one of them: on those that the system grants threads for,
// at least the caller's.
class FileHashes {
public:
    FileHashes(
        const std::string& folder,
        const format::ModelStatement& statement,
        const std::vector<std::string>& names,
        const EarlyEnd& early)
        : folder_(folder),
          statement_(statement),
          names_(names),
          early_(early) {}

    // Bytes hashed. Throws the first failure.
    std::uint64_t check() {
        std::vector<std::thread> others;
        start_others(others);
        check_some();
        for (std::thread& other : others)
            other.join();
        if (failure_)
            std::rethrow_exception(failure_);
        return bytes_;
    }

private:
    void start_others(std::vector<std::thread>& others) {
        const std::size_t count = std::min<std::size_t>(cores_available(), names_.size());
        others.reserve(count); // what is started is always joined
        try {
            for (std::size_t i = 1; i < count; ++i)
                others.push_back(start_thread([this] { check_some(); }));
        } catch (const std::exception&) { // refused: those that are there do its work
            return;
        }
    }

    void check_some() noexcept {
        try {
            std::vector<std::byte> step(step_bytes);
            for (std::size_t i = next_++; i < names_.size() && !failed_; i = next_++)
                check_one(names_[i], step);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!failed_.exchange(true))
                failure_ = std::current_exception();
        }
    }

    void check_one(const std::string& name, std::span<std::byte> step) {
        const std::string path = (fs::path(folder_) / name).string();
        const File file(path);
        format::Sha256Stream hash;
        while (const std::size_t got = file.read(step)) {
            check_time();
            hash.update(step.first(got));
            bytes_ += got;
        }
        if (hash.finish() != statement_.find(name)->sha256)
            throw Error(
                errc::integrity,
                "its SHA-256 is not the one that was signed",
                {},
                "the file is damaged or was changed; fetch it again")
                .in(path);
    }

    void check_time() const {
        if (early_.token().stop_requested())
            throw Error(errc::cancelled, "the check was cancelled");
        if (early_.left() == Deadline::Duration::zero())
            throw Error(errc::deadline, "the check did not end in time", {}, "raise --deadline");
    }

    const std::string& folder_;
    const format::ModelStatement& statement_;
    const std::vector<std::string>& names_;
    const EarlyEnd& early_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<std::uint64_t> bytes_ = 0;
    std::atomic<bool> failed_ = false;
    std::mutex mutex_; ///< of `failure_`
    std::exception_ptr failure_;
};

format::ModelStatement read_statement(const ModelSignatureArguments& arguments) {
    const auto key = read_small(arguments.public_key, key_bytes_max);
    const auto bundle = read_small(arguments.signature, format::bundle_bytes_max);
    try {
        const format::Envelope envelope = format::parse_bundle(bundle);
        format::check_envelope(envelope, key);
        return format::parse_statement(envelope);
    } catch (const Error& error) {
        throw error.in(error.kind() == errc::usage ? arguments.public_key : arguments.signature);
    }
}

void check_complete(
    const std::string& folder,
    const format::ModelStatement& statement,
    std::vector<std::string> names) {
    std::ranges::sort(names);
    for (const format::ModelStatement::File& file : statement.files)
        if (!std::ranges::binary_search(names, file.name))
            throw Error(
                errc::integrity,
                "this file is listed in the signature and is not there",
                {},
                "fetch the model again")
                .in((fs::path(folder) / file.name).string());
}

} // namespace

int run_model_signature(const Options& options, const ModelSignatureArguments& arguments) {
    if (arguments.public_key.empty())
        throw Error(
            errc::usage,
            "--model-signature needs --pubkey",
            {},
            "a signature proves nothing without the key that you trust");
    if (options.files.size() != 1)
        throw Error(errc::usage, "--model-signature takes one folder");
    EarlyEnd early(options.load.deadline);
    const std::string& folder = options.file();
    const format::ModelStatement statement = read_statement(arguments);
    const auto names = FolderFiles(folder, statement).list(arguments.signature);
    check_complete(folder, statement, names);
    const std::uint64_t bytes = FileHashes(folder, statement, names, early).check();
    early.before_results();
    if (options.json) {
        Json json = result("tz-verify/1");
        json["ok"] = true;
        json["folder"] = printable(folder);
        json["files"] = names.size();
        json["bytes"] = bytes;
        json["checked"] = Json::array({"model-signature"});
        write_json(json);
    } else if (!options.quiet) {
        write_result(fmt::format(
            "{}: OK ({} file{}, {}, signed with the given key)\n",
            printable(folder),
            names.size(),
            names.size() == 1 ? "" : "s",
            size_text(bytes)));
    }
    return 0;
}

} // namespace tz::cli
