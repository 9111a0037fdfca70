// Threads and memory near devices, on machines that are folders.
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/near.hpp>
#include <tz/cuda/nodes.hpp>
#include <tz/cuda/pinned_memory.hpp>
#include <tz/engine/memory.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/files.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <fstream>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace tz::cuda {
namespace {

TEST(Nodes, ReadsListsAsSysfsWritesThem) {
    struct Row {
        const char* list;
        Cpus cpus;
    };

    for (const Row& row : std::vector<Row>{
             {"0", {0}},
             {"0-3,8", {0, 1, 2, 3, 8}},
             {"8,0-1", {0, 1, 8}},
             {"", {}},
             {"-1", {}},
             {"3-", {}},
             {"0-x", {}},
             {"99999999999", {}},
             {"0-4294967295", {}}})
        EXPECT_EQ(parse_cpus(row.list), row.cpus) << row.list;
}

TEST(Nodes, DecideWhereMemoryIsBest) {
    using Nodes = std::vector<std::optional<unsigned>>;

    struct Row {
        const char* name;
        Nodes of_devices;
        std::size_t nodes;
        std::optional<unsigned> best;
    };

    for (const Row& row : std::vector<Row>{
             {"one node", {0}, 1, {}},
             {"two, one device", {1}, 2, 1},
             {"two devices on one", {1, 1}, 2, 1},
             {"two devices apart", {0, 1}, 2, {}},
             {"a node that isn't known", {std::nullopt}, 2, {}},
             {"one of two isn't known", {1, std::nullopt}, 2, {}},
             {"no device", {}, 2, {}}})
        EXPECT_EQ(memory_node(row.of_devices, row.nodes), row.best) << row.name;
}

TEST(Nodes, DecideWhereThreadsStay) {
    struct Row {
        const char* name;
        Cpus allowed;
        Cpus near;
        Cpus stay;
    };

    for (const Row& row : std::vector<Row>{
             {"half are near", {0, 1, 2, 3}, {2, 3}, {2, 3}},
             {"all are near", {0, 1}, {0, 1, 2}, {}},
             {"too few are near", {0, 1, 2, 3}, {3, 9}, {}},
             {"not known", {0, 1, 2, 3}, {}, {}}})
        EXPECT_EQ(near_cpus(row.allowed, row.near, 2), row.stay) << row.name;
}

class Near : public testing::Test {
protected:
    /// The fake runtime's devices are 0000:A1:00.0, 0000:A2:00.0, ...
    void write(const std::string& path, const std::string& text) {
        const std::filesystem::path file = options_.sysfs / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text << "\n";
    }

    void two_nodes(const std::string& cpus, const std::string& node_of_first = "1") {
        write("devices/system/node/has_memory", "0-1");
        write("devices/system/node/node1/cpulist", cpus);
        write("devices/system/node/node0/cpulist", "900-901");
        write("bus/pci/devices/0000:a1:00.0/numa_node", node_of_first);
        write("bus/pci/devices/0000:a2:00.0/numa_node", "0");
    }

    static Cpus here() {
        cpu_set_t set;
        EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
        Cpus cpus;
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &set))
                cpus.push_back(cpu);
        return cpus;
    }

    test::FakeCudart cuda_;
    test::TempFolder folder_;
    NearOptions options_{folder_ / "sys", 1};
    const std::vector<int> first_{0};
};

TEST_F(Near, KeepsThreadsOnTheNodeOfTheDevice) {
    const Cpus before = here();
    if (before.size() < 2)
        GTEST_SKIP() << "one CPU is near everything";
    two_nodes(std::to_string(before.back()));
    {
        const StayNear near(first_, options_);
        EXPECT_EQ(near.cpus(), Cpus{before.back()});
        EXPECT_EQ(here(), Cpus{before.back()});
        std::thread([&] { EXPECT_EQ(here(), Cpus{before.back()}); }).join();
    }
    EXPECT_EQ(here(), before);
}

