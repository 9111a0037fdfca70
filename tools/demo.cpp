#include <tz/engine/save.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tools/bench_random.hpp>
#include <tz/tools/bench_run.hpp>
#include <tz/tools/bench_stop.hpp>
#include <tz/tools/demo.hpp>
#include <tz/tools/temporary_folder.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <span>

namespace tz::bench {

namespace {

constexpr std::uint64_t model_bytes = 256ull << 20;
// With the model's making and a slow disk this stays under a minute.
constexpr double seconds_max = 30;

void write_private(const std::string& path, std::span<const std::byte> bytes) {
    const std::filesystem::perms mine =
        std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
    std::ofstream file(path, std::ios::binary);
    std::filesystem::permissions(path, mine); // before there is anything to read
    file.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    if (!file.flush())
        throw Error(errc::io, "cannot write the key").in(path);
}

/// Two subjects: the same weights plain and encrypted.
std::vector<Subject> make_models(const std::string& folder, const std::stop_token& stop) {
    const RandomModel model = random_model(model_bytes);
    check_stop(stop);
    Subject plain;
    plain.uri = folder + "/plain.tensors";
    save(plain.uri, model.tensors);
    check_stop(stop);
    Subject encrypted;
    encrypted.uri = folder + "/encrypted.tensors";
    encrypted.key = std::make_shared<const format::Secret>(format::random_key());
    encrypted.key_file = folder + "/key";
    write_private(encrypted.key_file, encrypted.key->bytes());
    SaveOptions options;
    options.key = encrypted.key;
    save(encrypted.uri, model.tensors, options);
    check_stop(stop);
    return {std::move(plain), std::move(encrypted)};
}

} // namespace

Run demo(cli::Console& console, bool quiet, const std::stop_token& stop) {
    const TemporaryFolder folder;
    const std::string filesystem = file_facts(folder.path()).filesystem;
    if (!quiet)
        console.line(fmt::format(
            "tz-bench: a model of {} in {} ({}); this takes less than a minute",
            cli::size_text(model_bytes),
            folder.path(),
            filesystem));
    std::vector<Subject> subjects = make_models(folder.path(), stop);
    Engine engine;
    RunOptions options;
    options.sample_command = sample_command();
    for (Subject& subject : subjects)
        inspect(engine, subject);
    options.fio = false;
    options.sources_once = true;
    options.quiet = quiet;
    options.rounds.seconds_max = seconds_max;
    options.rounds.stop = stop;
    Run run = measure(engine, std::move(subjects), options, console);
    run.notes.push_back(
        fmt::format("the model lay on {}; for your own files: tz-bench load FILE", filesystem));
    return run;
}

} // namespace tz::bench
