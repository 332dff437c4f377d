// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include "riegeli/base/initializer.h"
#include "riegeli/base/maker.h"
#include "riegeli/base/object.h"
#include "riegeli/bytes/reader.h"

namespace riegeli {

// Reads from a reader of its own and computes a digest of what was read.
template <typename Digester, typename Src>
class DigestingReader : public Reader {
 public:
  using DigestType = typename Digester::DigestType;

  explicit DigestingReader(Closed) : Reader(kClosed), src_(kClosed) {}

  template <typename... Args>
  void Reset(MakerType<Args...> src, Initializer<Digester> digester) {
    Reopen();
    digester_ = std::move(digester.value);
    std::apply([&](auto&&... args) { src_.Reset(args...); }, src.args);
    Borrow();
  }

  Src& src() { return src_; }
  // Of everything that was read, once this reader is done.
  DigestType Digest() { return digester_.Digest(); }

 protected:
  bool PullSlow(size_t min_length, size_t recommended_length) override {
    GiveBack();
    const bool pulled = src_.Pull(min_length, recommended_length);
    const bool failed = !pulled && !src_.ok();
    Borrow();
    if (failed) FailWithoutAnnotation(src_.status());
    return pulled;
  }
  void Done() override {
    GiveBack();
    if (!src_.Close()) FailWithoutAnnotation(src_.status());
  }

 private:
  void GiveBack() {
    digester_.Write(std::string_view(start(), cursor() - start()));
    src_.set_cursor(cursor());
    set_buffer(nullptr, 0);
    set_limit_pos(src_.pos());
  }
  void Borrow() {
    set_buffer(src_.cursor(), src_.available());
    set_limit_pos(src_.limit_pos());
  }

  Src src_;
  Digester digester_;
};

}  // namespace riegeli
