// `tz manifest`, and what `--require` makes of other commands.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/tests/support/http_server.hpp>
#include <tz/tests/support/pem_keys.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <unistd.h>

namespace tz::test {
namespace {

using Json = nlohmann::json;

constexpr const char* other_public_pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";

constexpr int usage = 2, not_found = 3, denied = 4, wrong = 6, no_room = 7;

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct ManifestCommands : testing::Test {
    Folder folder;
    std::string key = folder.write("key", content(TZ_GOLDEN "/key.hex"));
    std::string signer = folder.write("me.pem", private_pem);
    std::string me = "pubkey:" + folder.write("me.pub", public_pem);
    std::string other = "pubkey:" + folder.write("other.pub", other_public_pem);
    std::string sealed = copy("pip-2.12.1_pieces_key.tensors");
    std::string plain = copy("pip-2.12.1_dtypes.tensors");
    std::string model = copy("safetensors-0.8.0_dtypes.safetensors");

    std::string copy(const std::string& name) const {
        return folder.write(name, content(TZ_GOLDEN "/" + name));
    }

    static void expect(int code, const std::vector<std::string>& arguments, const char* text = "") {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, code) << outcome.out << outcome.err;
        EXPECT_NE((outcome.out + outcome.err).find(text), std::string::npos)
            << outcome.out << outcome.err;
    }

    static Json json(std::vector<std::string> arguments) {
        arguments.push_back("--json");
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return Json::parse(outcome.out);
    }

