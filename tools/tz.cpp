// The program `tz`: its commands and their options. What each does stands in the file of its name.
#include <tz/format/error.hpp>
#include <tz/protocols/multipart.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/completion.hpp>
#include <tz/tools/convert_commands.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/manifest.hpp>
#include <tz/tools/metrics_file.hpp>
#include <tz/tools/model_signature.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/program.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

using namespace tz::cli;

namespace {

constexpr const char* program_footer =
    R"(Results go to stdout, everything else to stderr. Sizes such as 8MiB, 8M or 8G count in powers of
1024, 8MB or 2GB in powers of 1000. Every option can also be set in the environment: --chunk-size
as TZ_CHUNK_SIZE; or in a configuration file: chunk-size = "8MiB" in ~/.config/tzio/config.toml,
or in the file that TZ_CONFIG or --config names.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 permission denied, 5 a retry may help,
6 the data is wrong (format, hash, decryption), 7 no space or memory, 130 stopped by Ctrl-C.

Examples:
  tz info
  tz inspect model.tensors
  tz load model.tensors
  tz fetch s3://bucket/model.tensors /models
  tz convert model.safetensors model.tensors)";

struct Arguments {
    Options options;
    std::string path = "."; ///< of `tz info`
    FetchArguments fetch;
    ConvertArguments convert;
    KeygenArguments keygen;
    UploadArguments upload;
    UploadsArguments uploads;
    ManifestArguments manifest;
    ModelSignatureArguments model_signature;
};

Command add_info(CLI::App& app, Arguments& arguments) {
    CLI::App* info = app.add_subcommand("info", "Say what this machine offers to loads");
    info->add_option("--path", arguments.path, "Also say it of the file system of this path (.)")
        ->type_name("PATH");
    add_json_option(*info, arguments.options.json);
    add_s3_options(*info, arguments.options.network.s3);
    info->footer("Of S3 it says which credentials would be taken, and asks no server for any.\n\n"
                 "Examples:\n"
                 "  tz info\n"
                 "  tz info --path /mnt/models --json");
    return {info, [&] { return run_info(arguments.options, arguments.path); }};
}

Command add_inspect(CLI::App& app, Arguments& arguments) {
    CLI::App* inspect = app.add_subcommand("inspect", "List the tensors of a file; needs no key");
    add_file(*inspect, arguments.options);
    add_selection_options(*inspect, arguments.options);
    add_engine_options(*inspect, arguments.options);
    add_message_options(*inspect, arguments.options);
    add_json_option(*inspect, arguments.options.json);
    add_network_options(*inspect, arguments.options.network);
    inspect->footer("Examples:\n"
                    "  tz inspect model.tensors\n"
                    "  tz inspect model.tensors --include '*.weight' --json\n"
                    "  tz inspect --no-sign-request --endpoint-url coreweave s3://BUCKET/KEY");
    return {inspect, [&] { return run_inspect(arguments.options); }};
}

// The options of commands that read tensor data.
void add_reading_options(CLI::App& command, Options& options) {
    add_selection_options(command, options);
    add_load_options(command, options);
    add_requirement_options(command, options);
    add_engine_options(command, options);
    add_message_options(command, options);
    add_json_option(command, options.json);
    add_trace_option(command, options);
    add_metrics_option(command, options);
    add_network_options(command, options.network);
}

Command add_verify(CLI::App& app, Arguments& arguments) {
    CLI::App* verify = app.add_subcommand("verify", "Read whole files and check all their hashes");
    add_files(*verify, arguments.options);
    add_reading_options(*verify, arguments.options);
    ModelSignatureArguments& signature = arguments.model_signature;
    add_text(
        *verify,
        "--model-signature",
        "PATH",
        signature.signature,
        "Check a folder against this OpenSSF model signature");
    add_text(*verify, "--pubkey", "PATH", signature.public_key, "The key it must be by, PEM");
    verify->footer("Every tensor must have a hash, unless --verify asks for less. Of several files "
                   "each is\n"
                   "looked at, whatever fails, and the exit code is the first failure's.\n\n"
                   "Examples:\n"
                   "  tz verify model.tensors\n"
                   "  tz verify --key-file model.key model.tensors\n"
                   "  tz verify --require key --key-file model.key model.tensors\n"
                   "  tz verify --model-signature model.sig --pubkey them.pem model/");
    return {verify, [&] {
                return signature.signature.empty()
                           ? run_verify(arguments.options)
                           : run_model_signature(arguments.options, signature);
            }};
}

