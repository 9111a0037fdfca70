// --metrics-file: what the commands leave in it.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

namespace tz::test {
namespace {

constexpr std::size_t tensor_bytes = 3'000'000;

struct MetricsFile : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");
    std::string path = folder.path("tzio.prom");

    MetricsFile() { write_tensors(file, tensor_bytes); }

    std::string written() const {
        std::ifstream text(path);
        return {std::istreambuf_iterator<char>(text), {}};
    }

    Outcome run_with_metrics(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"--metrics-file", path});
        return run(arguments);
    }

    void
    expect(const std::string& command, const std::string& name, const std::string& value) const {
        const std::string line = "\ntzio_" + name + "{command=\"" + command + "\"";
        const std::string text = written();
        for (auto at = text.find(line); at != text.npos; at = text.find(line, at + 1)) {
            const std::string found = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
            if (found.ends_with(value))
                return;
        }
        ADD_FAILURE() << line << " ... " << value << " is not in\n" << text;
    }
};

TEST_F(MetricsFile, IsWrittenByEachCommandThatMovesData) {
    const std::string moved = std::to_string(tensor_bytes + 12);
    for (const std::string command : {"load", "verify", "checksum"}) {
        EXPECT_EQ(run_with_metrics({command, file}).code, 0);
        expect(command, "run_result", ",result=\"ok\"} 1");
        expect(command, "delivered_bytes", "} " + moved);
        expect(command, "retries", "} 0");
    }
    const std::string bytes = std::to_string(std::filesystem::file_size(file));
    EXPECT_EQ(run_with_metrics({"fetch", file, folder.path("copy")}).code, 0);
    expect("fetch", "delivered_bytes", "} " + bytes);
    expect("fetch", "stage_bytes", ",stage=\"put\"} " + bytes);
    EXPECT_EQ(run_with_metrics({"convert", file, folder.path("other.tensors")}).code, 0);
    expect("convert", "delivered_bytes", "} " + moved);
    expect("convert", "stage_bytes", ",stage=\"put\"} " + moved);
}

TEST_F(MetricsFile, OfAFailureSaysItsKind) {
    damage(file, tensor_bytes);
    EXPECT_EQ(run_with_metrics({"load", file}).code, 6);
    expect("load", "run_result", ",result=\"integrity\"} 1");
    expect("load", "run_result", ",result=\"ok\"} 0");
    EXPECT_EQ(written().find("tzio_retries"), std::string::npos);
    EXPECT_EQ(run_with_metrics({"load", folder.path("none")}).code, 3);
    expect("load", "run_result", ",result=\"not_found\"} 1");
}

TEST_F(MetricsFile, ReplacesTheLastOneWholeForAllToRead) {
    folder.write("tzio.prom", "old", 0600);
    ASSERT_EQ(run_with_metrics({"load", file}).code, 0);
    EXPECT_TRUE(written().starts_with("# HELP "));
    struct stat stat{};
    ASSERT_EQ(::stat(path.c_str(), &stat), 0);
    EXPECT_EQ(stat.st_mode & 0777, 0644u);
    std::size_t names = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path("")))
        names += entry.is_regular_file() ? 1 : 0;
    EXPECT_EQ(names, 2u) << "no temporary file is left";
}

TEST_F(MetricsFile, ThatCantBeWrittenFailsBeforeTheCommand) {
    path = folder.path("no/such.prom");
    const std::string copy = folder.path("copy");
    const Outcome outcome = run_with_metrics({"fetch", file, copy});
    EXPECT_EQ(outcome.code, 3) << outcome.err;
    EXPECT_NE(outcome.err.find("no/such.prom"), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(copy));
}

TEST_F(MetricsFile, HoldsNoSecret) {
    const Outcome outcome =
        run_with_metrics({"load", "--tries", "1", "http://user:hush@127.0.0.1:1/x?key=hush"});
    EXPECT_NE(outcome.code, 0);
    EXPECT_FALSE(written().empty());
    EXPECT_EQ(written().find("hush"), std::string::npos);
}

} // namespace
} // namespace tz::test