    static void flip(const std::string& path, std::size_t from_end) {
        std::string bytes = content(path);
        bytes[bytes.size() - from_end] ^= 1;
        std::ofstream(path, std::ios::binary) << bytes;
    }
};

TEST_F(ManifestCommands, AddChangesNothingButTheEndOfTheRegion) {
    const std::string before = content(sealed);
    expect(0, {"manifest", "add", "--key-file", key, sealed}, "manifest inside, root ");
    const std::string after = content(sealed);
    ASSERT_EQ(after.size(), before.size());
    const std::size_t region_end = 73 + 262144;
    EXPECT_EQ(after.substr(region_end), before.substr(region_end));
    EXPECT_EQ(after.substr(region_end - 8, 8), "TZMANIF1");
    EXPECT_EQ(after.substr(0, region_end - 1000), before.substr(0, region_end - 1000));
    expect(0, {"verify", "--key-file", key, sealed}, "OK");
    expect(0, {"manifest", "strip", sealed}, "manifest removed");
    EXPECT_EQ(content(sealed), before);
}

TEST_F(ManifestCommands, AKeyThatSignedIsRequired) {
    expect(0, {"manifest", "add", "--key-file", key, sealed});
    const std::string wrong_key = folder.write("wrong", std::string(64, '7'));
    const std::vector<std::vector<std::string>> commands{
        {"manifest", "verify"}, {"verify"}, {"load"}, {"checksum"}};
    for (const std::vector<std::string>& command : commands) {
        const auto with = [&](std::vector<std::string> more) {
            std::vector<std::string> arguments = command;
            arguments.insert(arguments.end(), more.begin(), more.end());
            return arguments;
        };
        expect(0, with({"--require", "key", "--key-file", key, sealed}));
        expect(wrong, with({"--require", "key", "--key-file", wrong_key, sealed}), "another key");
        expect(wrong, with({"--require", "key", sealed}), "no key was given");
        expect(wrong, with({"--require", me, "--key-file", key, sealed}), "no Ed25519 signature");
    }
}

TEST_F(ManifestCommands, AnotherKeyThanTheFilesDoesNotSign) {
    const std::string wrong_key = folder.write("wrong", std::string(64, '7'));
    const std::string before = content(sealed);
    expect(wrong, {"manifest", "add", "--key-file", wrong_key, sealed}, "the key is wrong");
    EXPECT_EQ(content(sealed), before);
}

TEST_F(ManifestCommands, APasswordIsAKeyToo) {
    const std::string file = copy("pip-2.11.1_password.tensors");
    const std::string password = folder.write("password", content(TZ_GOLDEN "/password.txt"));
    const std::string wrong_password = folder.write("wrong", "other");
    expect(0, {"manifest", "add", "--password-file", password, file});
    expect(0, {"verify", "--require", "key", "--password-file", password, file}, "OK");
    expect(
        wrong, {"verify", "--require", "key", "--password-file", wrong_password, file}, "another");
    expect(
        wrong,
        {"manifest", "add", "--password-file", password, sealed},
        "was not encrypted with one");
}

TEST_F(ManifestCommands, APublicKeyIsRequired) {
    expect(0, {"manifest", "add", "--sign", signer, "--subject", "org/model@2", plain});
    expect(0, {"manifest", "verify", "--require", me, "--subject", "org/model@2", plain}, "OK");
    expect(0, {"verify", "--require", me, plain}, "sha256+manifest)");
    expect(wrong, {"verify", "--require", other, plain}, "another key");
    expect(wrong, {"verify", "--subject", "org/model@1", plain}, "another subject");
    expect(wrong, {"verify", "--require", me, sealed}, "has no manifest");
}

TEST_F(ManifestCommands, ARootIsRequired) {
    expect(0, {"manifest", "add", plain}, "not signed");
    const std::string root = json({"manifest", "show", plain})["manifest"]["root"];
    expect(0, {"manifest", "verify", "--require", "root:" + root, plain}, "the root is the given");
    std::string another = root;
    another[3] = another[3] == '0' ? '1' : '0';
    expect(wrong, {"verify", "--require", "root:" + another, plain}, "the root of its manifest");
}

TEST_F(ManifestCommands, WhatIsRequiredIsKnown) {
    for (const std::string what : {"", "keys", "pubkey", "root:12", "Root:"})
        expect(usage, {"manifest", "verify", "--require", what, plain});
    expect(not_found, {"manifest", "verify", "--require", "pubkey:" + folder.path("x"), plain});
    expect(usage, {"manifest", "verify", "--require", "pubkey:" + signer, plain}, "me.pem");
}

TEST_F(ManifestCommands, AnotherSignatureJoinsThoseThatAreThere) {
    expect(0, {"manifest", "add", "--key-file", key, "--subject", "m", sealed});
    expect(0, {"manifest", "add", "--sign", signer, sealed});
    const Json shown = json({"manifest", "show", sealed})["manifest"];
    ASSERT_EQ(shown["signatures"].size(), 2u);
    EXPECT_EQ(shown["signatures"][0]["algorithm"], "file-key");
    EXPECT_EQ(shown["signatures"][1]["algorithm"], "ed25519");
    expect(0, {"verify", "--require", "key", "--key-file", key, "--subject", "m", sealed});
    expect(0, {"manifest", "verify", "--require", me, sealed});
    // of another content, so what was signed before goes
    expect(0, {"manifest", "add", "--sign", signer, "--subject", "n", sealed});
    EXPECT_EQ(json({"manifest", "show", sealed})["manifest"]["signatures"].size(), 1u);
}

TEST_F(ManifestCommands, DamagedDataIsFound) {
    expect(0, {"manifest", "add", "--sign", signer, plain});
    flip(plain, 20);
    expect(wrong, {"manifest", "verify", "--require", me, plain}, "piece 0 of 1");
    expect(wrong, {"verify", "--verify", "none", "--require", me, plain}, "SHA-256");
    expect(0, {"verify", "--verify", "none", plain});
}

TEST_F(ManifestCommands, SafetensorsHaveASidecar) {
    expect(usage, {"manifest", "add", "--sign", signer, model}, "--sidecar");
    const std::string before = content(model);
    expect(0, {"manifest", "add", "--sidecar", "--sign", signer, model}, "sidecar");
    EXPECT_EQ(content(model), before);
    EXPECT_EQ(content(model + ".manifest").substr(0, 8), "TZMANIF1");
    expect(0, {"manifest", "verify", "--require", me, model}, "1 pieces");
    expect(0, {"load", "--require", me, model});
    expect(0, {"verify", "--require", me, model}, "manifest");
    flip(model, 1);
    expect(wrong, {"load", "--memory", "none", "--require", me, model}, "SHA-256 of piece 0");
    expect(0, {"load", "--memory", "none", model});
    expect(0, {"manifest", "strip", model}, "sidecar removed");
    EXPECT_FALSE(std::filesystem::exists(model + ".manifest"));
    expect(not_found, {"manifest", "strip", model}, "has no manifest");
}

TEST_F(ManifestCommands, ASidecarReplacesManifestsAlone) {
    expect(0, {"manifest", "add", "--sidecar", plain});
    expect(0, {"manifest", "add", "--sidecar", "--sign", signer, plain});
    EXPECT_EQ(json({"manifest", "show", plain})["place"], "sidecar");
    expect(0, {"manifest", "verify", "--require", me, plain});
    folder.write("pip-2.12.1_dtypes.tensors.manifest", "my notes");
    expect(usage, {"manifest", "add", "--sidecar", plain}, "this is no manifest");
    expect(usage, {"manifest", "strip", plain}, "this is no manifest");
    EXPECT_EQ(content(plain + ".manifest"), "my notes");
}

TEST_F(ManifestCommands, TheOneInsideCountsUnlessTheSidecarIsAskedFor) {
    expect(0, {"manifest", "add", plain});
    expect(0, {"manifest", "add", "--sidecar", "--sign", signer, plain});
    EXPECT_EQ(json({"manifest", "show", plain})["place"], "inside");
    EXPECT_EQ(json({"manifest", "show", "--sidecar", plain})["place"], "sidecar");
    expect(wrong, {"manifest", "verify", "--require", me, plain}, "no Ed25519 signature");
    expect(0, {"manifest", "verify", "--sidecar", "--require", me, plain});
}

TEST_F(ManifestCommands, WithoutRoomOneIsToldOfTheSidecar) {
    const std::string file = copy("example_pieces_key.tensors");
    expect(no_room, {"manifest", "add", "--key-file", key, file}, "--sidecar");
    expect(0, {"manifest", "add", "--sidecar", "--key-file", key, file});
    expect(0, {"verify", "--require", "key", "--key-file", key, file}, "OK");
}

TEST_F(ManifestCommands, PiecesOfEncryptedFilesAreListedIfAskedFor) {
    expect(0, {"manifest", "add", "--key-file", key, sealed});
    EXPECT_EQ(json({"manifest", "show", sealed})["manifest"]["pieces"], 0);
    expect(0, {"manifest", "add", "--key-file", key, "--pieces", sealed});
    const Json shown = json({"manifest", "show", sealed})["manifest"];
    EXPECT_EQ(shown["pieces"], 1);
    EXPECT_EQ(shown["piece_bytes"], 8 << 20);
    EXPECT_EQ(shown["headers_listed"], true);
    flip(sealed, 30);
    expect(wrong, {"manifest", "verify", sealed}, "piece 0 of 1"); // no key is needed
}

TEST_F(ManifestCommands, VerifySaysWhatItChecked) {
    expect(0, {"manifest", "add", "--key-file", key, sealed});
    const Json result = json({"manifest", "verify", "--require", "key", "--key-file", key, sealed});
    EXPECT_EQ(result["schema"], "tz-manifest-verify/1");
    EXPECT_EQ(result["ok"], true);
    EXPECT_EQ(result["required"], "key");
    ASSERT_EQ(result["files"].size(), 1u);
    EXPECT_EQ(result["files"][0]["place"], "inside");
    EXPECT_EQ(result["files"][0]["headers_checked"], true);
    EXPECT_EQ(result["files"][0]["pieces_checked"], false);
    expect(wrong, {"manifest", "verify", plain}, "has no manifest");
}

TEST_F(ManifestCommands, APrivateKeyThatOthersCanReadIsRefused) {
    const std::string shared = folder.write("shared.pem", private_pem, 0640);
    expect(denied, {"manifest", "add", "--sign", shared, plain}, "shared.pem");
    const std::string nothing = folder.write("nothing.pem", "");
    expect(usage, {"manifest", "add", "--sign", nothing, plain}, "nothing.pem");
    EXPECT_EQ(content(plain), content(TZ_GOLDEN "/pip-2.12.1_dtypes.tensors"));
}

TEST_F(ManifestCommands, NoSecretIsPrinted) {
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"manifest", "add", "--key-file", key, "--sign", signer, sealed, "-v", "-v"},
             {"manifest", "show", sealed, "--json"},
             {"manifest", "add", "--sign", key, sealed}}) {
        const Outcome outcome = run(arguments);
        for (const char* secret : {"000102", "AAECAw"})
            EXPECT_EQ((outcome.out + outcome.err).find(secret), std::string::npos) << outcome.err;
    }
}

