// Which tensors of a load are wanted, which part of each, and in which order.
#pragma once

#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tz {

/// The indices `begin` up to, not including, `end` of one dimension of a tensor. A range of the
/// first dimension is contiguous and only its bytes are read; of another dimension the rows are
/// picked out, and what lies between them is read only where rows are close together. Of encrypted
/// tensors the pieces that hold wanted bytes are read.
struct Slice {
    std::string name; ///< as format::key_name() gives it
    std::size_t dimension = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// Names are those of format::key_name(), or as they are shown where no tensor has such a key. In
/// several files, a name means the tensors of that name in all of them.
struct Selection {
    /// These tensors; each must exist.
    std::vector<std::string> names;
    /// And those that have these names or match these patterns (fnmatch(3); `*` matches dots and
    /// slashes too), each at least one. Without names and patterns: all tensors.
    std::vector<std::string> include;
    /// But none that matches any of these.
    std::vector<std::string> exclude;
    /// And only those it agrees to. Called on the thread that called load().
    std::function<bool(const format::Tensor&)> wanted;
    /// Of these tensors only a part; at most one slice a tensor, and each must be wanted.
    std::vector<Slice> slices;
    /// A stored hash covers a whole tensor. Where hashes are asked for: false, a slice is an error
    /// (errc::usage); true, sliced tensors are read whole, checked, and handed out in part.
    /// Verify::automatic checks no hash of a slice unless this is set.
    bool read_whole_for_hashes = false;
    /// Tensors to read and deliver first, in this order; the others follow in file order. Each must
    /// be wanted.
    std::vector<std::string> order;

    /// Whether it takes everything as it comes.
    bool everything() const {
        return names.empty() && include.empty() && exclude.empty() && !wanted && slices.empty() &&
               order.empty();
    }
};

} // namespace tz
