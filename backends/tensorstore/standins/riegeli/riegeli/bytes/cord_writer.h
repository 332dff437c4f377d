// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "riegeli/base/external_ref.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

// Writes into a cord, in blocks that the cord then shares.
class CordWriterBase : public Writer {
 public:
  class Options {
   public:
    Options& set_max_block_size(size_t length) {
      max_block_size_ = length;
      return *this;
    }
    size_t max_block_size() const { return max_block_size_; }

   private:
    size_t max_block_size_ = 64 << 10;
  };

 protected:
  explicit CordWriterBase(Options options) : options_(options) {}

  virtual absl::Cord& cord() = 0;

  void Done() override { Flush(); }

  // Blocks grow with what was written, so that many small writes cost few allocations.
  bool PushSlow(size_t min_length, size_t recommended_length) override {
    Flush();
    const size_t largest = options_.max_block_size();
    size_t wanted = std::max<size_t>(recommended_length, kSmallestBlock);
    if (size_hint_ && *size_hint_ > pos()) wanted = std::max<size_t>(wanted, *size_hint_ - pos());
    wanted = std::min(wanted, std::max(largest, recommended_length));
    const size_t grown = std::min<size_t>(pos(), std::min(largest, kLargestGrownBlock));
    capacity_ = std::max({min_length, wanted, grown});
    block_ = std::shared_ptr<char>(new char[capacity_], std::default_delete<char[]>());
    set_buffer(block_.get(), capacity_);
    return true;
  }
  bool WriteSlow(const absl::Cord& bytes) override {
    Flush();
    cord().Append(bytes);
    move_start_pos(bytes.size());
    return true;
  }
  bool WriteSlow(const ExternalRef& bytes) override {
    Flush();
    cord().Append(bytes.ToCord());
    move_start_pos(bytes.bytes().size());
    return true;
  }
  using Writer::WriteSlow;
  void SetWriteSizeHintImpl(std::optional<Position> length) override {
    size_hint_.reset();
    if (length) size_hint_ = pos() + *length;
  }

 private:
  static constexpr size_t kSmallestBlock = 256;
  static constexpr size_t kLargestGrownBlock = 1 << 20;

  // Hands what is in the block to the cord: shared where it is large and well filled, else copied.
  void Flush() {
    const size_t length = cursor() - start();
    if (length != 0) {
      const absl::string_view bytes(start(), length);
      if (length < ExternalRef::kWorthSharing || length < capacity_ / 2) {
        cord().Append(bytes);
      } else {
        cord().Append(absl::MakeCordFromExternal(bytes, [block = block_](absl::string_view) {}));
      }
      move_start_pos(length);
    }
    block_.reset();
    set_buffer(nullptr, 0);
  }

  Options options_;
  std::shared_ptr<char> block_;
  size_t capacity_ = 0;
  // Position at which the data are expected to end.
  std::optional<Position> size_hint_;
};

template <typename Dest = absl::Cord*>
class CordWriter;

// Into a cord of the caller's, which is emptied first.
template <>
class CordWriter<absl::Cord*> : public CordWriterBase {
 public:
  explicit CordWriter(absl::Cord* dest, Options options = Options()) : CordWriterBase(options), dest_(dest) {
    dest->Clear();
  }
  absl::Cord* dest() { return dest_; }

 protected:
  absl::Cord& cord() override { return *dest_; }

 private:
  absl::Cord* dest_;
};

// Into a cord of its own.
template <>
class CordWriter<absl::Cord> : public CordWriterBase {
 public:
  explicit CordWriter(Options options = Options()) : CordWriterBase(options) {}
  absl::Cord& dest() { return dest_; }

 protected:
  absl::Cord& cord() override { return dest_; }

 private:
  absl::Cord dest_;
};

CordWriter(absl::Cord*) -> CordWriter<absl::Cord*>;

}  // namespace riegeli