TEST_F(ManifestCommands, AFileThatMayNotBeWrittenIsNamed) {
    std::filesystem::permissions(plain, std::filesystem::perms::all);
    std::filesystem::permissions(plain, std::filesystem::perms(0444));
    RunOptions nobody;
    nobody.nobody = true;
    if (::getuid() != 0)
        GTEST_SKIP() << "needs root";
    const Outcome outcome = run({"manifest", "add", plain}, nobody);
    EXPECT_EQ(outcome.code, denied) << outcome.err;
    EXPECT_NE(outcome.err.find("dtypes.tensors"), std::string::npos) << outcome.err;
}

TEST_F(ManifestCommands, RemoteFilesAreNotWritten) {
    expect(usage, {"manifest", "add", "https://example.com/x.tensors"}, "files of this machine");
    expect(usage, {"manifest", "strip", "s3://a/b"}, "files of this machine");
}

TEST_F(ManifestCommands, RemoteFilesAreCheckedWithTheirSidecars) {
    expect(0, {"manifest", "add", "--key-file", key, "--sign", signer, sealed});
    expect(0, {"manifest", "add", "--sidecar", "--sign", signer, model});
    HttpServer server;
    const auto serve = [&](const std::string& path, const std::string& file) {
        const std::string text = content(file);
        const auto bytes = std::as_bytes(std::span(text));
        server.put(path, held_object({bytes.begin(), bytes.end()}));
        return server.url(path);
    };
    const std::string sealed_url = serve("/x.tensors", sealed);
    const std::string model_url = serve("/x.safetensors", model);
    expect(0, {"verify", "--require", "key", "--key-file", key, sealed_url}, "OK");
    expect(0, {"manifest", "verify", "--require", me, sealed_url}, "OK");
    expect(wrong, {"load", "--require", me, model_url}, "has no manifest");
    serve("/x.safetensors.manifest", model + ".manifest");
    expect(0, {"load", "--require", me, model_url});
    expect(0, {"manifest", "verify", "--require", me, model_url}, "1 pieces");
    expect(wrong, {"manifest", "verify", "--require", other, model_url}, "another key");
    flip(model, 1);
    serve("/x.safetensors", model);
    expect(wrong, {"load", "--require", me, model_url}, "SHA-256 of piece 0");
}

