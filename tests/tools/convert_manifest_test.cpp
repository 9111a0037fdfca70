// `tz convert`, `encrypt` and `decrypt` with `--manifest`.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/tests/support/http_server.hpp>
#include <tz/tests/support/pem_keys.hpp>
#include <tz/tests/support/s3_store.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tz::test {
namespace {

using Json = nlohmann::json;

constexpr int usage = 2, wrong = 6;

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct ConvertManifest : testing::Test {
    void SetUp() override { write_tensors(source, 3'000'000); }

    static Outcome
    expect(int code, const std::vector<std::string>& arguments, const char* text = "") {
        Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, code) << outcome.out << outcome.err;
        EXPECT_NE((outcome.out + outcome.err).find(text), std::string::npos)
            << outcome.out << outcome.err;
        return outcome;
    }

    static void flip(const std::string& path, std::size_t at) {
        std::string bytes = content(path);
        bytes[at] ^= 1;
        std::ofstream(path, std::ios::binary) << bytes;
    }

    Folder folder;
    std::string key = folder.write("key", std::string(64, '7'));
    std::string signer = folder.write("me.pem", private_pem);
    std::string me = "pubkey:" + folder.write("me.pub", public_pem);
    std::string source = folder.path("model.tensors");
    std::string target = folder.path("new.tensors");
};

TEST_F(ConvertManifest, OfAnEncryptedFileIsTheOneThatAddMakes) {
    const Outcome made = expect(
        0,
        {"encrypt",
         "--manifest",
         "--sign",
         signer,
         "--subject",
         "m@1",
         "--key-file",
         key,
         source,
         target},
        "manifest inside, root ");
    EXPECT_EQ(made.err, "");
    const std::string written = content(target);
    expect(0, {"manifest", "verify", "--require", "key", "--key-file", key, target}, "OK");
    expect(0, {"load", "--require", "key", "--key-file", key, "--subject", "m@1", target});
    expect(0, {"load", "--require", me, "--key-file", key, target});
    expect(wrong, {"load", "--require", me, "--key-file", key, "--subject", "m@2", target});
    expect(0, {"manifest", "strip", target});
    EXPECT_NE(content(target), written);
    expect(0, {"manifest", "add", "--sign", signer, "--subject", "m@1", "--key-file", key, target});
    EXPECT_EQ(content(target), written);
}

TEST_F(ConvertManifest, OfAPlainFileFindsChanges) {
    expect(0, {"convert", "--manifest", "--sign", signer, source, target});
    expect(0, {"load", "--require", me, target});
    expect(0, {"manifest", "verify", "--require", me, target}, "bound by their hashes");
    const std::size_t file_bytes = content(target).size();
    for (const std::size_t at : {std::size_t{80}, std::size_t{73 + 262144 + 30}, file_bytes - 20}) {
        flip(target, at);
        expect(wrong, {"load", "--require", me, target});
        flip(target, at);
    }
    expect(0, {"load", "--require", me, target});
}

TEST_F(ConvertManifest, OfADecryptedFileIsOfThePlainOne) {
    const std::string sealed = folder.path("sealed.tensors");
    expect(0, {"encrypt", "--manifest", "--key-file", key, source, sealed});
    const Outcome made =
        expect(0, {"decrypt", "--manifest", "--json", "--key-file", key, sealed, target});
    const Json manifest = Json::parse(made.out)["manifests"][0];
    EXPECT_EQ(manifest["file"], target);
    EXPECT_EQ(manifest["place"], "inside");
    EXPECT_EQ(manifest["manifest"]["signatures"], Json::array());
    const std::string root = manifest["manifest"]["root"];
    expect(0, {"load", "--require", "root:" + root, target});
    expect(wrong, {"load", "--require", "root:" + root, "--key-file", key, sealed});
}

