// Completion, by the shells themselves.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

namespace tz::test {
namespace {

using Words = std::set<std::string>;

Words words_of(const std::string& text, char by = '\n') {
    Words words;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line, by);)
        if (!line.empty())
            words.insert(line);
    return words;
}

struct Completion : testing::Test {
    Folder folder;

    Completion() {
        folder.write("model.tensors", "");
        folder.write("a model.tensors", "");
        std::filesystem::create_directory(folder.path("more"));
    }

    std::string script(const std::string& shell, const RunOptions& program = {}) const {
        const Outcome outcome = run({"completion", shell}, program);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.err, "");
        return folder.write("completion." + shell, outcome.out);
    }

    // What bash offers for the last of the words.
    Words bash(const std::string& words, const std::string& function = "_tz") const {
        const std::string text = "cd '" + folder.path("") +
                                 "'; source completion.bash; COMP_WORDS=(" + words +
                                 "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); " + function +
                                 "; printf '%s\\n' \"${COMPREPLY[@]}\"";
        const Outcome outcome =
            run({"--norc", "--noprofile", "-c", text}, {.program = "/bin/bash"});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.err, "");
        return words_of(outcome.out);
    }

    // As the user would have it in front of `line`.
    Words fish(const std::string& line) const {
        const std::string text =
            "cd '" + folder.path("") + "'; source completion.fish; complete -C '" + line + "'";
        const Outcome outcome =
            run({"--no-config", "-c", text},
                {.program = "/usr/bin/fish", .environment = {"HOME=" + folder.path("")}});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        Words offered;
        for (const std::string& one : words_of(outcome.out))
            offered.insert(one.substr(0, one.find('\t')));
        return offered;
    }

    // A shell of its own, at a terminal of its own, to which a tab is typed. What never comes ends
    // the test after a minute.
    bool zsh_offers(const std::string& line, const std::string& expected) const {
        const std::string path = folder.write("ask.zsh", R"(
zmodload zsh/zpty
zpty z zsh -f
zpty -w z "cd $1; autoload -U compinit; compinit -u -d $1/dump; source completion.zsh"
zpty -w z "stty columns 400; bindkey '^I' list-choices; echo REA''DY"
zpty -r -m z all '*READY*'
zpty -w -n z "$2"$'\t'
zpty -r -m z all "*$3*"
)");
        return run({"-f", path, folder.path(""), line, expected},
                   {.program = "/usr/bin/zsh", .environment = {"TERM=dumb"}})
                   .code == 0;
    }
};

bool has(const Words& words, const std::string& one) {
    return words.contains(one);
}

TEST_F(Completion, OfBashOffersCommands) {
    script("bash");
    EXPECT_EQ(bash("tz ver"), Words{"verify"});
    EXPECT_EQ(bash("tz up"), (Words{"upload", "uploads"}));
    EXPECT_EQ(bash("tz manifest ''"), (Words{"add", "show", "strip", "verify"}));
    EXPECT_FALSE(has(bash("tz ''"), "completion")) << "it is hidden";
}

TEST_F(Completion, OfBashOffersOptionsOfTheCommand) {
    script("bash");
    EXPECT_EQ(bash("tz load --mem"), (Words{"--memory", "--memory-limit"}));
    EXPECT_EQ(bash("tz fetch --fo"), Words{"--force"});
    EXPECT_EQ(bash("tz load --fo"), Words{});
    EXPECT_EQ(bash("tz manifest add --pie"), Words{"--pieces"});
    EXPECT_EQ(bash("tz --ver"), Words{"--version"});
    EXPECT_EQ(bash("tz load -q x --sub"), Words{"--subject"});
}

TEST_F(Completion, OfBashOffersChoices) {
    script("bash");
    EXPECT_EQ(bash("tz load --io ''"), (Words{"auto", "uring", "threads"}));
    EXPECT_EQ(bash("tz load --io = u"), Words{"uring"});
    EXPECT_EQ(bash("tz load --io ="), (Words{"auto", "uring", "threads"}));
    EXPECT_EQ(bash("tz load --workers ''"), Words{}) << "a number";
}

