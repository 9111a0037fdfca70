// tz-bench make: files of random weights to measure with.
#include <tz/engine/save.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_random.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <memory>

namespace tz::bench {

namespace {

struct MakeCommand {
    std::string file;
    std::string size = "2GB";
    std::string tensor_size = "mixed";
    std::string key_file;
    bool packed = false;
    bool force = false;
};

int run(const MakeCommand& command, bool quiet) {
    cli::Console console;
    if (!command.force && std::filesystem::exists(command.file))
        throw Error(errc::usage, "the file exists", {}, "--force replaces it").in(command.file);
    const std::uint64_t each =
        command.tensor_size == "mixed" ? 0 : cli::parse_size(command.tensor_size);
    SaveOptions options;
    if (command.packed)
        options.alignment = 1;
    if (!command.key_file.empty())
        options.key = cli::read_key_file(command.key_file, warn_on(console));
    const RandomModel model = random_model(cli::parse_size(command.size), each);
    save(command.file, model.tensors, options);
    if (!quiet)
        console.line(fmt::format(
            "tz-bench: {}: {} in {} tensors",
            printable(command.file),
            cli::size_text(model.bytes),
            model.tensors.size()));
    return cli::exit_ok;
}

} // namespace

cli::Command add_make(CLI::App& app, Output& output) {
    CLI::App* make = app.add_subcommand("make", "Write a file of random weights to measure with");
    const auto state = std::make_shared<MakeCommand>();
    MakeCommand& command = *state;
    make->add_option("FILE", command.file, "The file to write")->required();
    make->add_option("--size", command.size, "Bytes of tensors; needs as much memory (2GB)")
        ->type_name("SIZE");
    make->add_option(
            "--tensor-size", command.tensor_size, "Of each tensor, or mixed: like a transformer")
        ->type_name("SIZE|mixed");
    make->add_option("--encrypt-key-file", command.key_file, "Encrypt with this key")
        ->type_name("PATH");
    make->add_flag("--packed", command.packed, "Data unaligned, as pip's tensorizer writes it");
    make->add_flag("--force", command.force, "Replace the file if it exists");
    make->add_flag("-q,--quiet", output.quiet, "Say nothing but errors");
    return {make, [state, &output] { return run(*state, output.quiet); }};
}

} // namespace tz::bench
