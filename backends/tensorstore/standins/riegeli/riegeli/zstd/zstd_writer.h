// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/whole_value.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

class ZstdWriterBase {
 public:
  class Options {
   public:
    static constexpr int kMinCompressionLevel = -(1 << 17);
    static constexpr int kMaxCompressionLevel = 22;
    static constexpr int kDefaultCompressionLevel = 3;

    Options& set_compression_level(int level) {
      level_ = level;
      return *this;
    }
    Options& set_store_checksum(bool store) {
      checksum_ = store;
      return *this;
    }
    // The whole value is compressed at once, so that its size is known and stored anyway.
    Options& set_pledged_size(std::optional<Position>) { return *this; }
    int compression_level() const { return level_; }
    bool store_checksum() const { return checksum_; }

   private:
    int level_ = kDefaultCompressionLevel;
    bool checksum_ = false;
  };
};

template <typename Dest = Writer*>
class ZstdWriter : public WholeValueWriter, public ZstdWriterBase {
 public:
  using Options = ZstdWriterBase::Options;

  ZstdWriter(Writer* dest, Options options) : WholeValueWriter(dest), options_(options) {}

 protected:
  absl::Status Compress(std::string_view value, Writer& compressed) override {
    const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    if (context == nullptr) return absl::ResourceExhaustedError("zstd: no memory for a context");
    for (const auto& [parameter, setting] :
         {std::pair{ZSTD_c_compressionLevel, options_.compression_level()},
          std::pair{ZSTD_c_checksumFlag, static_cast<int>(options_.store_checksum())}}) {
      const size_t code = ZSTD_CCtx_setParameter(context.get(), parameter, setting);
      if (ZSTD_isError(code)) return absl::InternalError(ZSTD_getErrorName(code));
    }
    const size_t bound = ZSTD_compressBound(value.size());
    if (!compressed.Push(bound)) return compressed.status();
    const size_t length = ZSTD_compress2(context.get(), compressed.cursor(), bound, value.data(), value.size());
    if (ZSTD_isError(length)) return absl::InternalError(ZSTD_getErrorName(length));
    compressed.move_cursor(length);
    return absl::OkStatus();
  }

 private:
  Options options_;
};

}  // namespace riegeli