TEST_F(Near, ChangesNothingWhereNothingIsKnownOrFar) {
    const Cpus before = here();
    const auto expect_unchanged = [&](const char* what) {
        const StayNear near(first_, options_);
        EXPECT_TRUE(near.cpus().empty()) << what;
        EXPECT_EQ(here(), before) << what;
    };
    expect_unchanged("no sysfs");
    two_nodes("0-1023");
    expect_unchanged("all CPUs are near");
    two_nodes("0", "-1");
    expect_unchanged("a device that hangs nowhere");
    two_nodes("0");
    write("devices/system/node/has_memory", "0");
    expect_unchanged("one node");
    two_nodes("0");
    options_.cpus_min = 2;
    expect_unchanged("too few");
}

TEST_F(Near, SaysNothingOfDriversThatAreMissing) {
    two_nodes("0");
    cuda_.set_driver(0, 0);
    const StayNear near(first_, options_);
    EXPECT_TRUE(near.cpus().empty());
    EXPECT_EQ(memory_node_of(first_, options_), std::nullopt);
    EXPECT_EQ(test::FakeCudart::last_error(), cudaSuccess);
}

TEST_F(Near, LeavesTheProgramsOwnErrorsWhereTheyAre) {
    two_nodes("0");
    test::FakeCudart::leave_error(cudaErrorInvalidValue);
    EXPECT_EQ(memory_node_of(first_, options_), std::nullopt);
    EXPECT_EQ(test::FakeCudart::last_error(), cudaErrorInvalidValue);
}

TEST_F(Near, FindsTheNodeOfSeveralDevices) {
    cuda_.set_driver(2);
    two_nodes("0");
    EXPECT_EQ(memory_node_of(first_, options_), 1u);
    EXPECT_EQ(memory_node_of(std::vector<int>{1}, options_), 0u);
    EXPECT_EQ(memory_node_of(std::vector<int>{0, 1}, options_), std::nullopt);
}

/// How the pages of some memory were placed.
struct Policy {
    int mode = -1;
    unsigned long nodes = 0; ///< a bit each
};

Policy policy_of(std::span<std::byte> memory) {
    Policy policy;
    unsigned long nodes[16] = {};
    EXPECT_EQ(
        ::syscall(SYS_get_mempolicy, &policy.mode, nodes, 1024, memory.data(), MPOL_F_ADDR), 0);
    policy.nodes = nodes[0];
    return policy;
}

TEST(NearMemory, IsBoundToItsNode) {
    const HostMemory memory(4 << 20);
    if (!bind_to_node(memory.bytes(), 0))
        GTEST_SKIP() << "this system has no policies of memory";
    HostMemory::touch(memory.bytes());
    EXPECT_EQ(policy_of(memory.bytes()).mode, MPOL_PREFERRED);
    EXPECT_EQ(policy_of(memory.bytes()).nodes, 1u);
    EXPECT_FALSE(bind_to_node(memory.bytes(), 1023)) << "there is none of this number";
    EXPECT_FALSE(bind_to_node(memory.bytes(), 4096));
}

TEST(NearMemory, IsWherePinnedMemoryIsAskedToStay) {
    const test::FakeCudart cuda;
    const HostMemory probe(2 << 20);
    if (!bind_to_node(probe.bytes(), 0))
        GTEST_SKIP() << "this system has no policies of memory";
    const HostMemory anywhere(2 << 20);
    const HostMemory near(2 << 20);
    const HostMemory nowhere(2 << 20);
    PinnedMemory pinned;
    EXPECT_TRUE(pinned.pin(anywhere.bytes()));
    EXPECT_EQ(policy_of(anywhere.bytes()).mode, MPOL_DEFAULT);
    pinned.stay_on(0);
    EXPECT_TRUE(pinned.pin(near.bytes()));
    EXPECT_EQ(policy_of(near.bytes()).mode, MPOL_PREFERRED);
    pinned.stay_on(1023);
    EXPECT_TRUE(pinned.pin(nowhere.bytes())) << "far is better than not at all";
}

} // namespace
} // namespace tz::cuda
