// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "riegeli/bytes/whole_value.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

class ZlibWriterBase {
 public:
  enum class Header { kZlib, kGzip, kRaw };

  class Options {
   public:
    static constexpr int kMinCompressionLevel = Z_NO_COMPRESSION;
    static constexpr int kMaxCompressionLevel = Z_BEST_COMPRESSION;
    static constexpr int kDefaultCompressionLevel = 6;

    Options& set_compression_level(int level) {
      level_ = level;
      return *this;
    }
    Options& set_header(Header header) {
      header_ = header;
      return *this;
    }
    int compression_level() const { return level_; }
    // zlib's way of saying which header it shall write (zlib.h, deflateInit2).
    int window_bits() const {
      switch (header_) {
        case Header::kGzip:
          return MAX_WBITS + 16;
        case Header::kRaw:
          return -MAX_WBITS;
        default:
          return MAX_WBITS;
      }
    }

   private:
    int level_ = kDefaultCompressionLevel;
    Header header_ = Header::kZlib;
  };
};

template <typename Dest = Writer*>
class ZlibWriter : public WholeValueWriter, public ZlibWriterBase {
 public:
  using Options = ZlibWriterBase::Options;
  using Header = ZlibWriterBase::Header;

  ZlibWriter(Writer* dest, Options options) : WholeValueWriter(dest), options_(options) {}

 protected:
  absl::Status Compress(std::string_view value, Writer& compressed) override {
    z_stream stream{};
    constexpr int kDefaultMemory = 8;
    if (deflateInit2(&stream, options_.compression_level(), Z_DEFLATED, options_.window_bits(), kDefaultMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      return absl::InternalError("zlib: deflateInit2 failed");
    }
    // zlib counts in 32 bits, a value may be longer.
    constexpr size_t kPiece = size_t{1} << 30;
    std::string out(deflateBound(&stream, value.size()), '\0');
    size_t fed = 0;
    size_t room = out.size();
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    int code;
    do {
      if (stream.avail_in == 0) {
        const size_t piece = std::min(value.size() - fed, kPiece);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(value.data())) + fed;
        stream.avail_in = static_cast<uInt>(piece);
        fed += piece;
      }
      if (stream.avail_out == 0) {
        const size_t piece = std::min(room, kPiece);
        stream.avail_out = static_cast<uInt>(piece);
        room -= piece;
      }
      code = deflate(&stream, fed == value.size() ? Z_FINISH : Z_NO_FLUSH);
    } while (code == Z_OK);
    const size_t length = stream.total_out;
    deflateEnd(&stream);
    if (code != Z_STREAM_END) return absl::InternalError("zlib: deflate failed");
    return compressed.Write(std::string_view(out.data(), length)) ? absl::OkStatus() : compressed.status();
  }

 private:
  Options options_;
};

}  // namespace riegeli
