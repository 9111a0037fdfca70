#include <tz/engine/handler_memory.hpp>
#include <tz/engine/ring.hpp>
#include <tz/format/error.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/bad_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <liburing.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <fcntl.h>
#include <memory>
#include <new>
#include <unistd.h>
#include <utility>
#include <vector>

namespace tz {

namespace {

[[noreturn]] void fail(int error, const char* what) {
    throw boost::system::system_error(error, boost::system::system_category(), what);
}

std::string refusal(int error) {
    switch (error) {
    case EPERM:
        return "the kernel refuses io_uring (seccomp profile, or kernel.io_uring_disabled)";
    case ENOSYS:
        return "the kernel has no io_uring, or a seccomp profile hides it";
    case ENOMEM:
        return "no memory for an io_uring (RLIMIT_MEMLOCK may be too small)";
    default:
        return "io_uring_queue_init: " + system_message(error);
    }
}

// Two seconds of a kernel that takes nothing, a millisecond each.
constexpr int retries_max = 2000;

// Setting a ring up can be allowed where entering it is not.
int enter_once(io_uring& ring) {
    io_uring_sqe* sqe = ::io_uring_get_sqe(&ring);
    ::io_uring_prep_nop(sqe);
    const int rc = ::io_uring_submit_and_wait(&ring, 1);
    if (rc < 0)
        return -rc;
    io_uring_cqe* cqe = nullptr;
    if (::io_uring_peek_cqe(&ring, &cqe) == 0)
        ::io_uring_cqe_seen(&ring, cqe);
    return 0;
}

struct Opcode {
    int code;
    const char* name;
};

constexpr std::array<Opcode, 5> needed_opcodes{{
    {IORING_OP_READ, "read"},
    {IORING_OP_READV, "readv"},
    {IORING_OP_READ_FIXED, "read_fixed"},
    {IORING_OP_WRITE, "write"},
    {IORING_OP_ASYNC_CANCEL, "async_cancel"},
}};

} // namespace

RingFacts ring_facts() {
    RingFacts facts;
    io_uring ring{};
    if (const int rc = ::io_uring_queue_init(8, &ring, 0); rc < 0) {
        facts.reason = refusal(-rc);
        return facts;
    }
    const std::unique_ptr<io_uring, void (*)(io_uring*)> exit(&ring, ::io_uring_queue_exit);
    // NODROP: a full completion queue loses nothing. SUBMIT_STABLE: iovecs may go after submission.
    if (ring.features & IORING_FEAT_NODROP)
        facts.features.emplace_back("nodrop");
    if (ring.features & IORING_FEAT_SUBMIT_STABLE)
        facts.features.emplace_back("submit_stable");
    if (facts.features.size() != 2)
        facts.reason = "this kernel's io_uring is too old (before 5.6)";
    const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> probe(
        ::io_uring_get_probe_ring(&ring), ::io_uring_free_probe);
    if (probe == nullptr)
        facts.reason = "the kernel does not tell what its io_uring can do (seccomp profile)";
    for (const auto& opcode : needed_opcodes) {
        if (probe != nullptr && ::io_uring_opcode_supported(probe.get(), opcode.code))
            facts.features.emplace_back(opcode.name);
        else if (probe != nullptr)
            facts.reason = std::string("io_uring lacks the operation ") + opcode.name;
    }
    if (const int error = enter_once(ring); error != 0)
        facts.reason = refusal(error);
    if (::io_uring_register_buffers_sparse(&ring, 1) == 0)
        facts.features.emplace_back("sparse_buffers");
    facts.usable = facts.reason.empty();
    return facts;
}

/// One read or write between its start and its completion. The kernel knows it by its address.
struct Ring::Operation {
    Operation(Handler h, const asio::io_context::executor_type& executor)
        : handler(std::move(h)),
          work(executor) {}

    Handler handler;
    asio::executor_work_guard<asio::io_context::executor_type> work;
};

struct Ring::State {
    State(asio::io_context& context, unsigned entries)
        : executor(context.get_executor()),
          ready(context),
          retry(context) {
        unsubmitted.reserve(entries); // so that what the kernel will be given is always noted
        if (const int rc = ::io_uring_queue_init(entries, &ring, 0); rc < 0)
            fail(-rc, "io_uring_queue_init");
        ::io_uring_ring_dontfork(&ring); // a child must not reap our completions
        const int descriptor = ::fcntl(ring.ring_fd, F_DUPFD_CLOEXEC, 0);
        if (descriptor < 0) {
            const int error = errno;
            ::io_uring_queue_exit(&ring);
            fail(error, "dup of an io_uring");
        }
        try {
            ready.assign(descriptor);
        } catch (...) {
            ::close(descriptor);
            ::io_uring_queue_exit(&ring);
            throw;
        }
    }

