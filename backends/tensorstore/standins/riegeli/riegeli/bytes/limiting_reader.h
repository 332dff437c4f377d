// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "riegeli/base/object.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/reader.h"

namespace riegeli {

class LimitingReaderBase : public Reader {
 public:
  class Options {
   public:
    // The source must have these many bytes, and no more are read.
    Options& set_exact_length(Position length) {
      exact_length_ = length;
      return *this;
    }
    Position exact_length() const { return exact_length_; }

   private:
    Position exact_length_ = 0;
  };
  using Reader::Reader;
};

// The next so many bytes of another reader, through that one's own buffer.
template <typename Src = Reader*>
class LimitingReader : public LimitingReaderBase {
 public:
  explicit LimitingReader(Closed) : LimitingReaderBase(kClosed) {}
  LimitingReader(Reader* src, Options options) { Init(src, options); }

  void Reset(Reader* src, Options options) {
    Reopen();
    Init(src, options);
  }

  Reader* src() { return src_; }
  Position max_pos() const { return max_pos_; }

 protected:
  bool PullSlow(size_t min_length, size_t recommended_length) override {
    GiveBack();
    const Position left = max_pos_ - src_->pos();
    if (left == 0) {
      Borrow();
      return false;
    }
    if (!src_->Pull(std::min<Position>(min_length, left), std::min<Position>(recommended_length, left))) {
      if (!src_->ok()) return FailWithoutAnnotation(src_->status());
      Borrow();
      return FailWithoutAnnotation(absl::InvalidArgumentError(
          absl::StrCat("Not enough data: expected at least ", max_pos_, ", have ", limit_pos())));
    }
    Borrow();
    return available() >= min_length;
  }
  void Done() override {
    if (src_ != nullptr) GiveBack();
  }

 private:
  void Init(Reader* src, Options options) {
    src_ = src;
    max_pos_ = src->pos() + options.exact_length();
    Borrow();
  }
  void GiveBack() {
    src_->set_cursor(cursor());
    set_buffer(nullptr, 0);
    set_limit_pos(src_->pos());
  }
  void Borrow() {
    const Position position = src_->pos();
    const size_t length = std::min<Position>(src_->available(), max_pos_ - position);
    set_buffer(src_->cursor(), length);
    set_limit_pos(position + length);
  }

  Reader* src_ = nullptr;
  Position max_pos_ = 0;
};

LimitingReader(Reader*, LimitingReaderBase::Options) -> LimitingReader<Reader*>;

}  // namespace riegeli