Command add_checksum(CLI::App& app, Arguments& arguments) {
    CLI::App* checksum = app.add_subcommand("checksum", "Write the SHA-256 of each tensor's data");
    add_file(*checksum, arguments.options);
    add_reading_options(*checksum, arguments.options);
    add_device_option(*checksum, arguments.options);
    checksum->footer("What is hashed is the decrypted data. The last line, named -, is of the "
                     "lines above it.\n"
                     "With --device the tensors go there, and are read back to be hashed.\n\n"
                     "Examples:\n"
                     "  tz checksum model.tensors > model.sha256\n"
                     "  tz checksum model.tensors | diff model.sha256 -");
    return {checksum, [&] { return run_checksum(arguments.options); }};
}

Command add_load(CLI::App& app, Arguments& arguments) {
    CLI::App* load = app.add_subcommand("load", "Load files into memory and say how fast that was");
    add_files(*load, arguments.options);
    add_reading_options(*load, arguments.options);
    add_memory_option(*load, arguments.options);
    add_device_option(*load, arguments.options);
    load->footer("Examples:\n"
                 "  tz load model.tensors\n"
                 "  tz load --memory none --verify sha256 shard-*.tensors\n"
                 "  tz load --include '*.attn.*' --trace trace.json model.tensors\n"
                 "  tz load --concurrency 32 --chunk-size 8MiB --direct on --json model.tensors\n"
                 "  tz load --password-file password.txt model.tensors\n"
                 "  tz load s3://models/shard-1.tensors s3://models/shard-2.tensors\n"
                 "  tz load model.safetensors\n"
                 "  tz load --device cuda:0 model.safetensors\n"
                 "  tz load hf://openai-community/gpt2");
    return {load, [&] { return run_load(arguments.options); }};
}

Command add_fetch(CLI::App& app, Arguments& arguments) {
    CLI::App* fetch = app.add_subcommand("fetch", "Copy files from anywhere to this machine, fast");
    FetchArguments& given = arguments.fetch;
    fetch->add_option("SRC", given.source, "What to read: a path or a URL")->required();
    fetch
        ->add_option(
            "DST", given.further, "The file to write, or its folder; SRC DST may follow again")
        ->required()
        ->type_name("...");
    fetch->add_flag("--force", given.force, "Replace files that exist");
    fetch->add_option("--sha256", given.sha256, "Check the file's SHA-256; one for each SRC")
        ->type_name("HEX")
        ->allow_extra_args(false);
    add_deadline_option(*fetch, arguments.options);
    add_engine_options(*fetch, arguments.options);
    add_message_options(*fetch, arguments.options);
    add_json_option(*fetch, arguments.options.json);
    add_trace_option(*fetch, arguments.options);
    add_metrics_option(*fetch, arguments.options);
    add_network_options(*fetch, arguments.options.network);
    fetch->footer(
        "A file appears under its name when it is whole and on the disk, or not at all.\n\n"
        "Examples:\n"
        "  tz fetch https://example.com/model.tensors /models\n"
        "  tz fetch s3://models/a.bin /models/a.bin s3://models/b.bin /models/b.bin");
    return {fetch, [&] { return run_fetch(arguments.options, given); }};
}

void parse_part_size(UploadArguments& arguments, const std::string& text) {
    const std::uint64_t bytes = parse_size(text);
    if (bytes < tz::part_bytes_min || bytes > tz::part_bytes_max)
        throw tz::Error(tz::errc::usage, "S3 takes parts of 5 MiB to 5 GiB");
    arguments.part_bytes = static_cast<std::size_t>(bytes);
}

