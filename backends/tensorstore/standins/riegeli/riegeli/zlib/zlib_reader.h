// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "riegeli/bytes/reader.h"
#include "riegeli/bytes/whole_value.h"

namespace riegeli {

class ZlibReaderBase {
 public:
  enum class Header { kZlib, kGzip, kRaw, kZlibOrGzip };

  class Options {
   public:
    Options& set_header(Header header) {
      header_ = header;
      return *this;
    }
    // zlib's way of saying which header it shall expect (zlib.h, inflateInit2).
    int window_bits() const {
      switch (header_) {
        case Header::kZlib:
          return MAX_WBITS;
        case Header::kGzip:
          return MAX_WBITS + 16;
        case Header::kRaw:
          return -MAX_WBITS;
        default:
          return MAX_WBITS + 32;
      }
    }

   private:
    Header header_ = Header::kZlibOrGzip;
  };
};

template <typename Src = Reader*>
class ZlibReader : public WholeValueReader, public ZlibReaderBase {
 public:
  using Options = ZlibReaderBase::Options;
  using Header = ZlibReaderBase::Header;

  ZlibReader(Reader* src, Options options) : WholeValueReader(src), options_(options) {}

 protected:
  absl::Status Expand(std::string_view compressed, std::string& value) override {
    z_stream stream{};
    if (inflateInit2(&stream, options_.window_bits()) != Z_OK) return absl::InternalError("zlib: inflateInit2 failed");
    constexpr size_t kPiece = size_t{1} << 30;
    constexpr size_t kSmallest = 4096;
    constexpr size_t kUsualRatio = 4;
    value.resize(std::max(compressed.size() * kUsualRatio, kSmallest));
    size_t fed = 0;
    size_t length = 0;
    int code = Z_OK;
    while (code == Z_OK) {
      if (stream.avail_in == 0) {
        const size_t piece = std::min(compressed.size() - fed, kPiece);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data())) + fed;
        stream.avail_in = static_cast<uInt>(piece);
        fed += piece;
      }
      if (length == value.size()) value.resize(value.size() * 2);
      const size_t room = std::min(value.size() - length, kPiece);
      stream.next_out = reinterpret_cast<Bytef*>(value.data()) + length;
      stream.avail_out = static_cast<uInt>(room);
      code = inflate(&stream, Z_NO_FLUSH);
      length += room - stream.avail_out;
    }
    const bool whole = code == Z_STREAM_END && fed == compressed.size() && stream.avail_in == 0;
    inflateEnd(&stream);
    value.resize(length);
    return whole ? absl::OkStatus() : absl::InvalidArgumentError("Error reading zlib-compressed data");
  }

 private:
  Options options_;
};

}  // namespace riegeli
