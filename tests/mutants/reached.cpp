// Linked into the test programs of tests/mutants/run: says which checks each test makes speak, as a
// line of JSON in the file that TZ_MUTANT_REACHED names.
#include <tz/tests/mutants/mutant.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace {

class Recorder final : public testing::EmptyTestEventListener {
public:
    explicit Recorder(const char* file) : out_(file) {}

    void OnTestStart(const testing::TestInfo&) override {
        for (auto& one : tz_mutants::reached)
            one.store(false, std::memory_order_relaxed);
    }

    void OnTestEnd(const testing::TestInfo& test) override {
        out_ << "{\"test\": \"" << test.test_suite_name() << '.' << test.name()
             << "\", \"passed\": " << (test.result()->Passed() ? "true" : "false")
             << ", \"milliseconds\": " << test.result()->elapsed_time() << ", \"sites\": [";
        const char* separator = "";
        for (int site = 0; site < tz_mutants::sites_max; ++site)
            if (tz_mutants::reached[site].load(std::memory_order_relaxed)) {
                out_ << separator << site;
                separator = ", ";
            }
        out_ << "]}" << std::endl;
    }

private:
    std::ofstream out_;
};

// The variable is read before a test can change the environment.
const bool recording = [] {
    tz_mutants::switched_off();
    if (const char* const file = std::getenv("TZ_MUTANT_REACHED"))
        testing::UnitTest::GetInstance()->listeners().Append(new Recorder(file));
    return true;
}();

} // namespace
