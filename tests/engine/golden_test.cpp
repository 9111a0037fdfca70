// Files of several releases of pip's tensorizer, the format's worked examples, and files of the
// safetensors package, through every path.
#include <tz/engine/load.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

namespace tz {
namespace {

std::string text_of(const std::string& path) {
    const auto bytes = test::read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string path_of(const std::string& stem) {
    const std::string path = TZ_TEST_DATA "/" + stem;
    return path + (std::filesystem::exists(path + ".tensors") ? ".tensors" : ".safetensors");
}

std::vector<std::string> golden_files() {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(TZ_TEST_DATA))
        if (entry.path().extension() == ".tensors" || entry.path().extension() == ".safetensors")
            files.push_back(entry.path().stem().string());
    std::sort(files.begin(), files.end());
    return files;
}

/// The digests in a `.sha256` file: one at the start of each line, the last line being a sum over
/// the others.
std::vector<std::string> expected_digests(const std::string& stem) {
    std::vector<std::string> digests;
    std::istringstream lines(text_of(TZ_TEST_DATA "/" + stem + ".sha256"));
    for (std::string line; std::getline(lines, line);)
        digests.push_back(line.substr(line.front() == '\\' ? 1 : 0, 64));
    digests.pop_back();
    return digests;
}

void unlock(const std::string& stem, LoadOptions& options) {
    if (stem.ends_with("_key"))
        options.key = test::sample_key();
    if (stem.ends_with("_password")) {
        std::string password = text_of(TZ_TEST_DATA "/password.txt");
        if (password.ends_with('\n'))
            password.pop_back();
        options.password = test::secret(password);
    }
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, GivesTheSameBytesOnEveryPath) {
    const auto expected = expected_digests(GetParam());
    const std::string path = path_of(GetParam());
    for (const Io io : {Io::automatic, Io::threads})
        for (const std::size_t chunk : {std::size_t{0}, std::size_t{64} << 10})
            for (const Direct direct : {Direct::on, Direct::off})
                for (const Memory memory : {Memory::owned, Memory::none}) {
                    EngineOptions engine_options;
                    engine_options.io = io;
                    engine_options.chunk_bytes = chunk;
                    engine_options.workers = 2;
                    Engine engine(engine_options);
                    LoadOptions options;
                    options.memory = memory;
                    options.digests = true;
                    unlock(GetParam(), options);
                    const Loaded loaded = load(engine, open_file(path, direct), options);
                    ASSERT_EQ(loaded.digests.size(), expected.size());
                    for (std::size_t i = 0; i < expected.size(); ++i) {
                        EXPECT_EQ(format::hex(loaded.digests[i]), expected[i]) << i;
                        if (memory == Memory::owned) {
                            EXPECT_EQ(format::hex(format::sha256(loaded.tensors[i])), expected[i]);
                        }
                    }
                }
}

TEST_P(Golden, PassesEveryHashItStores) {
    Engine engine;
    LoadOptions options;
    options.verify = Verify::all;
    unlock(GetParam(), options);
    const auto source = open_file(path_of(GetParam()));
    if (read_layout(engine, source).has_headers()) {
        EXPECT_NO_THROW(load(engine, source, options));
    } else {
        EXPECT_THROW(load(engine, source, options), Error);
    }
}

TEST_P(Golden, HandsOutAlignedTensors) {
    Engine engine;
    LoadOptions options;
    unlock(GetParam(), options);
    const Loaded loaded = load(engine, open_file(path_of(GetParam())), options);
    for (const auto& tensor : loaded.tensors)
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64, 0u);
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_files()), [](const auto& info) {
    std::string name = info.param;
    std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
    return name;
});

} // namespace
} // namespace tz
