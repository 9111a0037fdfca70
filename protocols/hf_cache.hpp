// Models in the cache that Hugging Face's tools keep on this machine. Nothing is ever downloaded.
#pragma once

#include <tz/protocols/surroundings.hpp>

#include <string>
#include <string_view>

namespace tz {

/// The folder, or the file in it, that `address` names: hf://ORG/NAME[@REVISION][/PATH], or
/// hf://NAME for the few models without an organisation. REVISION is a branch, a tag or a commit,
/// percent-encoded where it has a '/'; "main" where it is left out. The cache is where
/// huggingface_hub looks: HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub. Of `around`, its environment and files are used. Throws `tz::Error`:
/// usage for what is no such address, not_found for what is not in the cache, format where the
/// cache is damaged.
std::string find_in_hf_cache(std::string_view address, const Surroundings& around);

} // namespace tz