TEST_F(Completion, OfBashOffersFilesWhereTheyBelong) {
    script("bash");
    EXPECT_EQ(bash("tz load m"), (Words{"model.tensors", "more"}));
    EXPECT_EQ(bash("tz load --io uring 'a m'"), Words{"a model.tensors"});
    EXPECT_EQ(bash("tz load --key-file mod"), Words{"model.tensors"});
    EXPECT_EQ(bash("tz info mod"), Words{});
}

TEST_F(Completion, OfEachOptionInTheHelpIsOffered) {
    script("bash");
    std::istringstream lines(run({"completion", "list"}).out);
    unsigned found = 0;
    for (std::string line; std::getline(lines, line);) {
        const Words offered = bash(line + " --");
        std::vector<std::string> command;
        std::istringstream words(line);
        for (std::string word; words >> word;)
            command.push_back(word);
        command.erase(command.begin());
        command.emplace_back("--help");
        std::istringstream help(run(command).out);
        for (std::string text; std::getline(help, text); ++found) {
            const auto at = text.find("--");
            if (at == 6 && text.starts_with("  ")) {
                EXPECT_TRUE(has(offered, text.substr(at, text.find(' ', at) - at)))
                    << line << ": " << text;
            }
        }
    }
    EXPECT_GT(found, 100u);
}

TEST_F(Completion, OfBashIsOneForEachProgram) {
#ifdef TZ_BENCH_PROGRAM
    script("bash", {.program = TZ_BENCH_PROGRAM});
    EXPECT_EQ(bash("tz-bench ma", "_tz_bench"), Words{"make"});
    EXPECT_EQ(bash("tz-bench make --tensor-size ''", "_tz_bench"), Words{"mixed"});
#else
    GTEST_SKIP() << "tz-bench is not built";
#endif
}

TEST_F(Completion, OfFishOffersCommandsOptionsChoicesAndFiles) {
    if (!std::filesystem::exists("/usr/bin/fish"))
        GTEST_SKIP() << "fish is not installed";
    script("fish");
    EXPECT_EQ(fish("tz ver"), Words{"verify"});
    EXPECT_EQ(fish("tz manifest s"), (Words{"show", "strip"}));
    EXPECT_TRUE(has(fish("tz load --mem"), "--memory-limit"));
    EXPECT_FALSE(has(fish("tz load --fo"), "--force"));
    EXPECT_TRUE(has(fish("tz manifest add --pie"), "--pieces"));
    EXPECT_EQ(fish("tz load --io "), (Words{"auto", "uring", "threads"}));
    EXPECT_TRUE(has(fish("tz load mod"), "model.tensors"));
    EXPECT_FALSE(has(fish("tz info mod"), "model.tensors"));
}

TEST_F(Completion, OfZshOffersCommandsOptionsAndChoices) {
    if (!std::filesystem::exists("/usr/bin/zsh"))
        GTEST_SKIP() << "zsh is not installed";
    script("zsh");
    EXPECT_TRUE(zsh_offers("tz ver", "verify*Read whole files"));
    EXPECT_TRUE(zsh_offers("tz load --mem", "--memory-limit"));
    EXPECT_TRUE(zsh_offers("tz load --io ", "threads"));
    EXPECT_TRUE(zsh_offers("tz manifest s", "show*strip"));
    EXPECT_TRUE(zsh_offers("tz load mod", "model.tensors"));
}

TEST_F(Completion, OfAShellThatNobodyKnowsIsWrongUsage) {
    EXPECT_EQ(run({"completion", "csh"}).code, 2);
    EXPECT_EQ(run({"completion"}).code, 2);
}

} // namespace
} // namespace tz::test
