#include <tz/format/error.hpp>
#include <tz/tools/convert_commands.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <utility>

namespace tz::cli {

namespace {

using Text = const std::string&;

[[noreturn]] void refuse(Text text, const char* choices) {
    throw Error(errc::usage, fmt::format("'{}' is none of {}", printable(text), choices));
}

/// SRC... DST, all in `options.files` until run().
void add_places(CLI::App& command, Options& options, ConvertArguments& arguments) {
    command
        .add_option(
            "SRC",
            options.files,
            "What to read: paths, URLs, folders, lists of shards, hf://...; and last what to "
            "write: "
            "a path or s3://BUCKET/KEY")
        ->required()
        ->expected(2, -1)
        ->type_name("... DST");
    command.add_flag("--force", arguments.force, "Replace what exists");
}

void add_format_option(CLI::App& command, ConvertArguments& arguments) {
    const auto parse = [&arguments](Text text) {
        if (text != "tensors" && text != "safetensors")
            refuse(text, "tensors|safetensors");
        arguments.format =
            text == "tensors" ? format::FileFormat::tensors : format::FileFormat::safetensors;
    };
    add_parsed(
        command, "--format", "tensors|safetensors", "What to write (else the name says it)", parse);
}

void add_hashes_option(CLI::App& command, ConvertArguments& arguments) {
    const auto parse = [&arguments](Text text) {
        if (text != "all" && text != "crc32" && text != "sha256" && text != "none")
            refuse(text, "all|crc32|sha256|none");
        arguments.crc32 = text == "all" || text == "crc32";
        arguments.sha256 = text == "all" || text == "sha256";
    };
    add_parsed(
        command,
        "--hashes",
        "all|crc32|sha256|none",
        "Which to write to a .tensors file (all)",
        parse);
}

void add_dtype_option(CLI::App& command, ConvertArguments& arguments) {
    const auto parse = [&arguments](Text text) {
        arguments.floats = format::float_type(text);
        if (!arguments.floats)
            refuse(text, "float16|bfloat16|float32|float64");
    };
    add_parsed(
        command,
        "--dtype",
        "NAME",
        "Make this of all float16, bfloat16, float32 and float64 tensors",
        parse);
}

void add_layout_options(CLI::App& command, ConvertArguments& arguments) {
    const auto align = [&arguments](Text text) { arguments.alignment = parse_size(text); };
    add_parsed(
        command, "--align", "SIZE", "Where data may begin; 1: packed as pip does (4096)", align);
    const auto shards = [&arguments](Text text) { arguments.shard_bytes_max = parse_size(text); };
    add_parsed(
        command,
        "--max-shard-size",
        "SIZE",
        "Write several files of at most this much data",
        shards);
    command
        .add_option("--metadata", arguments.metadata, "Add this to a safetensors file; repeatable")
        ->type_name("NAME=TEXT")
        ->allow_extra_args(false);
    command.add_flag(
        "--like-pip", arguments.like_pip, "Write the bytes that pip's tensorizer would");
}

void add_manifest_options(CLI::App& command, ConvertArguments& arguments) {
    CLI::Option* manifest = command.add_flag(
        "--manifest", arguments.manifest, "Write a manifest: into .tensors files, beside others");
    add_text(
        command,
        "--sign",
        "PATH",
        arguments.sign,
        "Sign the manifest with this Ed25519 private key, PEM")
        ->needs(manifest);
    command
        .add_option(
            "--subject", arguments.subject, "The model or revision that the manifest is made for")
        ->type_name("TEXT")
        ->take_last()
        ->needs(manifest);
}

int run(Options& options, ConvertArguments& arguments) {
    arguments.destination = std::move(options.files.back());
    options.files.pop_back();
    return run_convert(options, arguments);
}

void add_common_options(CLI::App& command, Options& options) {
    add_selection_options(command, options);
    add_engine_options(command, options);
    add_message_options(command, options);
    add_json_option(command, options.json);
    add_trace_option(command, options);
    add_metrics_option(command, options);
    add_network_options(command, options.network);
}

void add_secret_options(
    CLI::App& command,
    std::string& key_file,
    std::string& password_file,
    const std::string& prefix) {
    CLI::Option* key = command.add_option(
        prefix + "key-file", key_file, "Encrypt with this key: 32 bytes or 64 hex digits");
    CLI::Option* password = command.add_option(
        prefix + "password-file", password_file, "Encrypt with the password in this file");
    key->type_name("PATH")->take_last()->excludes(password);
    password->type_name("PATH")->take_last();
}

} // namespace

Command add_convert(CLI::App& app, Options& options, ConvertArguments& arguments) {
    CLI::App* convert =
        app.add_subcommand("convert", "Write tensors to another file, in another format or shape");
    add_places(*convert, options, arguments);
    add_format_option(*convert, arguments);
    add_dtype_option(*convert, arguments);
    add_layout_options(*convert, arguments);
    add_hashes_option(*convert, arguments);
    add_manifest_options(*convert, arguments);
    add_load_options(*convert, options);
    add_secret_options(*convert, arguments.key_file, arguments.password_file, "--encrypt-");
    add_common_options(*convert, options);
    convert->footer(
        "What is read is verified and decrypted on the way; nothing has a name before all of it "
        "is\n"
        "whole and on the disk. What the new format can't hold is said.\n\n"
        "Examples:\n"
        "  tz convert model.safetensors model.tensors\n"
        "  tz convert /models/llama s3://models/llama.tensors\n"
        "  tz convert --max-shard-size 5GB model.tensors model.safetensors\n"
        "  tz convert --dtype bfloat16 --include 'model.*' hf://ORG/NAME small.tensors\n"
        "  tz convert --manifest --sign me.pem --subject org/model@2 model.safetensors "
        "model.tensors\n"
        "  tz convert --encrypt-key-file new.key 'model-%03d.tensors' 'sealed-%03d.tensors'");
    return {convert, [&options, &arguments] { return run(options, arguments); }};
}

Command add_encrypt(CLI::App& app, Options& options, ConvertArguments& arguments) {
    CLI::App* encrypt = app.add_subcommand("encrypt", "Write an encrypted .tensors file");
    add_places(*encrypt, options, arguments);
    add_secret_options(*encrypt, arguments.key_file, arguments.password_file, "--");
    add_layout_options(*encrypt, arguments);
    add_hashes_option(*encrypt, arguments);
    add_manifest_options(*encrypt, arguments);
    add_deadline_option(*encrypt, options);
    add_common_options(*encrypt, options);
    encrypt->footer(
        "Names, shapes and hashes stay readable to everybody. With --manifest, which is signed\n"
        "with the file's key, nobody without the key can change them.\n\n"
        "Examples:\n"
        "  tz keygen model.key\n"
        "  tz encrypt --key-file model.key model.tensors sealed.tensors\n"
        "  tz encrypt --manifest --key-file model.key model.tensors sealed.tensors");
    return {encrypt, [&options, &arguments] {
                arguments.encrypts = true;
                return run(options, arguments);
            }};
}

Command add_decrypt(CLI::App& app, Options& options, ConvertArguments& arguments) {
    CLI::App* decrypt = app.add_subcommand("decrypt", "Write a plain file from an encrypted one");
    add_places(*decrypt, options, arguments);
    add_format_option(*decrypt, arguments);
    add_layout_options(*decrypt, arguments);
    add_hashes_option(*decrypt, arguments);
    add_manifest_options(*decrypt, arguments);
    add_load_options(*decrypt, options);
    add_common_options(*decrypt, options);
    decrypt->footer("Examples:\n"
                    "  tz decrypt --key-file model.key sealed.tensors model.tensors");
    return {decrypt, [&options, &arguments] { return run(options, arguments); }};
}

Command add_keygen(CLI::App& app, Options& options, KeygenArguments& arguments) {
    CLI::App* keygen = app.add_subcommand("keygen", "Write a new random key to a new file");
    keygen->add_option("FILE", arguments.path, "64 hex digits and a line end, yours alone to read")
        ->required();
    keygen->add_flag("--force", arguments.force, "Replace a file that exists");
    keygen->add_flag("-q,--quiet", options.quiet, "Say nothing but errors");
    add_json_option(*keygen, options.json);
    keygen->footer("Without the key, what it encrypts is lost: keep a copy.\n\n"
                   "Examples:\n"
                   "  tz keygen model.key");
    return {keygen, [&options, &arguments] { return run_keygen(options, arguments); }};
}

} // namespace tz::cli
