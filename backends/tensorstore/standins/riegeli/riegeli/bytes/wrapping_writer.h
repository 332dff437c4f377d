// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "riegeli/base/external_ref.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

// Writes to another writer, through that one's own buffer; closing it leaves the other open.
class WrappingWriter : public Writer {
 public:
  explicit WrappingWriter(Writer* dest) : dest_(dest) { Borrow(); }
  Writer* dest() { return dest_; }

 protected:
  // Told of all bytes, in order, before they go on.
  virtual void Seen(std::string_view) {}

  bool PushSlow(size_t min_length, size_t recommended_length) override {
    GiveBack();
    return Borrowed(dest_->Push(min_length, recommended_length));
  }
  bool WriteSlow(std::string_view bytes) override {
    GiveBack();
    Seen(bytes);
    return Borrowed(dest_->Write(bytes));
  }
  bool WriteSlow(const absl::Cord& bytes) override {
    GiveBack();
    for (absl::string_view piece : bytes.Chunks()) Seen(piece);
    return Borrowed(dest_->Write(bytes));
  }
  bool WriteSlow(const ExternalRef& bytes) override {
    GiveBack();
    Seen(bytes.bytes());
    return Borrowed(dest_->Write(bytes));
  }
  using Writer::WriteSlow;
  void SetWriteSizeHintImpl(std::optional<Position> length) override {
    GiveBack();
    dest_->SetWriteSizeHint(length);
    Borrow();
  }
  void Done() override { GiveBack(); }

 private:
  void GiveBack() {
    Seen(std::string_view(start(), cursor() - start()));
    dest_->set_cursor(cursor());
    set_buffer(nullptr, 0);
    set_start_pos(dest_->pos());
  }
  void Borrow() {
    set_start_pos(dest_->pos());
    set_buffer(dest_->cursor(), dest_->available());
    if (!dest_->ok()) FailWithoutAnnotation(dest_->status());
  }
  bool Borrowed(bool succeeded) {
    if (!succeeded) FailWithoutAnnotation(dest_->status());
    Borrow();
    return succeeded;
  }

  Writer* dest_;
};

}  // namespace riegeli
