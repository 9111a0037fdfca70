// Options from the command line, the environment and configuration files, in this order. What
// holds is seen by the statistics of a load.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <sstream>

namespace tz::test {
namespace {

using Json = nlohmann::json;

struct Config : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");
    std::string home = folder.path("home");

    Config() {
        write_tensors(file, 3'000'000);
        std::filesystem::create_directories(home + "/.config/tzio");
    }

    std::string config(std::string_view text) const { return folder.write("c.toml", text); }

    std::string in_home(std::string_view text) const {
        return folder.write("home/.config/tzio/config.toml", text);
    }

    // Without the file of whoever runs the tests.
    RunOptions at_home(std::vector<std::string> more = {}) const {
        RunOptions options;
        options.environment = {"HOME=" + home, "XDG_CONFIG_HOME=", "TZ_CONFIG="};
        for (std::string& one : more)
            std::erase_if(options.environment, [&](const std::string& other) {
                return other.substr(0, other.find('=')) == one.substr(0, one.find('='));
            });
        options.environment.insert(options.environment.end(), more.begin(), more.end());
        return options;
    }

    Json load(std::vector<std::string> arguments, const RunOptions& options = {}) const {
        arguments.insert(arguments.end(), {file, "--json"});
        const Outcome outcome = run(arguments, options);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return outcome.code == 0 ? Json::parse(outcome.out) : Json();
    }

    void expect_wrong(std::string_view text, const std::string& what) const {
        const std::string path = config(text);
        const Outcome outcome = run({"load", "--config", path, file});
        EXPECT_EQ(outcome.code, 2) << text;
        EXPECT_EQ(outcome.err, "tz: " + path + ":" + what + "\n") << text;
    }
};

TEST_F(Config, IsNamedByAnOptionBeforeOrBehindTheCommand) {
    const std::string path = config("workers = 3\n");
    EXPECT_EQ(load({"load", "--config", path})["workers"], 3);
    EXPECT_EQ(load({"--config", path, "load"})["workers"], 3);
}

TEST_F(Config, IsNamedByTheEnvironmentBelowTheOption) {
    const std::string path = config("workers = 3\n");
    const std::string other = folder.write("other.toml", "workers = 4\n");
    EXPECT_EQ(load({"load"}, {.environment = {"TZ_CONFIG=" + path}})["workers"], 3);
    EXPECT_EQ(
        load({"load", "--config", other}, {.environment = {"TZ_CONFIG=" + path}})["workers"], 4);
}

TEST_F(Config, IsFoundAtItsUsualPlaces) {
    EXPECT_GE(load({"load"}, at_home())["workers"], 1) << "none is no error";
    in_home("workers = 3\n");
    EXPECT_EQ(load({"load"}, at_home())["workers"], 3);
    std::filesystem::create_directories(folder.path("xdg/tzio"));
    folder.write("xdg/tzio/config.toml", "workers = 5\n");
    EXPECT_EQ(load({"load"}, at_home({"XDG_CONFIG_HOME=" + folder.path("xdg")}))["workers"], 5);
}

TEST_F(Config, GivesWayToTheEnvironmentAndThatToTheCommandLine) {
    const std::string path = config("workers = 3\nloops = 2\nio = 'threads'\n");
    const RunOptions environment{
        .environment = {"TZ_CONFIG=" + path, "TZ_WORKERS=4", "TZ_LOOPS=3"}};
    const Json facts = load({"load", "--workers", "5"}, environment);
    EXPECT_EQ(facts["workers"], 5);
    EXPECT_EQ(facts["loops"], 3);
    EXPECT_EQ(facts["io"], "threads");
}

TEST_F(Config, OfACommandHoldsForItAndAboveWhatIsForAll) {
    const std::string path = config("workers = 3\n[load]\nworkers = 4\n[fetch]\nforce = true\n");
    EXPECT_EQ(load({"load", "--config", path})["workers"], 4);
    const Outcome fetched = run({"fetch", "--config", path, "--json", file, folder.path("copy")});
    ASSERT_EQ(fetched.code, 0) << fetched.err;
    EXPECT_EQ(Json::parse(fetched.out)["workers"], 3);
    EXPECT_EQ(run({"fetch", "--config", path, file, folder.path("copy")}).code, 0) << "forced";
}

TEST_F(Config, ReachesCommandsOfCommands) {
    const std::string path = config("[manifest.show]\nworkers = 'many'\n");
    const Outcome outcome = run({"manifest", "show", "--config", path, file});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err, "tz: " + path + ":2: --workers: 'many' is no number\n");
    EXPECT_NE(run({"manifest", "verify", "--config", path, file}).code, 2) << "it is not theirs";
    EXPECT_EQ(run({"load", "--config", path, file}).code, 0) << "it is not theirs";
}

TEST_F(Config, TakesFlagsAndLists) {
    const std::string path = config("[load]\nquiet = true\ninclude = ['layers.*', '*weight']\n");
    const Outcome outcome = run({"load", "--config", path, file});
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(load({"load", "--config", path})["tensors"], 1);
    EXPECT_EQ(load({"load", "--config", config("[load]\nquiet = false\n")})["tensors"], 2);
    EXPECT_NE(run({"load", "--config", path, "--quiet=false", file}).out, "");
}

TEST_F(Config, GivesWayToWhatExcludesIt) {
    const std::string key = folder.write("key", "0123456789abcdef0123456789ABCDEF");
    const std::string sealed = folder.path("sealed");
    write_tensors(sealed, 1000, "0123456789abcdef0123456789ABCDEF");
    const std::string path = config("password-file = '" + folder.path("none") + "'\n");
    const Outcome outcome = run({"load", "--config", path, "--key-file", key, sealed});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    expect_wrong(
        "[load]\nkey-file = 'a'\npassword-file = 'b'\n",
        "3: --password-file and --key-file exclude each other");
}

