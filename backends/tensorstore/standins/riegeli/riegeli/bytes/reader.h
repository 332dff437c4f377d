// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "riegeli/base/object.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

// A source of bytes with a buffer: `start() .. cursor()` was read, `cursor() .. limit()` is there to be read.
//
// A function that returns false with `ok()` has reached the end.
class Reader : public Object {
 public:
  using Object::Object;

  size_t available() const { return limit_ - cursor_; }
  const char* start() const { return start_; }
  const char* cursor() const { return cursor_; }
  const char* limit() const { return limit_; }
  void set_cursor(const char* cursor) { cursor_ = cursor; }
  void move_cursor(size_t length) { cursor_ += length; }
  Position pos() const { return limit_pos_ - available(); }
  Position limit_pos() const { return limit_pos_; }

  // Makes at least `min_length` bytes available.
  bool Pull(size_t min_length = 1, size_t recommended_length = 0) {
    if (available() >= min_length) return true;
    return ok() && PullSlow(min_length, recommended_length);
  }

  bool Read(char& byte) {
    if (!Pull()) return false;
    byte = *cursor_++;
    return true;
  }
  bool ReadByte(uint8_t& byte) {
    if (!Pull()) return false;
    byte = static_cast<uint8_t>(*cursor_++);
    return true;
  }
  bool Read(size_t length, char* dest, size_t* length_read = nullptr) {
    const Position before = pos();
    bool all = true;
    if (available() < length) {
      all = ok() && ReadSlow(length, dest);
    } else if (length != 0) {
      std::memcpy(dest, cursor_, length);
      cursor_ += length;
    }
    if (length_read != nullptr) *length_read = pos() - before;
    return all;
  }
  bool Read(size_t length, std::string& dest) {
    dest.clear();
    // Grows with what comes: `length` may be nonsense from a damaged file.
    while (length != 0) {
      if (!Pull(1, length)) return false;
      const size_t piece = std::min(length, available());
      dest.append(cursor_, piece);
      cursor_ += piece;
      length -= piece;
    }
    return true;
  }
  // `dest` lives until the next call.
  bool Read(size_t length, std::string_view& dest) {
    if (available() >= length) {
      dest = {cursor_, length};
      cursor_ += length;
      return true;
    }
    const bool all = Read(length, view_);
    dest = view_;
    return all;
  }
  bool Read(size_t length, absl::Cord& dest) {
    std::string bytes;
    const bool all = Read(length, bytes);
    dest = absl::Cord(std::move(bytes));
    return all;
  }

  bool Seek(Position position) {
    const Position start_pos = limit_pos_ - (limit_ - start_);
    if (position < start_pos || position > limit_pos_) return ok() && SeekSlow(position);
    cursor_ = limit_ - (limit_pos_ - position);
    return true;
  }
  bool Copy(Position length, Writer& dest) { return ok() && CopySlow(length, dest); }

  bool VerifyEnd() {
    if (Pull()) return Fail(absl::InvalidArgumentError(absl::StrCat("End of data expected at byte ", pos())));
    return ok();
  }
  bool VerifyEndAndClose() {
    VerifyEnd();
    return Close();
  }

  // All that is left; `dest` lives as long as this reader.
  virtual bool ReadRest(std::string_view& dest) {
    view_.clear();
    while (Pull()) {
      view_.append(cursor_, available());
      cursor_ = limit_;
    }
    dest = view_;
    return ok();
  }
  virtual bool ReadRest(absl::Cord& dest) {
    std::string_view bytes;
    const bool all = ReadRest(bytes);
    dest = absl::Cord(bytes);
    return all;
  }

  void SetReadAllHint(bool hint) { SetReadAllHintImpl(hint); }
  absl::optional<Position> Size() {
    if (!ok()) return absl::nullopt;
    return SizeImpl();
  }
  virtual bool ToleratesReadingAhead() { return false; }
  virtual bool SupportsSize() { return false; }
  virtual bool SupportsRewind() { return false; }

 protected:
  // Called with less than `min_length` available.
  virtual bool PullSlow(size_t min_length, size_t recommended_length) = 0;

  virtual bool ReadSlow(size_t length, char* dest) {
    while (length != 0) {
      if (!Pull(1, length)) return false;
      const size_t piece = std::min(length, available());
      std::memcpy(dest, cursor_, piece);
      cursor_ += piece;
      dest += piece;
      length -= piece;
    }
    return true;
  }
  virtual bool SeekSlow(Position position) {
    if (position < pos()) return Fail(absl::UnimplementedError("this reader cannot go back"));
    while (pos() < position) {
      if (!Pull()) return false;
      cursor_ += std::min<Position>(available(), position - pos());
    }
    return true;
  }
  virtual bool CopySlow(Position length, Writer& dest) {
    while (length != 0) {
      if (!Pull()) return false;
      const size_t piece = std::min<Position>(length, available());
      if (!dest.Write(std::string_view(cursor_, piece))) return false;
      cursor_ += piece;
      length -= piece;
    }
    return true;
  }
  virtual absl::optional<Position> SizeImpl() { return absl::nullopt; }
  virtual void SetReadAllHintImpl(bool) {}

  void OnFail() override {
    // `pos()` stays what it was.
    limit_pos_ -= available();
    limit_ = cursor_;
  }

  void set_buffer(const char* start, size_t length) {
    start_ = cursor_ = start;
    limit_ = start + length;
  }
  void set_limit_pos(Position position) { limit_pos_ = position; }
  void move_limit_pos(Position length) { limit_pos_ += length; }

 private:
  const char* start_ = nullptr;
  const char* cursor_ = nullptr;
  const char* limit_ = nullptr;
  // Position of `limit_`.
  Position limit_pos_ = 0;
  std::string view_;
};

}  // namespace riegeli
