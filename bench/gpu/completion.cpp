// How a program learns that a copy is done: a host function in the stream, a thread that waits for
// events, or asking.
#include "probe.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace tz::probe {

namespace {

std::uint64_t moved_bytes() {
    return volume(8ull << 30);
}

constexpr std::size_t slots = 16; ///< copies under way at once

/// Numbers, from thread to thread.
class Mailbox {
public:
    void put(std::size_t value) {
        const std::lock_guard lock(mutex_);
        values_.push_back(value);
        filled_.notify_one();
    }

    std::size_t take() {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, [this] { return !values_.empty(); });
        const std::size_t value = values_.front();
        values_.pop_front();
        return value;
    }

private:
    std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<std::size_t> values_;
};

/// One way to learn of it. For one thread; slots are numbers below `slots`.
class Completion {
public:
    virtual ~Completion() = default;
    /// What was enqueued on the stream so far belongs to the slot.
    virtual void enqueued(std::size_t slot, cudaStream_t stream) = 0;
    /// Waits until one of them is done, and returns its slot.
    virtual std::size_t take() = 0;
};

class HostFunction final : public Completion {
public:
    void enqueued(std::size_t slot, cudaStream_t stream) override {
        notes_[slot] = {&done_, slot};
        check(cudaLaunchHostFunc(stream, call, &notes_[slot]), "cudaLaunchHostFunc");
    }

    std::size_t take() override { return done_.take(); }

private:
    struct Note {
        Mailbox* mailbox;
        std::size_t slot;
    };

    static void call(void* data) {
        const auto* note = static_cast<const Note*>(data);
        note->mailbox->put(note->slot);
    }

    Mailbox done_;
    Note notes_[slots];
};

/// An event a slot.
class Events {
public:
    explicit Events(unsigned flags) {
        for (cudaEvent_t& event : events_)
            check(
                cudaEventCreateWithFlags(&event, flags | cudaEventDisableTiming),
                "cudaEventCreate");
    }

    ~Events() {
        for (const cudaEvent_t event : events_)
            cudaEventDestroy(event);
    }

    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;

    void record(std::size_t slot, cudaStream_t stream) const {
        check(cudaEventRecord(events_[slot], stream), "cudaEventRecord");
    }

    cudaEvent_t operator[](std::size_t slot) const { return events_[slot]; }

private:
    cudaEvent_t events_[slots];
};

/// One thread that waits for the events in the order in which they were recorded.
class EventThread final : public Completion {
public:
    explicit EventThread(unsigned flags) : events_(flags), thread_([this] { run(); }) {}

    ~EventThread() override {
        waiting_.put(slots);
        thread_.join();
    }

    EventThread(const EventThread&) = delete;
    EventThread& operator=(const EventThread&) = delete;

    void enqueued(std::size_t slot, cudaStream_t stream) override {
        events_.record(slot, stream);
        waiting_.put(slot);
    }

    std::size_t take() override { return done_.take(); }

private:
    void run() {
        for (std::size_t slot = waiting_.take(); slot < slots; slot = waiting_.take()) {
            cudaEventSynchronize(events_[slot]);
            done_.put(slot);
        }
    }

    Events events_;
    Mailbox waiting_;
    Mailbox done_;
    std::thread thread_;
};

/// Asks again and again, sleeping in between or not.
class Polling final : public Completion {
public:
    explicit Polling(std::chrono::microseconds pause) : events_(0), pause_(pause) {}

    void enqueued(std::size_t slot, cudaStream_t stream) override {
        events_.record(slot, stream);
        waiting_.push_back(slot);
    }

    std::size_t take() override {
        for (;;) {
            for (auto i = waiting_.begin(); i != waiting_.end(); ++i) {
                if (cudaEventQuery(events_[*i]) == cudaErrorNotReady)
                    continue;
                const std::size_t slot = *i;
                waiting_.erase(i);
                return slot;
            }
            if (pause_.count() > 0)
                std::this_thread::sleep_for(pause_);
        }
    }

private:
    Events events_;
    std::chrono::microseconds pause_;
    std::deque<std::size_t> waiting_;
};

/// `slots` buffers of `chunk` bytes, each copied again once its copy is known to be done.
void copy_in_turns(
    Completion& completion,
    const PinnedBlock& from,
    const DeviceBlock& to,
    const Streams& streams,
    std::size_t chunk) {
    const auto copy = [&](std::size_t slot, std::size_t turn) {
        check(
            cudaMemcpyAsync(
                to.data() + slot * chunk,
                from.data() + slot * chunk,
                chunk,
                cudaMemcpyHostToDevice,
                streams[turn]),
            "cudaMemcpyAsync");
        completion.enqueued(slot, streams[turn]);
    };
    const std::size_t copies = moved_bytes() / chunk;
    for (std::size_t i = 0; i < slots; ++i)
        copy(i, i);
    for (std::size_t i = slots; i < copies; ++i)
        copy(completion.take(), i);
    for (std::size_t i = 0; i < slots; ++i)
        completion.take();
}

/// Microseconds from handing over a small copy until it is known to be done, the median.
double latency(Completion& completion, const PinnedBlock& from, const DeviceBlock& to) {
    const Streams streams(1);
    std::vector<double> times;
    for (int i = 0; i < 500; ++i) {
        const Stopwatch watch;
        check(
            cudaMemcpyAsync(to.data(), from.data(), 4096, cudaMemcpyHostToDevice, streams[0]),
            "cudaMemcpyAsync");
        completion.enqueued(0, streams[0]);
        completion.take();
        times.push_back(watch.seconds() * 1e6);
    }
    return median(times);
}

void try_way(
    std::string_view name, Completion& completion, const PinnedBlock& from, const DeviceBlock& to) {
    std::vector<std::string> cells{std::string(name), text(latency(completion, from, to))};
    for (const std::size_t mib : {1, 4, 16}) {
        for (const std::size_t count : {1, 2, 4}) {
            const Streams streams(count);
            const Rate rate = measure(
                3, moved_bytes(), [&] { copy_in_turns(completion, from, to, streams, mib << 20); });
            cells.push_back(fmt::format("{} ({})", text(rate.gb_per_s), text(rate.cpu_s_per_gb)));
        }
    }
    row(cells);
}

} // namespace

void completion() {
    const PinnedBlock from(slots * (16 << 20));
    const DeviceBlock to(from.size());
    table(
        "Learning of completion: 16 buffers in turns, GB/s (CPU s/GB of the process)",
        {"way",
         "µs, one copy of 4 KiB",
         "1 MiB, 1 stream",
         "2",
         "4",
         "4 MiB, 1 stream",
         "2",
         "4",
         "16 MiB, 1 stream",
         "2",
         "4"});
    const auto try_new = [&](std::string_view name, std::unique_ptr<Completion> way) {
        attempt(name, [&] { try_way(name, *way, from, to); });
    };
    try_new("cudaLaunchHostFunc", std::make_unique<HostFunction>());
    try_new("event thread, blocking", std::make_unique<EventThread>(cudaEventBlockingSync));
    try_new("event thread, spinning", std::make_unique<EventThread>(cudaEventDefault));
    try_new("asking, no pause", std::make_unique<Polling>(std::chrono::microseconds(0)));
    try_new("asking, every 20 µs", std::make_unique<Polling>(std::chrono::microseconds(20)));
    try_new("asking, every 100 µs", std::make_unique<Polling>(std::chrono::microseconds(100)));
}

} // namespace tz::probe
