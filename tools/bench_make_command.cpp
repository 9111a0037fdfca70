// tz-bench make: files of random weights to measure with, or a folder with a model in every format.
#include <tz/engine/save.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_folder.hpp>
#include <tz/tools/bench_random.hpp>
#include <tz/tools/bench_taken_back.hpp>
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
    std::string shape;
    std::uint64_t seed = 0;
};

int make_folder(const MakeCommand& command, cli::Console& console, bool quiet) {
    ModelShape shape = model_shape(command.shape, cli::parse_size(command.size));
    const std::uint64_t bytes = shape.bytes();
    const std::size_t tensors = shape.tensors.size();
    const auto files =
        write_model_folder(command.file, std::move(shape), command.seed, command.force);
    if (!quiet)
        console.line(fmt::format(
            "tz-bench: {}: {} in {} tensors, in {} files",
            printable(command.file),
            cli::size_text(bytes),
            tensors,
            files.size()));
    return cli::exit_ok;
}

int make(const MakeCommand& command, bool quiet) {
    cli::Console console;
    if (!command.shape.empty())
        return make_folder(command, console, quiet);
    if (!command.force && std::filesystem::exists(command.file))
        throw Error(errc::usage, "the file exists", {}, "--force replaces it").in(command.file);
    const std::uint64_t each =
        command.tensor_size == "mixed" ? 0 : cli::parse_size(command.tensor_size);
    SaveOptions options;
    if (command.packed)
        options.alignment = 1;
    if (!command.key_file.empty())
        options.key = cli::read_key_file(command.key_file, warn_on(console));
    const RandomModel model = random_model(cli::parse_size(command.size), each, command.seed);
    save(command.file, model.tensors, options);
    if (!quiet)
        console.line(fmt::format(
            "tz-bench: {}: {} in {} tensors",
            printable(command.file),
            cli::size_text(model.bytes),
            model.tensors.size()));
    return cli::exit_ok;
}

int run(const MakeCommand& command, bool quiet) {
    const Made made = command.shape.empty() ? Made{.paths = {command.file}, .folders = {}}
                                            : made_in_folder(command.file);
    return run_taken_back(made, [&] { return make(command, quiet); });
}

} // namespace

cli::Command add_make(CLI::App& app, Output& output) {
    CLI::App* make = app.add_subcommand("make", "Write a file of random weights to measure with");
    const auto state = std::make_shared<MakeCommand>();
    MakeCommand& command = *state;
    make->add_option("FILE", command.file, "The file to write; with --shape the folder")
        ->required();
    make->add_option("--size", command.size, "Bytes of tensors; needs as much memory (2GB)")
        ->type_name("SIZE");
    CLI::Option* tensor_size = make->add_option(
        "--tensor-size", command.tensor_size, "Of each tensor, or mixed: like a transformer");
    tensor_size->type_name("SIZE|mixed");
    CLI::Option* key =
        make->add_option("--encrypt-key-file", command.key_file, "Encrypt with this key");
    key->type_name("PATH");
    CLI::Option* packed =
        make->add_flag("--packed", command.packed, "Data unaligned, as pip's tensorizer writes it");
    make->add_option("--shape", command.shape, "A model in every format, built as the real ones")
        ->type_name("NAME")
        ->check(CLI::IsMember(shape_names()).description(""))
        ->excludes(tensor_size)
        ->excludes(key)
        ->excludes(packed);
    make->add_option("--seed", command.seed, "Other weights for each number (0)")->type_name("N");
    make->add_flag("--force", command.force, "Replace the file if it exists");
    make->add_flag("-q,--quiet", output.quiet, "Say nothing but errors");
    return {make, [state, &output] { return run(*state, output.quiet); }};
}

} // namespace tz::bench
