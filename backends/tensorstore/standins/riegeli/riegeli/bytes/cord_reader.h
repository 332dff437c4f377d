// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "riegeli/base/object.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/reader.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

// Reads a cord, made flat, as one buffer.
template <typename Src = const absl::Cord*>
class CordReader : public Reader {
 public:
  explicit CordReader(const absl::Cord* cord) { Init(*cord); }
  explicit CordReader(Closed) : Reader(kClosed) {}

  void Reset(absl::Cord cord) {
    Reopen();
    Init(std::move(cord));
  }

  bool ToleratesReadingAhead() override { return true; }
  bool SupportsSize() override { return true; }
  bool SupportsRewind() override { return true; }

  bool ReadRest(std::string_view& dest) override {
    dest = {cursor(), available()};
    set_cursor(limit());
    return true;
  }
  bool ReadRest(absl::Cord& dest) override {
    dest = cord_.Subcord(pos(), available());
    set_cursor(limit());
    return true;
  }

 protected:
  bool PullSlow(size_t, size_t) override { return false; }
  // Everything is in the buffer: what is not there is past the end.
  bool SeekSlow(Position) override { return false; }
  absl::optional<Position> SizeImpl() override { return cord_.size(); }
  bool CopySlow(Position length, Writer& dest) override {
    const Position piece = std::min<Position>(length, available());
    if (!dest.Write(cord_.Subcord(pos(), piece))) return false;
    move_cursor(piece);
    return piece == length;
  }

 private:
  void Init(absl::Cord cord) {
    cord_ = std::move(cord);
    const absl::string_view flat = cord_.Flatten();
    set_buffer(flat.data(), flat.size());
    set_limit_pos(flat.size());
  }

  absl::Cord cord_;
};

CordReader(absl::Cord*) -> CordReader<const absl::Cord*>;

}  // namespace riegeli
