// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "riegeli/bytes/reader.h"
#include "riegeli/bytes/whole_value.h"

namespace riegeli {

class ZstdReaderBase {
 public:
  class Options {};
};

template <typename Src = Reader*>
class ZstdReader : public WholeValueReader, public ZstdReaderBase {
 public:
  using Options = ZstdReaderBase::Options;

  ZstdReader(Reader* src, Options) : WholeValueReader(src) {}

 protected:
  absl::Status Expand(std::string_view compressed, std::string& value) override {
    const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (context == nullptr) return absl::ResourceExhaustedError("zstd: no memory for a context");
    const unsigned long long stated = ZSTD_getFrameContentSize(compressed.data(), compressed.size());
    if (stated == ZSTD_CONTENTSIZE_ERROR) return absl::InvalidArgumentError("Error reading zstd-compressed data");
    // A damaged header may state any size: what is believed of it at first is bounded by what there is to expand.
    constexpr size_t kSmallest = 4096;
    constexpr size_t kBelievable = 1024;
    const size_t believable = std::max(compressed.size() * kBelievable, kSmallest);
    value.resize(stated == ZSTD_CONTENTSIZE_UNKNOWN ? std::max(compressed.size() * 4, kSmallest)
                                                    : std::clamp<unsigned long long>(stated, 1, believable));
    ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
    size_t length = 0;
    size_t code = 1;
    while (code != 0) {
      if (length == value.size()) value.resize(value.size() * 2);
      ZSTD_outBuffer out{value.data(), value.size(), length};
      const size_t before = in.pos;
      code = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(code)) return absl::InvalidArgumentError(ZSTD_getErrorName(code));
      if (code != 0 && out.pos == length && in.pos == before && out.pos < out.size) {
        return absl::InvalidArgumentError("the zstd-compressed data end early");
      }
      length = out.pos;
    }
    if (in.pos != compressed.size()) return absl::InvalidArgumentError("there are data behind the zstd frame");
    value.resize(length);
    return absl::OkStatus();
  }
};

}  // namespace riegeli
