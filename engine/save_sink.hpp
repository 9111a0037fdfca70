// Tensors of a load, written as new files while they come: hashed, sealed and put to their targets
// by the lanes.
#pragma once

#include <tz/engine/hash_queue.hpp>
#include <tz/engine/make_target.hpp>
#include <tz/engine/save_manifest.hpp>
#include <tz/engine/save_plan.hpp>
#include <tz/engine/save_settings.hpp>
#include <tz/engine/sink.hpp>
#include <tz/engine/target.hpp>
#include <tz/engine/tensor_save.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz {

/// A tensor's header goes out when its last part is through, so what is kept in memory are the
/// lanes' parts and 16 bytes for each sealed piece. A file's manifest goes out with the last of its
/// headers; until then 32 bytes for each tensor are kept, and of targets that take whole parts only
/// the one in which it stands.
class SaveSink final : public Sink {
public:
    struct Setup {
        /// Says where the items go; as plan_save().
        std::function<SavePlan(std::span<const Item> items, std::uint64_t cut_bytes)> plan;
        SaveSettings settings; ///< of tensors that have headers; the plan says their pieces
        /// Several tensors at once where SHA-256 is wanted, which are hashed side by side.
        bool side_by_side = true;
        MakeTarget make_target; ///< called once for each file, on a loop
    };

    explicit SaveSink(Setup setup);
    ~SaveSink() override;

    /// What was written, once the load has returned.
    const SavePlan& plan() const { return plan_; }

    /// One for each file, likewise; none where none were asked for.
    std::vector<format::Manifest> manifests() const;

    bool in_order() const override;
    void begin(std::span<const Item> items, std::uint64_t cut_bytes) override;
    awaitable<void> open(Loop& loop) override;
    void take_header(std::uint32_t item, const format::TensorHeader& header) override;
    awaitable<void> put(Loop& loop, std::span<const Part> parts) override;
    awaitable<void> complete(Loop& loop, std::span<const std::uint32_t> items) override;
    awaitable<void> close(Loop& loop) override;
    awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point until) override;

private:
    struct Piece;
    struct Write;
    class Writes;

    TensorSave& save_of(std::uint32_t item) { return saves_[item]; }

    awaitable<void> write_head(Loop& loop, std::size_t file);
    void add_header(Writes& writes, std::uint32_t item);
    std::vector<Piece> pieces_of(std::span<const Part> parts, std::vector<std::byte>& grown);
    awaitable<void> bring(Loop& loop, std::vector<Piece>& pieces);
    awaitable<void> hash(Loop& loop, std::vector<Piece>& pieces);
    awaitable<void> write_pieces(Loop& loop, std::vector<Piece>& pieces);
    awaitable<void> write(Loop& loop, const Writes& writes);
    awaitable<void> put_zeros(Loop& loop, std::uint32_t item);

    const Setup setup_;
    std::span<const Item> items_;
    std::uint64_t cut_bytes_ = 0;
    SavePlan plan_;
    std::vector<TensorSave> saves_;                        ///< by item
    std::vector<std::unique_ptr<SaveManifest>> manifests_; ///< by file, if they have any
    std::vector<std::shared_ptr<Target>> targets_;
    HashQueue hashes_;
};

} // namespace tz