TEST_F(ConvertManifest, OfSafetensorsFilesStandsBesideEachShard) {
    const std::string name = folder.path("m.safetensors");
    const Outcome made = expect(
        0,
        {"convert",
         "--manifest",
         "--sign",
         signer,
         "--max-shard-size",
         "1MB",
         "--json",
         source,
         name});
    EXPECT_EQ(Json::parse(made.out)["manifests"].size(), 2u);
    for (const char* number : {"1", "2"}) {
        const std::string shard =
            folder.path("m-0000" + std::string(number) + "-of-00002.safetensors");
        expect(0, {"load", "--require", me, shard});
        expect(0, {"manifest", "verify", "--require", me, shard}, "1 pieces");
        const std::string written = content(shard + ".manifest");
        expect(0, {"manifest", "add", "--sidecar", "--sign", signer, shard});
        EXPECT_EQ(content(shard + ".manifest"), written);
    }
    EXPECT_FALSE(std::filesystem::exists(name + ".index.json.manifest"));
}

TEST_F(ConvertManifest, BesideAFileIsReplacedOnlyIfAskedFor) {
    const std::string name = folder.path("m.safetensors");
    const std::string sidecar = name + ".manifest";
    const std::vector<std::string> convert{"convert", "--manifest", source, name};
    std::vector<std::string> force = convert;
    force.emplace_back("--force");
    expect(0, {"convert", "--manifest", source, name});
    const std::string old = content(sidecar);
    std::filesystem::remove(name);
    expect(usage, convert, "--force");
    EXPECT_FALSE(std::filesystem::exists(name));
    EXPECT_EQ(content(sidecar), old);
    force.insert(force.end(), {"--sign", signer});
    expect(0, force);
    EXPECT_NE(content(sidecar), old);
    folder.write("m.safetensors.manifest", "my notes");
    expect(usage, force, "this is no manifest");
    EXPECT_EQ(content(sidecar), "my notes");
}

TEST_F(ConvertManifest, OfAnEarlierFileIsSpokenOf) {
    expect(0, {"convert", source, target});
    expect(0, {"manifest", "add", "--sidecar", target});
    const Outcome made = expect(0, {"convert", "--force", source, target}, "an earlier file");
    EXPECT_NE(made.err.find("new.tensors.manifest"), std::string::npos) << made.err;
    EXPECT_TRUE(std::filesystem::exists(target + ".manifest"));
}

TEST_F(ConvertManifest, IsRefusedWhereItCannotBe) {
    const Folder empty;
    const std::string there = empty.path("x.tensors");
    expect(usage, {"convert", "--sign", signer, source, there}, "--manifest");
    expect(usage, {"convert", "--subject", "m", source, there}, "--manifest");
    expect(usage, {"convert", "--manifest", "--like-pip", source, there}, "pip");
    expect(usage, {"convert", "--manifest", "--hashes", "crc32", source, there}, "SHA-256");
    expect(usage, {"convert", "--manifest", "--sign", key, source, there}, "key");
    expect(
        usage, {"convert", "--manifest", source, "s3://b/x.safetensors"}, "on this machine only");
    EXPECT_TRUE(std::filesystem::is_empty(empty.path(".")));
}

TEST_F(ConvertManifest, GoesToS3InsideTheObject) {
    S3Store store;
    HttpServerOptions storing;
    storing.answer = [&store](const Request& request) { return store.answer(request); };
    const HttpServer server(std::move(storing));
    const RunOptions options{
        .environment = {
            "HOME=/nonexistent",
            "AWS_EC2_METADATA_DISABLED=true",
            "AWS_CONFIG_FILE=/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE=/nonexistent",
            "no_proxy=*",
            "TZ_ENDPOINT_URL=" + server.url("")}};
    const Outcome made =
        run({"convert",
             "--manifest",
             "--sign",
             signer,
             "--no-sign-request",
             source,
             "s3://b/x.tensors"},
            options);
    ASSERT_EQ(made.code, 0) << made.err;
    expect(0, {"convert", "--manifest", "--sign", signer, source, target});
    EXPECT_TRUE(store.object("/b/x.tensors") == content(target));
}

} // namespace
} // namespace tz::test
