// Part of the stand-in for riegeli that riegeli has not; see ../../../README.md.
//
// riegeli compresses and decompresses as bytes pass. Chunks are in memory as a whole anyway, so the stand-ins gather a
// value and compress it in one call, which is also the faster way.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/types/optional.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/cord_writer.h"
#include "riegeli/bytes/read_all.h"
#include "riegeli/bytes/reader.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

// Gathers all bytes, and gives them to `Compress` when it is closed.
class WholeValueWriter : public CordWriter<absl::Cord> {
 public:
  explicit WholeValueWriter(Writer* compressed)
      : CordWriter(Options().set_max_block_size(std::numeric_limits<size_t>::max())), compressed_(compressed) {}

 protected:
  virtual absl::Status Compress(std::string_view value, Writer& compressed) = 0;

  void Done() override {
    CordWriter::Done();
    if (!ok()) return;
    if (absl::Status status = Compress(dest().Flatten(), *compressed_); !status.ok()) Fail(std::move(status));
  }

 private:
  Writer* compressed_;
};

// Gives all bytes of its source to `Expand` when the first is asked for.
class WholeValueReader : public Reader {
 public:
  explicit WholeValueReader(Reader* compressed) : compressed_(compressed) {}

  bool ToleratesReadingAhead() override { return true; }
  bool SupportsSize() override { return true; }

 protected:
  virtual absl::Status Expand(std::string_view compressed, std::string& value) = 0;

  bool PullSlow(size_t min_length, size_t) override { return !expanded_ && ExpandAll() && available() >= min_length; }
  absl::optional<Position> SizeImpl() override {
    if (!expanded_ && !ExpandAll()) return absl::nullopt;
    return value_.size();
  }

 private:
  bool ExpandAll() {
    std::string_view compressed;
    absl::Status status = ReadAll(*compressed_, compressed);
    if (status.ok()) status = Expand(compressed, value_);
    if (!status.ok()) return Fail(std::move(status));
    expanded_ = true;
    set_buffer(value_.data(), value_.size());
    set_limit_pos(value_.size());
    return true;
  }

  Reader* compressed_;
  std::string value_;
  bool expanded_ = false;
};

}  // namespace riegeli