    ~State() {
        assert(in_flight == 0 && "buffers of a read in flight belong to the kernel");
        ::io_uring_queue_exit(&ring);
    }

    // An operation that can't be queued or submitted ends with the error, like any failed read.
    io_uring_sqe* next_sqe() {
        io_uring_sqe* sqe = ::io_uring_get_sqe(&ring);
        if (sqe == nullptr) { // more operations than entries in one turn of the loop
            submit();
            sqe = ::io_uring_get_sqe(&ring);
        }
        return sqe;
    }

    // What all operations of one turn of the loop queue up goes to the kernel in one call.
    void queued(Operation* operation) {
        unsubmitted.push_back(operation);
        ++in_flight;
        if (flushing)
            return;
        flush_soon();
    }

    void flush_soon() {
        asio::post(executor, flush_memory.bind([this] { flush(); }));
        flushing = true;
    }

    void flush() {
        flushing = false;
        submit();
        wait();
    }

    void submit() {
        while (!unsubmitted.empty() && broken == 0) {
            const int rc = ::io_uring_submit(&ring);
            if (rc > 0) {
                const auto count = std::min(static_cast<std::size_t>(rc), unsubmitted.size());
                unsubmitted.erase(
                    unsubmitted.begin(), unsubmitted.begin() + static_cast<std::ptrdiff_t>(count));
                retries = 0;
                continue;
            }
            const bool passing = rc == -EINTR || rc == -EAGAIN || rc == -EBUSY || rc == 0;
            if (!passing || ++retries > retries_max)
                return break_off(rc == 0 ? EBUSY : -rc);
            return submit_later();
        }
    }

    // The kernel is short of memory or has completions to hand over first.
    void submit_later() {
        if (flushing)
            return;
        try {
            retry.expires_after(std::chrono::milliseconds(1));
            retry.async_wait(flush_memory.bind([this](error_code) { flush(); }));
            flushing = true;
        } catch (const std::bad_alloc&) { // the list of timers had to grow
            flush_soon();
        }
    }

    // The kernel takes nothing more. What never reached it ends with the error; its entries stay in
    // the queue with addresses that mean nothing any more, so nothing is ever submitted again. What
    // the kernel has ends when the kernel says so.
    void break_off(int error) {
        broken = error;
        in_flight -= unsubmitted.size();
        if (in_flight == 0) // no completion will end the wait, which would keep the context running
            ready.cancel();
        const auto operations = std::exchange(unsubmitted, {});
        for (Operation* operation : operations)
            if (operation != nullptr)
                finish_alone(operation, -error);
    }

    // Re-arming checks readiness again, so no completion is missed though Asio watches edges.
    void wait() {
        if (waiting || in_flight == 0)
            return;
        auto reap_all = [this](error_code ec) {
            waiting = false;
            if (ec)
                return;
            reap();
            wait();
        };
        ready.async_wait(
            asio::posix::descriptor_base::wait_read, wait_memory.bind(std::move(reap_all)));
        waiting = true;
    }

    void reap() {
        constexpr unsigned batch = 64;
        std::array<io_uring_cqe*, batch> entries{};

        struct Done {
            Operation* operation;
            int result;
        };

        std::array<Done, batch> done{};
        while (const unsigned count = ::io_uring_peek_batch_cqe(&ring, entries.data(), batch)) {
            for (unsigned i = 0; i < count; ++i)
                done[i] = {
                    static_cast<Operation*>(::io_uring_cqe_get_data(entries[i])), entries[i]->res};
            ::io_uring_cq_advance(&ring, count);
            in_flight -= count;
            for (unsigned i = 0; i < count; ++i)
                if (done[i].operation != nullptr)
                    finish_alone(done[i].operation, done[i].result);
        }
    }

    /// A coroutine that there is no memory for is given up, as in Loop; the next completions are
    /// not.
    static void finish_alone(Operation* operation, int result) {
        try {
            finish(operation, result);
        } catch (const std::bad_alloc&) {
            return;
        } catch (const asio::execution::bad_executor&) { // the same: a copy that came out empty
            return;
        }
    }

