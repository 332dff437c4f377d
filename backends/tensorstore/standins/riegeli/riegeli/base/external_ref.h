// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/cord.h"

namespace riegeli {

// Bytes that belong to somebody else, with what keeps them alive.
class ExternalRef {
 public:
  template <typename Owner>
  ExternalRef(Owner&& owner, std::string_view bytes) : owner_(std::forward<Owner>(owner)), bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }

  // A cord that shares the bytes; few bytes are copied, which is cheaper than sharing them.
  absl::Cord ToCord() const {
    if (bytes_.size() < kWorthSharing) return absl::Cord(bytes_);
    return absl::MakeCordFromExternal(bytes_, [owner = owner_](absl::string_view) {});
  }

  static constexpr size_t kWorthSharing = 256;

 private:
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
};

}  // namespace riegeli