Command add_upload(CLI::App& app, Arguments& arguments) {
    CLI::App* upload = app.add_subcommand("upload", "Copy a file to S3, fast");
    UploadArguments& given = arguments.upload;
    given.part_bytes = tz::part_bytes_usual;
    upload->add_option("SRC", given.source, "What to read: a path or a URL")->required();
    upload->add_option("DST", given.destination, "s3://BUCKET/KEY; as a folder if it ends in /")
        ->required();
    upload->add_flag("--force", given.force, "Replace an object that exists");
    const auto part_size = [&given](const std::string& text) { parse_part_size(given, text); };
    add_parsed(*upload, "--part-size", "SIZE", "Bytes of a part (8MiB)", part_size);
    upload->add_flag(
        "--sign-payloads",
        arguments.options.network.s3.sign_payloads,
        "Sign the SHA-256 of each part over TLS too");
    add_deadline_option(*upload, arguments.options);
    add_engine_options(*upload, arguments.options);
    add_message_options(*upload, arguments.options);
    add_json_option(*upload, arguments.options.json);
    add_trace_option(*upload, arguments.options);
    add_metrics_option(*upload, arguments.options);
    add_network_options(*upload, arguments.options.network);
    upload->footer(
        "An object appears when it is whole and its checksums are right, or not at all. What a\n"
        "process that was killed leaves: see tz uploads.\n\n"
        "Examples:\n"
        "  tz upload model.tensors s3://models/model.tensors\n"
        "  tz upload --force /models/a.bin s3://models/");
    return {upload, [&] { return run_upload(arguments.options, given); }};
}

Command add_uploads(CLI::App& app, Arguments& arguments) {
    CLI::App* uploads =
        app.add_subcommand("uploads", "List uploads to S3 that nobody has ended, and abort them");
    UploadsArguments& given = arguments.uploads;
    uploads->add_option("URI", given.uri, "s3://BUCKET or s3://BUCKET/PREFIX")->required();
    uploads->add_flag("--abort", given.abort, "Abort them: their parts are removed");
    const auto older = [&given](const std::string& text) {
        given.older_than = parse_duration(text);
    };
    add_parsed(*uploads, "--older-than", "TIME", "Only those begun so long ago", older);
    add_message_options(*uploads, arguments.options);
    add_json_option(*uploads, arguments.options.json);
    add_network_options(*uploads, arguments.options.network);
    uploads->footer("Uploads that are under way are among them, whoever's they are: choose what to "
                    "abort by\n--older-than.\n\n"
                    "Examples:\n"
                    "  tz uploads s3://models\n"
                    "  tz uploads s3://models/llama/ --older-than 1h --abort");
    return {uploads, [&] { return run_uploads(arguments.options, given); }};
}

// What a command reads, as it was typed.
std::vector<std::string> inputs_of(const Arguments& arguments) {
    std::vector<std::string> inputs = arguments.options.files;
    if (!arguments.upload.source.empty())
        inputs.push_back(arguments.upload.source);
    if (!arguments.fetch.source.empty())
        inputs.push_back(arguments.fetch.source);
    for (std::size_t i = 1; i < arguments.fetch.further.size(); i += 2)
        inputs.push_back(arguments.fetch.further[i]);
    return inputs;
}

// The command, whose errors say what they are about.
int run(const Command& command, const Arguments& arguments) {
    const auto run_named = [&] {
        try {
            return command.run();
        } catch (const tz::Error& error) {
            if (!error.source().empty())
                throw;
            throw about_inputs(error, inputs_of(arguments));
        }
    };
    return run_measured({command.app, run_named}, arguments.options);
}

} // namespace

int main(int argc, char** argv) try {
    Arguments arguments;
    CLI::App app("Loads model weights: fast, in bounded memory, checked and decrypted.", "tz");
    app.require_subcommand(1);
    app.footer(program_footer);
    std::vector<Command> commands{
        add_info(app, arguments),
        add_inspect(app, arguments),
        add_verify(app, arguments),
        add_checksum(app, arguments),
        add_load(app, arguments),
        add_fetch(app, arguments),
        add_convert(app, arguments.options, arguments.convert),
        add_encrypt(app, arguments.options, arguments.convert),
        add_decrypt(app, arguments.options, arguments.convert),
        add_keygen(app, arguments.options, arguments.keygen),
        add_upload(app, arguments),
        add_uploads(app, arguments)};
    for (auto& [command, run] : add_manifest_commands(app, arguments.options, arguments.manifest))
        commands.push_back({command, std::move(run)});
    commands.push_back(add_completion(app));
    complete(app);
    return parse_and_run(app, argc, argv, [&] {
        for (const Command& command : commands)
            if (command.app->parsed())
                return run(command, arguments);
        return 0;
    });
} catch (const std::exception& error) {

    return report_failure("tz", error);
}
