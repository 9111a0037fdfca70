#include <tz/tests/support/http_fault.hpp>

#include <algorithm>
#include <iterator>

namespace tz::test {

namespace {

// In the order of FaultKind.
constexpr std::string_view names[] = {
    "close_after",
    "reset_after",
    "truncate_after",
    "stall_after",
    "drip",
    "drip_head",
    "cut_head",
    "short_body",
    "long_body",
    "flip",
    "single_bytes",
    "ignore_range",
    "ok_with_content_range",
    "wrong_start",
    "wrong_end",
    "wrong_total",
    "unknown_total",
    "no_content_range",
    "other_range",
    "shorter_range",
    "longer_range",
    "multipart",
    "not_satisfiable",
    "not_satisfiable_bare",
    "no_accept_ranges",
    "replace",
    "replace_inside",
    "resize",
    "remove",
    "ignore_if_match",
    "weak_etag",
    "no_etag",
    "new_etag",
    "no_last_modified",
    "status",
    "s3_error",
    "ok_with_error",
    "expired_url",
    "region_redirect",
    "redirect",
    "skewed_date",
    "chunked",
    "chunked_trailers",
    "bad_chunk_size",
    "chunked_cut",
    "http10_close",
    "length_and_chunked",
    "two_lengths",
    "huge_length",
    "huge_header",
    "many_headers",
    "endless_head",
    "nul_in_head",
    "folded_header",
    "continue_first",
    "early_hints",
    "informational_flood",
    "http09",
    "gzip",
    "close_at_next",
    "close_unannounced",
    "connection_close",
    "no_answer",
    "close_unanswered",
    "reset_unanswered",
    "renegotiate",
    "reset_in_request",
    "stall_in_request",
    "mute",
    "drop",
    "drop_reset",
    "plain_text",
    "tls_alert",
    "tls_stall",
    "tls_cut_hello",
};
static_assert(std::size(names) == fault_kinds);

std::string span_of(std::uint64_t first, std::uint64_t last) {
    if (first == last)
        return std::to_string(first);
    return std::to_string(first) + "-" + (last == UINT64_MAX ? "" : std::to_string(last));
}

} // namespace

std::string_view name(FaultKind kind) {
    return names[static_cast<std::size_t>(kind)];
}

std::string to_string(const Fault& fault) {
    std::string text(name(fault.kind));
    if (fault.at != 0)
        text += " at=" + std::to_string(fault.at);
    if (fault.amount != 0)
        text += " amount=" + std::to_string(fault.amount);
    if (fault.time.count() != 0)
        text += " time=" + std::to_string(fault.time.count()) + "ms";
    if (!fault.text.empty())
        text += " text='" + fault.text + "'";
    if (!fault.retry_after.empty())
        text += " retry_after='" + fault.retry_after + "'";
    return text;
}

std::string to_string(const Rule& rule) {
    std::string text;
    for (const std::string* part : {&rule.method, &rule.path, &rule.contains})
        if (!part->empty())
            text += *part + " ";
    text += span_of(rule.first, rule.last) + ":";
    for (std::size_t i = 0; i < rule.faults.size(); ++i)
        text += (i == 0 ? " " : ", ") + to_string(rule.faults[i]);
    return text;
}

std::string to_string(const ConnectionRule& rule) {
    return "connection " + span_of(rule.first, rule.last) + ": " + to_string(rule.fault);
}

const Fault* find(const std::vector<Fault>& faults, FaultKind kind) {
    const auto found = std::ranges::find(faults, kind, &Fault::kind);
    return found == faults.end() ? nullptr : &*found;
}

} // namespace tz::test