struct ModelSignature : testing::Test {
    Folder folder;
    std::string data = TZ_GOLDEN "/model-signing";
    std::string model = folder.path("model");

    void SetUp() override {
        std::filesystem::copy(data + "/model", model, std::filesystem::copy_options::recursive);
    }

    Outcome verify(
        const std::string& key = "p256",
        const std::string& signature = "p256",
        const RunOptions& options = {}) const {
        return run(
            {"verify",
             "--model-signature",
             data + "/model-" + signature + ".sig",
             "--pubkey",
             data + "/" + key + ".pub",
             model},
            options);
    }

    void expect_refused(const char* text) const {
        const Outcome outcome = verify();
        EXPECT_EQ(outcome.code, wrong) << outcome.out << outcome.err;
        EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
    }
};

TEST_F(ModelSignature, OfAnIntactFolderFits) {
    for (const char* key : {"p256", "p384"}) {
        const Outcome outcome = verify(key, key);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_NE(outcome.out.find("OK (3 files, 18 B"), std::string::npos) << outcome.out;
    }
    EXPECT_EQ(verify("p384", "p256").code, wrong);
}

TEST_F(ModelSignature, FitsWhateverThreadsAreRefused) {
    if (sanitized)
        GTEST_SKIP() << "LeakSanitizer starts a thread of its own";
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can become nobody";
    constexpr long enough = 12; // of other tests that are nobody, too
    for (long threads = 1; threads <= enough; ++threads) {
        RunOptions options;
        options.nobody = true;
        options.threads = threads;
        SCOPED_TRACE(threads);
        const Outcome outcome = verify("p256", "p256", options);
        if (outcome.code == no_room && threads < enough) { // for signals there must be one
            EXPECT_NE(outcome.err.find("ulimit -u"), std::string::npos) << outcome.err;
            continue;
        }
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_NE(outcome.out.find("OK (3 files, 18 B"), std::string::npos) << outcome.out;
    }
}

TEST_F(ModelSignature, SeesAChangedFile) {
    std::ofstream(model + "/sub/b.bin") << "deeq";
    expect_refused("sub/b.bin: its SHA-256");
}

TEST_F(ModelSignature, SeesAMissingFile) {
    std::filesystem::remove(model + "/a.bin");
    expect_refused("a.bin: this file is listed");
}

TEST_F(ModelSignature, SeesAFileTooMany) {
    std::ofstream(model + "/sub/extra") << "x";
    expect_refused("extra: the signature does not list");
}

TEST_F(ModelSignature, SeesASymbolicLink) {
    std::filesystem::rename(model + "/a.bin", folder.path("a.bin"));
    std::filesystem::create_symlink(folder.path("a.bin"), model + "/a.bin");
    expect_refused("a.bin: this is a symbolic link");
}

TEST_F(ModelSignature, PassesOverItselfAndWhatItIgnores) {
    std::filesystem::create_directory(model + "/.git");
    std::ofstream(model + "/.git/HEAD") << "x";
    std::filesystem::copy(data + "/model-p256.sig", model + "/model.sig");
    const Outcome outcome = run(
        {"verify",
         "--model-signature",
         model + "/model.sig",
         "--pubkey",
         data + "/p256.pub",
         model,
         "--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const Json json = Json::parse(outcome.out);
    EXPECT_EQ(json["ok"], true);
    EXPECT_EQ(json["files"], 3);
}

TEST_F(ModelSignature, NeedsAKey) {
    const Outcome outcome = run({"verify", "--model-signature", data + "/model-p256.sig", model});
    EXPECT_EQ(outcome.code, usage);
    EXPECT_NE(outcome.err.find("--pubkey"), std::string::npos) << outcome.err;
}

} // namespace
} // namespace tz::test
