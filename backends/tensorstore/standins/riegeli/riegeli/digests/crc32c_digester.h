// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/crc/crc32c.h"

namespace riegeli {

class Crc32cDigester {
 public:
  using DigestType = uint32_t;

  void Write(std::string_view bytes) { crc_ = absl::ExtendCrc32c(crc_, bytes); }
  uint32_t Digest() const { return static_cast<uint32_t>(crc_); }

 private:
  absl::crc32c_t crc_{0};
};

}  // namespace riegeli
