// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "riegeli/base/chain.h"
#include "riegeli/base/external_ref.h"
#include "riegeli/base/object.h"
#include "riegeli/base/types.h"

namespace riegeli {

// A sink of bytes with a buffer: `start() .. cursor()` is written, `cursor() .. limit()` is free.
//
// After a failure nothing is free, so that every write reaches `ok()`.
class Writer : public Object {
 public:
  using Object::Object;

  size_t available() const { return limit_ - cursor_; }
  char* start() const { return start_; }
  char* cursor() const { return cursor_; }
  char* limit() const { return limit_; }
  void set_cursor(char* cursor) { cursor_ = cursor; }
  void move_cursor(size_t length) { cursor_ += length; }
  Position pos() const { return start_pos_ + (cursor_ - start_); }

  // Makes at least `min_length` bytes free.
  bool Push(size_t min_length = 1, size_t recommended_length = 0) {
    if (available() >= min_length) return true;
    return ok() && PushSlow(min_length, recommended_length);
  }

  bool Write(char byte) {
    if (!Push()) return false;
    *cursor_++ = byte;
    return true;
  }
  bool WriteByte(uint8_t byte) { return Write(static_cast<char>(byte)); }
  bool Write(std::string_view bytes) {
    if (available() < bytes.size()) return ok() && WriteSlow(bytes);
    if (!bytes.empty()) std::memcpy(cursor_, bytes.data(), bytes.size());
    cursor_ += bytes.size();
    return true;
  }
  bool Write(const std::string& bytes) { return Write(std::string_view(bytes)); }
  bool Write(const char* text) { return Write(std::string_view(text)); }
  bool Write(const absl::Cord& bytes) { return ok() && WriteSlow(bytes); }
  bool Write(const ExternalRef& bytes) { return ok() && WriteSlow(bytes); }

  // How many more bytes will come, as far as is known.
  void SetWriteSizeHint(std::optional<Position> length) { SetWriteSizeHintImpl(length); }

 protected:
  // Called with less than `min_length` free.
  virtual bool PushSlow(size_t min_length, size_t recommended_length) = 0;

  virtual bool WriteSlow(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!Push(1, bytes.size())) return false;
      const size_t length = std::min(available(), bytes.size());
      std::memcpy(cursor_, bytes.data(), length);
      cursor_ += length;
      bytes.remove_prefix(length);
    }
    return true;
  }
  virtual bool WriteSlow(const Chain&) { return Fail(absl::UnimplementedError("no stand-in makes a Chain")); }
  virtual bool WriteSlow(const absl::Cord& bytes) {
    for (absl::string_view piece : bytes.Chunks()) {
      if (!Write(std::string_view(piece))) return false;
    }
    return true;
  }
  virtual bool WriteSlow(const ExternalRef& bytes) { return Write(bytes.bytes()); }
  virtual void SetWriteSizeHintImpl(std::optional<Position>) {}

  void OnFail() override { limit_ = cursor_; }

  void set_buffer(char* start, size_t length) {
    start_ = cursor_ = start;
    limit_ = start + length;
  }
  void set_start_pos(Position position) { start_pos_ = position; }
  void move_start_pos(Position length) { start_pos_ += length; }

 private:
  char* start_ = nullptr;
  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  // Position of `start_`.
  Position start_pos_ = 0;
};

}  // namespace riegeli