TEST_F(Config, ThatIsWrongSaysWhere) {
    const std::string hint =
        "; keys are long options without their dashes, sections the commands that have them";
    expect_wrong("\nworkerz = 3\n", "2: there is no option --workerz here" + hint);
    expect_wrong("[load]\nsha256 = 'x'\n", "2: there is no option --sha256 here" + hint);
    expect_wrong("[load]\nconfig = 'x'\n", "2: there is no option --config here" + hint);
    expect_wrong("[fetch]\nhelp = true\n", "2: there is no option --help here" + hint);
    expect_wrong("[lode]\nworkers = 3\n", "2: [lode] is no command of tz");
    expect_wrong("[completion]\nworkers = 3\n", "2: [completion] is no command of tz");
    expect_wrong("workers = 'many'\n", "1: --workers: 'many' is no number");
    expect_wrong("io = 'fast'\n", "1: --io: 'fast' is none of auto|uring|threads");
    expect_wrong("workers = many\n", "1: many is no number, true or false; put it in quotes");
}

TEST_F(Config, ThatIsMissingOrCantBeReadIsAnErrorWhereItIsNamed) {
    const std::string path = folder.path("none.toml");
    const Outcome missing = run({"load", "--config", path, file});
    EXPECT_EQ(missing.code, 3);
    EXPECT_TRUE(missing.err.starts_with("tz: " + path + ": ")) << missing.err;
    EXPECT_EQ(run({"load", file}, {.environment = {"TZ_CONFIG=" + path}}).code, 3);
    EXPECT_NE(run({"load", "--config", folder.path("home"), file}).code, 0) << "a folder";
}

TEST_F(Config, IsPrintedWithWhereEachValueComesFrom) {
    const std::string path =
        config("workers = 3\n[load]\ninclude = ['a\"b', 'c']\nloops = 2\nquiet = true\n");
    const Outcome outcome =
        run({"load", "--print-config", "--config", path, "--loops", "4", "x"},
            {.environment = {"TZ_IO=threads", "TZ_SUBJECT=http://user:hush@host"}});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(
        outcome.out,
        "[load]\n"
        "include = [\"a\\\"b\", \"c\"]  # " +
            path +
            ":3\n"
            "subject = \"http://host\"  # TZ_SUBJECT\n"
            "io = \"threads\"  # TZ_IO\n"
            "workers = \"3\"  # " +
            path +
            ":1\n"
            "loops = \"4\"  # command line\n"
            "quiet = \"true\"  # " +
            path + ":5\n");
    const std::string again = folder.write("again.toml", outcome.out);
    EXPECT_EQ(run({"load", "--print-config", "--config", again, "x"}).code, 0) << "it can be read";
}

TEST_F(Config, IsNotReadForHelp) {
    in_home("nonsense");
    EXPECT_EQ(run({"load", "--help"}, at_home()).code, 0);
    EXPECT_EQ(run({"--version"}, at_home()).code, 0);
    EXPECT_EQ(run({"completion", "bash"}, at_home()).code, 0);
    EXPECT_EQ(run({"load", file}, at_home()).code, 2);
}

TEST_F(Config, ShowsNoSecretOfAWrongValue) {
    const std::string path = config("endpoint-url = 'ftp://user:hush@host/?k=hush'\n");
    const Outcome outcome = run({"load", "--config", path, "s3://b/k"});
    EXPECT_NE(outcome.code, 0);
    EXPECT_EQ(outcome.err.find("hush"), std::string::npos) << outcome.err;
}

#ifdef TZ_BENCH_PROGRAM
TEST_F(Config, HasSectionsOfItsOwnForTzBench) {
    const std::string path =
        config("workers = 3\n[bench]\nquiet = true\n[bench.make]\nsize = '1MB'\nforce = true\n");
    const RunOptions bench{.program = TZ_BENCH_PROGRAM};
    const std::string made = folder.path("made.tensors");
    const Outcome outcome = run({"make", "--config", path, made}, bench);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_LT(std::filesystem::file_size(made), 2'000'000u);
    EXPECT_EQ(load({"load", "--config", path})["workers"], 3) << "tz leaves them alone";
    const Outcome wrong =
        run({"make", "--config", config("[bench.make]\nruns = 3\n"), made}, bench);
    EXPECT_EQ(wrong.code, 2);
    EXPECT_NE(wrong.err.find("c.toml:2: there is no option --runs here"), std::string::npos);
}
#endif

// The commands of a program, as the words of their command lines without the program.
std::vector<std::vector<std::string>> commands_of(const RunOptions& program) {
    std::vector<std::vector<std::string>> commands;
    std::istringstream lines(run({"completion", "list"}, program).out);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        commands.emplace_back();
        while (words >> word)
            commands.back().push_back(word);
    }
    return commands;
}

TEST_F(Config, OptionsAreTakenFromTheEnvironmentByEachCommand) {
    unsigned tried = 0;
    for (std::vector<std::string> command : commands_of({})) {
        command.emplace_back("--help");
        const bool has = run(command).out.find("--progress ") != std::string::npos;
        command.pop_back();
        if (has) {
            const Outcome outcome = run(command, {.environment = {"TZ_PROGRESS=wrong"}});
            EXPECT_EQ(outcome.code, 2) << command[0];
            EXPECT_NE(outcome.err.find("'wrong' is none of auto|on|off"), std::string::npos)
                << command[0] << ": " << outcome.err;
            ++tried;
        }
    }
    EXPECT_GE(tried, 13u);
}

} // namespace
} // namespace tz::test
