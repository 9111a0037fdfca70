// How `tz manifest` is called.
#include <tz/tools/manifest.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/typed_options.hpp>

#include <CLI/CLI.hpp>

namespace tz::cli {

namespace {

void add_usual_options(CLI::App& app, Options& options) {
    add_deadline_option(app, options);
    add_engine_options(app, options);
    add_message_options(app, options);
    add_json_option(app, options.json);
}

void add_sidecar_option(CLI::App& app, bool& sidecar, const char* help) {
    app.add_flag("--sidecar", sidecar, help);
}

CLI::App* add_add(CLI::App& app, Options& options, ManifestArguments& arguments) {
    CLI::App* add = app.add_subcommand("add", "Give a file a manifest, or another signature");
    add_file(*add, options);
    add_key_options(*add, options);
    add_text(*add, "--sign", "PATH", arguments.sign, "Sign with this Ed25519 private key, PEM");
    add->add_option("--subject", options.subject, "The model or revision that the file is")
        ->type_name("TEXT")
        ->take_last();
    add_sidecar_option(*add, arguments.sidecar, "Write it to FILE.manifest, not into the file");
    add->add_flag("--pieces", arguments.pieces, "List hashes of pieces of encrypted files too");
    add_usual_options(*add, options);
    add->footer("With a key or password the manifest is signed with the file's key. Only unused\n"
                "bytes of the file's metadata region are written; safetensors files have none and\n"
                "need --sidecar.\n\n"
                "Examples:\n"
                "  tz manifest add --key-file model.key model.tensors\n"
                "  tz manifest add --sign me.pem --subject org/model@2 model.tensors\n"
                "  tz manifest add --sidecar --sign me.pem model.safetensors");
    return add;
}

CLI::App* add_show(CLI::App& app, Options& options, ManifestArguments& arguments) {
    CLI::App* show = app.add_subcommand("show", "Say what a manifest holds; checks nothing");
    add_file(*show, options);
    add_sidecar_option(*show, arguments.sidecar, "The one in FILE.manifest, whatever the file has");
    add_usual_options(*show, options);
    add_network_options(*show, options.network);
    show->footer("Examples:\n"
                 "  tz manifest show model.tensors\n"
                 "  tz manifest show --json s3://models/model.tensors");
    return show;
}

CLI::App* add_strip(CLI::App& app, Options& options, ManifestArguments& arguments) {
    CLI::App* strip = app.add_subcommand("strip", "Take the manifest out of a file");
    add_file(*strip, options);
    add_sidecar_option(*strip, arguments.sidecar, "Delete FILE.manifest, whatever the file has");
    add_usual_options(*strip, options);
    strip->footer("Deletes FILE.manifest where the file has none inside.\n\n"
                  "Examples:\n"
                  "  tz manifest strip model.tensors");
    return strip;
}

CLI::App* add_verify(CLI::App& app, Options& options, ManifestArguments& arguments) {
    CLI::App* verify = app.add_subcommand("verify", "Compare files with their manifests");
    add_files(*verify, options);
    add_requirement_options(*verify, options);
    add_key_options(*verify, options);
    add_sidecar_option(
        *verify, arguments.sidecar, "The one in FILE.manifest, whatever the file has");
    add_usual_options(*verify, options);
    add_network_options(*verify, options.network);
    verify->footer(
        "Without --require this finds damage, not fraud: whoever changes a file can make its\n"
        "manifest anew. Of encrypted files without pieces it checks all that binds the data;\n"
        "`tz verify --require` checks the data too.\n\n"
        "Examples:\n"
        "  tz manifest verify --require pubkey:them.pem model.tensors\n"
        "  tz manifest verify --require key --key-file model.key model.tensors\n"
        "  tz manifest verify --require root:HEX --subject org/model@2 model.tensors");
    return verify;
}

} // namespace

std::vector<std::pair<CLI::App*, std::function<int()>>>
add_manifest_commands(CLI::App& app, Options& options, ManifestArguments& arguments) {
    CLI::App* manifest =
        app.add_subcommand("manifest", "Prove that a file is the one that somebody made");
    manifest->require_subcommand(1);
    manifest->footer("Examples:\n"
                     "  tz manifest add --sign me.pem model.tensors\n"
                     "  tz manifest verify --require pubkey:them.pem model.tensors");
    return {
        {add_add(*manifest, options, arguments),
         [&] { return run_manifest_add(options, arguments); }},
        {add_show(*manifest, options, arguments),
         [&] { return run_manifest_show(options, arguments); }},
        {add_strip(*manifest, options, arguments),
         [&] { return run_manifest_strip(options, arguments); }},
        {add_verify(*manifest, options, arguments),
         [&] { return run_manifest_verify(options, arguments); }}};
}

} // namespace tz::cli