    static void finish(Operation* operation, int result) {
        const std::unique_ptr<Operation> owned(operation);
        auto slot = asio::get_associated_cancellation_slot(owned->handler);
        if (slot.is_connected())
            slot.clear();
        auto work = std::move(owned->work);
        auto handler = std::move(owned->handler);
        error_code ec;
        if (result == -ECANCELED)
            ec = asio::error::operation_aborted;
        else if (result < 0)
            ec = error_code(-result, boost::system::system_category());
        const std::size_t bytes = result < 0 ? 0 : static_cast<std::size_t>(result);
        auto executor = asio::get_associated_executor(handler, work.get_executor());
        auto resume = [handler = std::move(handler), ec, bytes]() mutable {
            std::move(handler)(ec, bytes);
        };
        asio::dispatch(executor, std::move(resume));
    }

    // A request: the read completes when the kernel says so, most often with its data.
    void cancel(Operation* operation) {
        io_uring_sqe* sqe = broken == 0 ? next_sqe() : nullptr;
        if (sqe == nullptr)
            return;
        ::io_uring_prep_cancel(sqe, operation, 0);
        ::io_uring_sqe_set_data(sqe, nullptr);
        queued(nullptr);
    }

    void start(Handler handler, auto prepare) {
        // what may fail comes first: an entry that was taken is submitted, whatever stands in it
        auto operation = std::make_unique<Operation>(std::move(handler), executor);
        auto slot = asio::get_associated_cancellation_slot(operation->handler);
        if (slot.is_connected())
            slot.assign([this, op = operation.get()](asio::cancellation_type) { cancel(op); });
        io_uring_sqe* sqe = broken == 0 ? next_sqe() : nullptr;
        if (sqe == nullptr) {
            const int error = broken == 0 ? EBUSY : broken;
            return asio::post(executor, [op = std::move(operation), error]() mutable {
                finish(op.release(), -error);
            });
        }
        prepare(sqe);
        ::io_uring_sqe_set_data(sqe, operation.get());
        queued(operation.release());
    }

    asio::io_context::executor_type executor;
    // a dup of the ring's descriptor; of this executor, since waits of any_io_executor are large
    asio::posix::basic_stream_descriptor<asio::io_context::executor_type> ready;
    asio::steady_timer retry;
    io_uring ring{};
    std::size_t in_flight = 0;
    std::vector<Operation*> unsubmitted; // in the order of their entries; null: a cancellation
    int retries = 0;
    int broken = 0;             // the error after which nothing is submitted any more
    HandlerMemory flush_memory; // without it, what is queued or in flight would be waited for
    HandlerMemory wait_memory;  // for ever
    bool flushing = false;
    bool waiting = false;
    bool sparse = false; // buffers can be registered one by one
};

Ring::Ring(asio::io_context& context, unsigned entries, unsigned buffers)
    : state_(std::make_unique<State>(context, entries)) {
    state_->sparse = buffers > 0 && ::io_uring_register_buffers_sparse(&state_->ring, buffers) == 0;
}

Ring::~Ring() = default;

bool Ring::register_buffer(unsigned index, std::span<std::byte> memory) {
    if (!state_->sparse)
        return false;
    const iovec entry{memory.data(), memory.size()};
    const __u64 tag = 0;
    return ::io_uring_register_buffers_update_tag(&state_->ring, index, &entry, &tag, 1) == 1;
}

void Ring::start_read(
    Handler handler, int fd, std::span<std::byte> to, std::uint64_t offset, int index) {
    const auto size = static_cast<unsigned>(to.size());
    state_->start(std::move(handler), [=](io_uring_sqe* sqe) {
        if (index >= 0)
            ::io_uring_prep_read_fixed(sqe, fd, to.data(), size, offset, index);
        else
            ::io_uring_prep_read(sqe, fd, to.data(), size, offset);
    });
}

void Ring::start_readv(Handler handler, int fd, std::span<const iovec> to, std::uint64_t offset) {
    state_->start(std::move(handler), [=](io_uring_sqe* sqe) {
        ::io_uring_prep_readv(sqe, fd, to.data(), static_cast<unsigned>(to.size()), offset);
    });
}

void Ring::start_write(
    Handler handler, int fd, std::span<const std::byte> from, std::uint64_t offset) {
    const auto size = static_cast<unsigned>(from.size());
    state_->start(std::move(handler), [=](io_uring_sqe* sqe) {
        ::io_uring_prep_write(sqe, fd, from.data(), size, offset);
    });
}

} // namespace tz
